"""Sends events to webhooks: each in its order, all beside each other, so that a slow one holds up nobody."""

import json
import random
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx2
import structlog

from anchoring.deadline import Deadline
from api.events.shapes import Event
from api.installation.settings import Environment
from api.installation.site import Site
from api.webhooks.target import NotAllowed, Resolve, address_of, look_up, read_target
from registry.clock import Clock
from registry.errors import Invalid, RegistryError
from registry.webhooks import sending
from registry.webhooks.sending import Delivery
from registry.webhooks.signing import headers_of

log = structlog.get_logger()

ANSWER_S: Final = 15.0
"""For a whole exchange: connecting, sending, and the answer's head. Source: the text's "Request timeouts"."""
MOST: Final = 32
"""Exchanges at once."""
MOST_OF_ACCOUNT: Final = 2
"""Of one account's webhooks: more would let one account take all places."""
MOST_SLOW: Final = 24
"""Of those whose last exchange failed or took longer than `SLOW_S`: the other places are for who answers at once."""
SLOW_S: Final = 1.0
IN_A_ROW: Final = 100
TURN_S: Final = 5.0
"""A webhook is sent so many events, and begins none after so long; then it goes behind all others."""
OK, REDIRECTS, GONE, THROTTLED = range(200, 300), range(300, 400), 410, (429, 503)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a try: the answer's status, or why there is none; and how long it asks to be left alone."""

    status: int | None
    failure: str = ""
    wait_ms: int | None = None


class Sender:
    """One POST to somebody else's machine. Threads share it."""

    def __init__(
        self,
        clock: Clock,
        *,
        in_development: bool,
        resolve: Resolve = look_up,
        context: ssl.SSLContext | None = None,
        answer_s: float = ANSWER_S,
    ) -> None:
        """Take how names are looked up and whose certificates are trusted: the system's, when not said."""
        self._clock, self._in_development, self._resolve, self._answer_s = clock, in_development, resolve, answer_s
        # No connection is kept: one to an address would be used for another name at the same address. No proxy of
        # the environment is asked, and no redirect is followed: both would lead where nobody looked.
        self._client = httpx2.Client(
            verify=context or ssl.create_default_context(),
            trust_env=False,
            follow_redirects=False,
            timeout=answer_s,
            # Nothing is kept that an answer sets: cookies would pile up, and go to others at the same address.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
        )
        self._deadline = Deadline(self._client)

    def close(self) -> None:
        """Give back connections."""
        self._client.close()

    def send(self, delivery: Delivery) -> Outcome:
        """Try once. Of the answer the status is read, and nothing of its body."""
        event = Event.of(delivery.event).model_dump() | {"account": delivery.account_id}
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        message = f"evt_{delivery.account_id}_{delivery.event.number}"
        signed = headers_of(message, self._clock() // 1000, body, delivery.keys)
        try:
            target = read_target(delivery.url, in_development=self._in_development)
            address = address_of(target, self._resolve, in_development=self._in_development)
        except (Invalid, NotAllowed):
            return Outcome(None, "the name leads to no address that anything is sent to")
        own = {"Host": target.authority, "Content-Type": "application/json", "User-Agent": "Gramledger-Webhooks/1"}
        try:
            with (
                self._deadline.within(self._answer_s),
                self._client.stream(
                    "POST",
                    target.at(address),
                    headers=own | signed,
                    content=body,
                    extensions={"sni_hostname": target.host},
                ) as answer,
            ):
                return self._outcome(answer)
        except httpx2.TimeoutException:
            return Outcome(None, f"no answer within {self._answer_s:.0f} s")
        except (httpx2.HTTPError, ssl.SSLError, OSError, ValueError) as error:
            is_tls = isinstance(error, ssl.SSLError) or "SSL" in str(error) or "certificate" in str(error).lower()
            return Outcome(
                None, "TLS failed: see the certificate" if is_tls else "the connection was not made, or broke"
            )

    def _outcome(self, answer: httpx2.Response) -> Outcome:
        status = answer.status_code
        if status in OK:
            return Outcome(status)
        redirects = ": redirects are not followed, change the URL" if status in REDIRECTS else ""
        wait_ms = self._wait(answer.headers.get("Retry-After", "")) if status in THROTTLED else None
        return Outcome(status, f"answered {status}{redirects}", wait_ms)

    def _wait(self, text: str) -> int | None:
        """Read a Retry-After, seconds or a date (RFC 9110, section 10.2.3); None for neither."""
        if text.isascii() and text.isdecimal() and len(text) < 10:
            return int(text) * 1000
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0, int(aware.timestamp() * 1000) - self._clock())


class Courier:
    """Has what is due sent, by a thread for each webhook that is being sent something."""

    def __init__(self, site: Site, clock: Clock, over: threading.Event, sender: Sender | None = None) -> None:
        """Send what `site` has, until `over`."""
        self._site, self._clock, self._over = site, clock, over
        in_development = site.settings.environment == Environment.DEVELOPMENT
        self._sender = sender or Sender(clock, in_development=in_development)
        self._busy: dict[int, int] = {}
        self._began = 0
        """How many turns began; of accounts and webhooks it is noted when theirs did."""
        self._account_turns: dict[int, int] = {}
        self._turns: dict[int, int] = {}
        self._slow: set[int] = set()
        self._lock = threading.Lock()
        self._database = threading.BoundedSemaphore(4)  # of a pool that the log needs too

    def round(self) -> None:
        """Begin what is due and has a place. Waits for no answer. Raises `RegistryError` without the database."""
        with self._lock:
            busy, slow = dict(self._busy), set(self._slow)
        if len(busy) >= MOST:
            return
        with self._database, self._site.database.reading() as tx:
            found = sending.list_due(tx, self._clock(), busy.keys())
        of_account, slow_ones = Counter(busy.values()), len(slow & busy.keys())
        for due in sorted(found, key=self._waits_since):
            has_place = len(busy) < MOST and of_account[due.account_id] < MOST_OF_ACCOUNT
            if has_place and (due.id not in slow or slow_ones < MOST_SLOW):
                busy[due.id] = due.account_id
                of_account[due.account_id] += 1
                slow_ones += due.id in slow
                self._begin(due)

    def _waits_since(self, due: sending.Due) -> tuple[int, int, int]:
        """Order by whose account's turn is longest ago, and of an account's webhooks by theirs."""
        return self._account_turns.get(due.account_id, 0), self._turns.get(due.id, 0), due.id

    def idle(self) -> bool:
        """Whether nothing is being sent."""
        with self._lock:
            return not self._busy

    def close(self) -> None:
        """Give back connections."""
        self._sender.close()

    def _begin(self, due: sending.Due) -> None:
        with self._lock:
            self._busy[due.id] = due.account_id
            self._began += 1
            self._account_turns[due.account_id] = self._turns[due.id] = self._began
        threading.Thread(target=self._work, args=(due.id,), name=f"webhook {due.id}", daemon=True).start()

    def _work(self, number: int) -> None:
        end = time.monotonic() + TURN_S
        try:
            for _ in range(IN_A_ROW):
                if self._over.is_set() or not self._send_next(number) or time.monotonic() > end:
                    return
        except RegistryError as error:
            log.error("will be tried again", work="webhooks", webhook=number, detail=str(error))  # noqa: TRY400
        except Exception:
            if not self._over.is_set():
                log.exception("a defect; will be tried again", work="webhooks", webhook=number)
        finally:
            with self._lock:
                del self._busy[number]

    def _send_next(self, number: int) -> bool:
        """Send a webhook's next event; tells whether it was taken, so that the next may follow."""
        with self._database, self._site.database.transaction() as tx:
            delivery = sending.next_delivery(tx, self._site.ledger.vault, number, self._clock())
        if delivery is None:
            return False
        began = time.monotonic()
        outcome = self._sender.send(delivery)
        at, was_taken = self._clock(), outcome.status in OK
        with self._lock:
            is_slow = not was_taken or time.monotonic() - began > SLOW_S
            (self._slow.add if is_slow else self._slow.discard)(number)
        with self._database, self._site.database.transaction() as tx:
            if was_taken:
                return sending.was_taken(tx, delivery)
            if outcome.status == GONE:
                sending.is_gone(tx, delivery, at)
            else:
                jitter = random.random()  # noqa: S311  (nothing rests on it)
                sending.was_not_taken(tx, delivery, at, outcome.failure, outcome.wait_ms, jitter)
        return False
