"""A platform that reports batches, and officers of the centre who decide about them, over REST."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx2

from api.serving import batches as working
from registry.clock import rfc3339, system_clock
from registry.events.outbox import number_events
from registry.identity.grants import Grant
from registry.identity.roles import Role
from registry.sources.sources import give_consent
from tests.support.rest import Caller, fresh_key
from tests.support.rides import COLUMNS, ride_line
from tests.support.running import FIRST_RIDE_MS, Live

DAY_MS = 86_400_000
PERIOD = {"period_from": rfc3339(FIRST_RIDE_MS), "period_until": rfc3339(FIRST_RIDE_MS + 31 * DAY_MS)}


def rides_csv(rides: Sequence[dict[str, str]]) -> bytes:
    """A file of rides, each a good one but for its changes."""
    return "\n".join([",".join(COLUMNS), *map(ride_line, rides), ""]).encode()


def content_digest(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


@dataclass(frozen=True)
class Reporting:
    """The platform of an installation's source, and officers of the centre."""

    live: Live
    platform: Caller

    @classmethod
    def of(cls, live: Live) -> "Reporting":
        account = live.source.applicant_id
        return cls(live, Caller(live.url, live.token("platform", account), account))

    def centre(self, number: int) -> Caller:
        """An officer of the centre."""
        return Caller(self.live.url, self.token(number))

    def token(self, number: int) -> str:
        """A token of an officer of the centre."""
        self.live.grant(f"centre-{number}", Grant(Role.CENTRE, officer=number))
        return self.live.site.development_issuer.token(f"centre-{number}", system_clock() // 1000)

    def riders(self, *users: str) -> dict[str, int]:
        """Persons who consent, by the platform's names for them."""
        accounts = {user: self.live.person(user) for user in users}
        with self.live.site.database.transaction() as tx:
            give_consent(tx, self.live.site.ledger.vault, self.live.source.id, accounts, system_clock())
        return accounts

    def begin(self, content: bytes, key: str | None = None, **changes: Any) -> httpx2.Response:
        body = {
            "profile": "shanghai-rides",
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            **PERIOD,
        }
        return self.platform.post(f"/v1/sources/{self.live.source.id}/batches", body | changes, key)

    def put(self, batch: int, first: int, content: bytes, digest: str | None = None) -> httpx2.Response:
        headers = {"Content-Type": "application/octet-stream", "Content-Digest": digest or content_digest(content)}
        return self.platform.ask("PUT", f"/v1/batches/{batch}/parts/{first}", content=content, headers=headers)

    def push(self, content: bytes, key: str | None = None, **changes: str) -> httpx2.Response:
        """Report JSON lines in one request."""
        asked = urlencode({"profile": "shanghai-rides-lines", **PERIOD} | changes)
        headers = {
            "Content-Type": "application/jsonl", "Content-Digest": content_digest(content),
            "Idempotency-Key": key or fresh_key(),
        }  # fmt: skip
        path = f"/v1/sources/{self.live.source.id}/lines?{asked}"
        return self.platform.ask("POST", path, content=content, headers=headers)

    def uploaded(self, content: bytes, part: int = 1 << 20) -> int:
        """The number of a batch whose parts are all there."""
        begun = self.begin(content)
        assert begun.status_code == 201, begun.text
        batch = int(begun.json()["batch"])
        for first in range(0, len(content), part):
            sent = self.put(batch, first, content[first : first + part])
            assert sent.status_code == 200, sent.text
        return batch

    def judged(self, content: bytes) -> int:
        batch = self.uploaded(content)
        self.work()
        return batch

    def proposed(self, content: bytes, by: int = 1) -> int:
        batch = self.judged(content)
        said = self.propose(batch, by)
        assert said.status_code == 201, said.text
        self.work()
        return batch

    def propose(self, batch: int, by: int = 1, version: int | None = None) -> httpx2.Response:
        seen = version or self.read(batch)["version"]
        return self.centre(by).post(f"/v1/batches/{batch}/proposal", {"version": seen})

    def motion(self, batch: int) -> int:
        """The motion that waits in a batch's case."""
        case = self.read(batch)["case"]
        items = self.centre(1).get("/v1/motions").json()["items"]
        return next(one["motion"] for one in items if one["case"] == case)

    def approve(self, batch: int, by: int = 2) -> httpx2.Response:
        return self.centre(by).post(f"/v1/motions/{self.motion(batch)}/approval", {})

    def approved(self, *batches: int) -> None:
        """Have batches approved, and their lots written."""
        for batch in batches:
            said = self.approve(batch)
            assert said.status_code == 201, said.text
        self.work()

    def issued(self, content: bytes) -> dict[str, Any]:
        """A batch that became a lot."""
        batch = self.proposed(content)
        self.approved(batch)
        return self.read(batch)

    def read(self, batch: int) -> dict[str, Any]:
        answer = self.platform.get(f"/v1/batches/{batch}")
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said

    def rows(self, batch: int) -> list[dict[str, Any]]:
        text = self.platform.get(f"/v1/batches/{batch}/rows.jsonl").text
        return [json.loads(line) for line in text.splitlines()]

    def told(self, **of: object) -> list[tuple[str, dict[str, Any]]]:
        """What the platform reads in its feed, of events whose data say this, and what else they say."""
        with self.live.site.database.transaction() as tx:
            number_events(tx)
        told, after, has_more = [], 0, True
        while has_more:
            page = self.platform.get(f"/v1/accounts/{self.platform.account}/events?limit=200&after={after}").json()
            after, has_more = page["after"], page["has_more"]
            told += [(one["type"], one["data"]) for one in page["items"] if of.items() <= one["data"].items()]
        return [(what, {name: said for name, said in data.items() if name not in of}) for what, data in told]

    def work(self) -> None:
        """Have done what waits, as `gram serve` does it beside everything else."""
        working.do_all(self.live.site)

    def key(self) -> str:
        return fresh_key()
