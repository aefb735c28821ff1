"""Alterations of what was decided, by whoever writes the log and signs it: named by leaf and rule."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

from anchoring.auditing.audit import audit
from anchoring.tree.sources import DirectorySource
from registry.clock import in_shanghai, rfc3339
from registry.ledger.movement import Flag, Kind
from registry.procedure.clock import AHEAD_MS, BEHIND_MS
from tests.support.decided import leaves_in, write_book
from tests.support.decisions import Book, canonical, moment, to_issued, to_live
from tests.support.hasty import MOMENTARY
from tests.support.procedure_cases.making import QUANTIFIED, RECOGNISED, behaviours
from tests.support.rewriting import follow, placed, with_salts_of, without, written
from tests.support.synthetic_log import VKEY, FakeAnchor, FakeChain, anchor_of
from tests.tamper.verdict import Tried, judged

CODE = "SHCER02020032021II"
"""Of the story's methodology."""
Altered = tuple[str, int, str]
"""What was done, the leaf that must be named, and its rule."""


class OfDecisions:
    """Draws alterations of a log in which a scenario was approved, issued, and was corrected."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.kinds: dict[str, Callable[[Book], Altered]] = {
            "altered": self._alter,
            "dropped": self._drop,
            "forked": self._fork,
            "wrong authority": self._wrong_authority,
            "too early": self._too_early,
            "one officer twice": self._twice,
            "backdated": self._backdate,
            "ISSUE outside every ISSUANCE": self._issue,
            "source not live": self._not_live,
            "by a methodology that was withdrawn": self._withdrawn,
            "a version published twice": self._published_twice,
            "in force before it was approved": self._in_force_before,
            "a step that the life cycle has not": self._no_step,
            "without the opinions that it needs": self._unopined,
            "with the opinion of who is barred": self._barred,
            "a behaviour that no policy lets issue": self._behaviour,
            "VOID that no CORRECTION names": self._void,
            "points valid too long": self._points,
            "backdated against its anchors": self._after_anchor,
            "dated after its anchor": self._before_anchor,
            "a salt of another file": self._salt,
        }
        self.anchors: list[FakeAnchor] = []

    def run(self, count: int) -> Iterator[Tried]:
        for at in range(count):
            kind = list(self.kinds)[at % len(self.kinds)]
            book, self.anchors = self._story(), []
            what, leaf, rule = self.kinds[kind](book)
            with tempfile.TemporaryDirectory(prefix="gl-decided-", dir=MOMENTARY) as folder:
                write_book(Path(folder), book)
                report = audit(DirectorySource(Path(folder)), VKEY, FakeChain(self.anchors))
            named = [] if report.first is None else [(report.first.leaf, report.first.code)]
            named += [(finding.leaf, finding.name) for finding in report.findings]
            yield judged(f"decision: {kind}", what, named, [(leaf, rule)])

    def _story(self) -> Book:
        book = to_issued()
        first = self.random.randrange(0, 300)
        book.correct(1, book.lot, [f"{first} {first + 100}"], 100)
        book.move(Kind.VOID, first, first + 50)
        return book

    def _of(self, book: Book, *cases: str):
        """Some decision of these cases."""
        chosen = [entry for entry in book.entries if entry.document and entry.document.values["case"] in cases]
        return self.random.choice(chosen)

    def _next(self, book: Book, entry):
        case = entry.document.values["case"]
        return next(e for e in book.entries[entry.leaf + 1 :] if e.document and e.document.values["case"] == case)

    def _rewrite(self, book: Book, entry, **said) -> None:
        book.entries[entry.leaf] = written(entry, entry.document.values | said)
        follow(book.entries, entry.leaf, entry)

    def _with_next(self, book: Book):
        """A decision on which nothing rests but the next of its case."""
        steps = {("M-1", "submit"), ("M-1", "evaluate"), ("I-1", "propose"), ("C-1", "propose")}
        steps |= {("S-1", step) for step in ("apply", "accept", "review", "open_publicity", "publish", "connect")}
        chosen = [
            e
            for e in book.entries
            if e.document and (e.document.values["case"], e.document.values["decision"]) in steps
        ]
        return self.random.choice(chosen)

    def _alter(self, book: Book) -> Altered:
        entry = self._with_next(book)
        after = self._next(book, entry)
        book.entries[entry.leaf] = written(
            entry, entry.document.values | {"reason": f"other-{self.random.randrange(99)}"}
        )
        return f"leaf {entry.leaf}", after.leaf, "PREVIOUS"

    def _drop(self, book: Book) -> Altered:
        entry = self._with_next(book)
        after = self._next(book, entry)
        book.entries = without(book.entries, entry.leaf)
        return f"leaf {entry.leaf}", after.leaf - 1, "PREVIOUS"

    def _fork(self, book: Book) -> Altered:
        entry = self._of(book, "S-1", "M-1", "I-1", "C-1", "P-1")
        other = written(entry, entry.document.values | {"reason": "other"})
        book.entries.append(placed(other, len(book.entries)))
        return f"leaf {entry.leaf}", len(book.entries) - 1, "PREVIOUS"

    def _wrong_authority(self, book: Book) -> Altered:
        entry = self._of(book, "S-1", "M-1", "I-1", "C-1", "P-1")
        self._rewrite(book, entry, actor=f"{self.random.choice(['district', 'expert', 'mall'])}:1")
        return f"leaf {entry.leaf}", entry.leaf, "ACTOR"

    def _too_early(self, book: Book) -> Altered:
        opened = next(e for e in book.entries if e.document and "publicity_from" in e.document.values)
        entry = self._next(book, opened)
        until = moment("2026-01-16 00:00")
        at = self.random.randrange(opened.movement.at, until)
        self._rewrite(book, entry, at=rfc3339(at))
        return rfc3339(at), entry.leaf, "WAIT"

    def _twice(self, book: Book) -> Altered:
        entry = self.random.choice([e for e in book.entries if e.document and "second" in e.document.values])
        before = next(e for e in book.entries if e.movement.evidence.hex() == entry.document.values["previous"])
        said = entry.document.values
        # Of the shipped steps the second officer is of the authority that acts, or of the exchange.
        named = {said["second"].split(":")[0]}
        own = [actor for actor in (said["actor"], before.document.values["actor"]) if actor.split(":")[0] in named]
        if not own:
            return self._twice(book)
        self._rewrite(book, entry, second=self.random.choice(own))
        return f"leaf {entry.leaf}", entry.leaf, "SECOND"

    def _backdate(self, book: Book) -> Altered:
        entry = self._with_next(book)
        after = self._next(book, entry)
        self._rewrite(book, after, at=rfc3339(entry.movement.at - self.random.randrange(1, 86_400_000)))
        return f"leaf {after.leaf}", after.leaf, "PREVIOUS"

    def _issue(self, book: Book) -> Altered:
        first = self.random.randrange(1000, 10**9)
        book.move(Kind.ISSUE, first, first + self.random.randrange(1, 10**6))
        return f"from {first}", len(book.entries) - 1, "LOT"

    def _not_live(self, book: Book) -> Altered:
        if self.random.randrange(2):
            book.find(book.terms)
        else:
            book.source("S-1", "end", "ended", book.terms)
        digest = self._of(book, "S-1").movement.evidence.hex()
        book.issuance(2, digest, book.methodology_digest, first=1000)
        return digest[:8], len(book.entries) - 1, "NEEDS"

    def _withdrawn(self, book: Book) -> Altered:
        terms = {"code": CODE, "version": "1", "class_": "II", "kind_": "scenario"}
        book.decide("M-1", "withdraw", "withdrawn", "bureau:1", second="bureau:2", **terms)
        book.issuance(2, book.live, book.methodology_digest, first=1000)
        return book.methodology_digest[:8], len(book.entries) - 1, "NEEDS"

    def _published_twice(self, book: Book) -> Altered:
        terms = {"code": CODE, "version": "1", "class_": self.random.choice(["I", "II"]), "kind_": "scenario"}
        definition = canonical({"formula": self.random.randrange(10**9)})
        book.decide("M-1", "revise", "published", "bureau:1", second="bureau:2", definition=definition, **terms)
        return definition, len(book.entries) - 1, "PREVIOUS"

    def _in_force_before(self, book: Book) -> Altered:
        name, value = self.random.choice([("points", {"validity_years": 9}), ("publicity", {"source": 0})])
        at = book.at - book.at % 60_000 - 60_000 * self.random.randrange(0, 1000)
        book.policy(book.numbers[name], name, value, in_force=shanghai(at))
        return f"{name} from {rfc3339(at)}", len(book.entries) - 1, "POLICY"

    def _no_step(self, book: Book) -> Altered:
        step, to = self.random.choice([("publish", "published"), ("renew", "published"), ("invent", "live")])
        book.source("S-1", step, to, book.terms, "centre:2", second="centre:4")
        return f"{step} to {to}", len(book.entries) - 1, "STATE_OF_CASE"

    def _unopined(self, book: Book) -> Altered:
        entry = next(e for e in book.entries if e.document and "opinions" in e.document.values)
        kept = {name: value for name, value in entry.document.values.items() if name != "opinions"}
        book.entries[entry.leaf] = written(entry, kept)
        follow(book.entries, entry.leaf, entry)
        return f"leaf {entry.leaf}", entry.leaf, "NEEDS"

    def _barred(self, book: Book) -> Altered:
        book.sanction()
        if self.random.randrange(2):
            book.answer("uphold", "upheld")
        book.methodology(2)
        book.entries.pop()
        return "a methodology", len(book.entries) - 1, "NEEDS"

    def _behaviour(self, book: Book) -> Altered:
        behaviour = to_live(
            "behaviour", tables={"behaviours": behaviours(self.random.choice([RECOGNISED, QUANTIFIED]))}
        )
        behaviour.issuance(2, behaviour.live, behaviour.methodology_digest, first=self.random.randrange(10**6))
        book.entries[:] = behaviour.entries
        return "a behaviour", len(book.entries) - 1, "POLICY"

    def _void(self, book: Book) -> Altered:
        first = self.random.randrange(400, 900)
        book.move(Kind.VOID, first, first + self.random.randrange(1, 100), Flag.SCENARIO)
        return f"from {first}", len(book.entries) - 1, "VOIDED"

    def _points(self, book: Book) -> Altered:
        until = moment("2028-02-03 00:00") - 1 + self.random.choice([-1, 1]) * self.random.randrange(1, 10**9)
        book.move(Kind.CONVERT, 900, 1000, Flag.SCENARIO | Flag.INDIVIDUAL | Flag.CONVERTED, until=until)
        return rfc3339(until), len(book.entries) - 1, "POLICY"

    def _salt(self, book: Book) -> Altered:
        other = self._of(book, "S-1", "M-1", "I-1", "C-1", "P-1")
        while len(book.entries) < 257:
            book.find(book.terms, actor="exchange:3")
            book.clear(book.terms)
        last = book.entries[-1]
        book.entries[-1] = with_salts_of(last, other, [self.random.choice(["actor", "at", "case", "record"])])
        return f"leaf {other.leaf}", last.leaf, "DOCUMENT"

    def _anchored(self, book: Book, size: int, at: int) -> str:
        """The first leaves were anchored at a time, and all of them in the end."""
        leaves = leaves_in(book)
        self.anchors = [replace(anchor_of(leaves, size), at=at), anchor_of(leaves, len(leaves))]
        return f"{size} leaves by {rfc3339(at)}"

    def _after_anchor(self, book: Book) -> Altered:
        leaf = self.random.choice([entry.leaf for entry in book.entries[1:] if entry.document])
        at = book.entries[leaf].movement.at + BEHIND_MS + self.random.randrange(1, 86_400_000)
        return self._anchored(book, leaf, at), leaf, "BEFORE_ANCHOR"

    def _before_anchor(self, book: Book) -> Altered:
        leaf = self.random.choice([entry.leaf for entry in book.entries[1:] if entry.document])
        at = book.entries[leaf].movement.at - AHEAD_MS - 1
        # Of one time with it there may be one before it.
        first = next(entry.leaf for entry in book.entries if entry.document and entry.movement.at > at + AHEAD_MS)
        return self._anchored(book, leaf + 1, at), first, "CLOCK"


def shanghai(at: int) -> str:
    return in_shanghai(at).strftime("%Y-%m-%d %H:%M")


def step_of(entry) -> tuple[str, str]:
    return entry.document.values["case"], entry.document.values["decision"]
