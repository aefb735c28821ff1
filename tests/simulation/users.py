"""The users: what they ask of the registry, again when no answer came, at once, and twice.

The registry's side is the real write path, with its idempotency keys, on a real database. Of each request the model
says first what must come of it.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
from fastapi import Request

from api.acts.views import posted
from api.door.caller import Principal
from api.door.write import Write
from registry.errors import KeyReused, RegistryError, Unavailable
from registry.identity.grants import Grant
from registry.identity.roles import Role
from registry.ledger.ledger import Ledger
from tests.simulation.chance import Chance, Crash
from tests.support.acts import Acts, Drawn
from tests.support.gram_model import Failure, Gram

CALLER = Principal(b"user", (Grant(Role.CENTRE, officer=1),))
FATES = {"arrives": 16.0, "dropped": 1.0, "unanswered": 2.0, "killed": 1.5, "crashes": 1.5}
RIVAL_S, PAUSE_S = 60, 0.002


@dataclass
class Asked:
    """One request. `is_other` repeats a key with another body."""

    key: str
    drawn: Drawn
    is_other: bool = False
    is_answered: bool = False


@dataclass(frozen=True)
class Expected:
    """What the model says: grams taken, or an earlier answer, or an error."""

    at: int
    taken: list[Gram] | None = None
    earlier: dict[str, Any] | None = None
    error: type[RegistryError] | None = None


@dataclass
class Users:
    """Everybody who asks. `kill` ends a connection from the database's side; `is_waiting` says that one waits there."""

    chance: Chance
    acts: Acts
    write: type[Write]
    kill: Callable[[sa.Connection], None]
    is_waiting: Callable[[], bool]
    between: Callable[[], None]
    """What else happens while an act is not committed yet."""
    requests: list[Asked] = field(default_factory=list)
    kept: dict[str, tuple[bool, dict[str, Any]]] = field(default_factory=dict)
    """Of each key that was accepted, which of its two bodies, and the first answer."""
    is_shaken: bool = False
    """The database dropped its connections: the next request may find its own dead."""

    def __post_init__(self) -> None:
        scheme = self.acts.scheme
        # Claiming a key reads the clock too; it must not move the one that acts are predicted by.
        standing = Ledger(lambda: scheme.clock.now, scheme.ledger.vault)
        self._site: Any = SimpleNamespace(ledger=standing, database=scheme.database, as_of=None)

    # What happens

    def ask(self) -> None:
        """Somebody asks for something new."""
        # Without grams nearly everything is refused.
        drawn = self.acts.draw() if len(self.kept) >= 3 else self.acts.issue()
        if drawn is not None:
            self.ask_for(drawn)

    def ask_for(self, drawn: Drawn) -> None:
        """Somebody asks for this."""
        self._send(self._new(drawn))

    def ask_again(self) -> None:
        """Who had no answer asks again with the same key; or a request arrives a second time, however late."""
        unanswered = [asked for asked in self.requests if not asked.is_answered]
        if unanswered and self.chance.random.random() < 0.7:
            self._send(self.chance.choice(unanswered))
        elif self.requests:
            asked = self.chance.choice(self.requests)
            self.chance.count("repeats")
            self._send(Asked(asked.key, asked.drawn, self.chance.happens(0.2), is_answered=True))

    def ask_at_once(self) -> None:
        """Two ask at once: the second comes while the first is not committed, and waits, or wins, or loses."""
        first, second = self.acts.draw(), self.acts.draw()
        if first is None or second is None:
            return
        one = self._new(first)
        other = Asked(one.key, first) if self.chance.happens(0.25) else self._new(second)
        self.chance.count("rivals")
        self._send(one, rival=other)

    def settle_all(self) -> None:
        """Whoever had no answer asks again."""
        for asked in self.requests:
            if not asked.is_answered:
                self._send(asked)

    # How it happens

    def _new(self, drawn: Drawn) -> Asked:
        self.requests.append(Asked(f"key-{len(self.requests)}", drawn))
        return self.requests[-1]

    def _expect(self, asked: Asked, at: int | None = None) -> Expected:
        at = self.acts.scheme.clock.now + 1 if at is None else at
        if asked.key in self.kept:
            was_other, earlier = self.kept[asked.key]
            return Expected(at, error=KeyReused) if was_other != asked.is_other else Expected(at, earlier=earlier)
        try:
            return Expected(at, taken=asked.drawn.takes(at))
        except Failure as failure:
            return Expected(at, error=failure.of)

    def _send(self, asked: Asked, rival: Asked | None = None) -> None:
        fate = "arrives" if self.chance.is_calm else self.chance.weighted(FATES)
        if fate == "dropped":
            self.chance.note("ask", asked.key, asked.drawn.name, fate)
            self.chance.count("drops")
            return
        expected = self._expect(asked)
        second = None if rival is None else _Rival(self, rival)
        outcome = self._perform(asked, fate, second)
        was_first = second is not None and second.settle_before()
        self._settle(asked, expected, outcome, fate)
        if second is not None and not was_first:
            second.settle_after()

    def _perform(self, asked: Asked, fate: str, rival: "_Rival | None" = None) -> object:
        """The parsed answer, or what was raised."""

        def act(tx: sa.Connection) -> Mapping[str, Any]:
            done = posted(asked.drawn.act(tx, self.acts.scheme.ledger))
            if rival is not None:
                rival.start()
                self.between()
                rival.is_let_go()
            if fate == "crashes":
                raise Crash("registry", "committing")
            if fate == "killed":
                self.kill(tx)
            return done

        request = Request({"type": "http", "method": "POST", "path": "/v1/simulated", "headers": []})
        write = self.write(request, self._site, CALLER, asked.key)
        try:
            answer = write.perform({"asked": asked.key, "other": asked.is_other}, act, at="/")
        except (RegistryError, Crash) as error:
            return error
        return json.loads(bytes(answer.body))

    def _settle(self, asked: Asked, expected: Expected, outcome: object, fate: str) -> None:
        """Hold what came of a request against what the model said, and let the model follow."""
        said = type(outcome).__name__ if isinstance(outcome, BaseException) else "accepted"
        self.chance.note("ask", asked.key, asked.drawn.name, fate, said, expected.at)
        if isinstance(outcome, Crash | Unavailable):
            assert fate in {"killed", "crashes"} or self.is_shaken, f"{asked.key} failed by itself: {outcome!r}"
            self.is_shaken = False
            self.chance.count("crashes: registry" if fate == "crashes" else "connections killed")
            return
        self.is_shaken = False
        if expected.error is not None:
            assert isinstance(outcome, expected.error), f"{asked.key}: {outcome!r}, not {expected.error.__name__}"
            self.chance.count("acts refused")
        else:
            assert isinstance(outcome, dict), f"{asked.key} must be accepted: {outcome!r}"
            self._accept(asked, expected, outcome)
        asked.is_answered |= fate != "unanswered"
        self.chance.count("drops", fate == "unanswered")

    def _accept(self, asked: Asked, expected: Expected, answer: dict[str, Any]) -> None:
        if expected.earlier is not None:
            assert answer == expected.earlier, f"{asked.key} was answered otherwise the second time"
            return
        taken = expected.taken or []
        is_gathered = answer["kind"] == "gather"  # then the answer names the bundle: the numbers that they got
        if is_gathered:
            asked.drawn.change(taken, int(answer["act"]), expected.at)
        numbers = sorted(number for one in answer["movements"] for number in _grams(one["serial"]))
        assert numbers == sorted(gram.number for gram in taken), f"{asked.key} took other grams"
        if not is_gathered:
            asked.drawn.change(taken, int(answer["act"]), expected.at)
        self.kept[asked.key] = asked.is_other, answer
        self.chance.count("acts accepted")


class _Rival:
    """A request in a second thread, begun in the middle of another: one of the two runs at any time.

    It runs until it is through, or waits for a lock that the first one holds; which of the two, the database decides,
    and always in the same way.
    """

    def __init__(self, users: Users, asked: Asked) -> None:
        self._users, self._asked = users, asked
        self._clock = users.acts.scheme.clock
        self._outcome: object = None
        self._foreseen: Expected | None = None
        self._at: int | None = None
        self._thread = threading.Thread(target=self._run)
        self.was_held = False

    def _run(self) -> None:
        self._outcome = self._users._perform(self._asked, "arrives")

    def start(self) -> None:
        before = self._clock.now
        self._foreseen = self._users._expect(self._asked)
        self._thread.start()
        until = time.monotonic() + RIVAL_S
        while self._thread.is_alive() and not self.was_held:
            self._thread.join(PAUSE_S)
            self.was_held = self._users.is_waiting() and self._thread.is_alive()
            assert time.monotonic() < until, "the second request neither ends nor waits"
        self._at = self._foreseen.at if self._clock.now > before else None
        self._users.chance.note("rival", self._asked.key, "waits" if self.was_held else "is through")

    def is_let_go(self) -> None:
        """The first one ends: if the second has not read the clock yet, it does so now."""
        self._at = self._at or self._clock.now + 1

    def settle_before(self) -> bool:
        """Settle what was through before the first one committed; neither saw the other."""
        if self._foreseen is None or self.was_held:
            return False
        self._thread.join()
        self._users._settle(self._asked, self._foreseen, self._outcome, "arrives")
        return True

    def settle_after(self) -> None:
        """Settle what waited, so that it saw what became of the first."""
        if self._foreseen is not None:
            self._thread.join()
            self._users._settle(self._asked, self._users._expect(self._asked, self._at), self._outcome, "arrives")


def _grams(serial: str) -> range:
    first, last = serial.removeprefix("SHCER-").split("-")
    return range(int(first), int(last) + 1)
