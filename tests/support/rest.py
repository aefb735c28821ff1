"""A caller of the REST interface: who asks, and the manners of asking (a bearer token, an Idempotency-Key)."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.support.declared import undeclared
from tests.support.running import Live


def hold_to_description(answer: httpx2.Response) -> None:
    """Fail for an answer, whoever asked and why, that the description of its operation does not have."""
    media_type = answer.headers.get("Content-Type", "").partition(";")[0]
    asked = answer.request
    found = undeclared(asked.method, asked.url.path, answer.status_code, media_type, answer.read())
    assert found is None, found


http = httpx2.Client(
    timeout=60,
    trust_env=False,
    limits=httpx2.Limits(max_connections=250),
    event_hooks={"response": [hold_to_description]},
)
"""Shared by all callers; closed by `tests/api/conftest.py`."""
_keys = itertools.count(1)


def fresh_key() -> str:
    return f"test-{next(_keys)}"


@dataclass(frozen=True)
class Caller:
    """Somebody who asks over HTTP. `account` is a holder's own."""

    url: str
    token: str | None = None
    account: int | None = None

    def ask(self, method: str, path: str, **how: Any) -> httpx2.Response:
        bearer = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        headers = bearer | {"Purpose": "to test"} | how.pop("headers", {})
        return http.request(method, self.url + path, headers=headers, **how)

    def get(self, path: str, **how: Any) -> httpx2.Response:
        return self.ask("GET", path, **how)

    def post(self, path: str, body: Mapping[str, Any] | bytes, key: str | None = None) -> httpx2.Response:
        headers = {"Idempotency-Key": key or fresh_key(), "Content-Type": "application/json"}
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        return self.ask("POST", path, headers=headers, **content)

    def act(self, act: str, key: str | None = None, **body: Any) -> httpx2.Response:
        """Do something with the caller's own grams, such as `act("conversions", quantity_g=5)`."""
        return self.post(f"/v1/accounts/{self.account}/{act}", body, key)

    def balances(self) -> dict[str, int]:
        found = self.get(f"/v1/accounts/{self.account}").json()
        return {balance["form"]: balance["quantity_g"] for balance in found["balances"]}

    def blocks(self) -> list[tuple[str, str]]:
        items = self.get(f"/v1/accounts/{self.account}/blocks?limit=200").json()["items"]
        return [(block["serial"], block["form"]) for block in items]


def holder(live: Live, account: int) -> Caller:
    return Caller(live.url, live.token("holder", account), account)


def person_with(live: Live, grams: int) -> Caller:
    """A person who holds one block of reductions."""
    account = live.person()
    live.issue({account: grams})
    return holder(live, account)


def institution(live: Live) -> Caller:
    return holder(live, live.institution())


def authority(live: Live, role: str) -> Caller:
    return Caller(live.url, live.token(role))


def is_problem(answer: httpx2.Response, status: int, code: str) -> bool:
    """Whether an answer is the problem document that it should be."""
    if answer.headers.get("Content-Type") != "application/problem+json":
        return False
    body = answer.json()
    said = (answer.status_code, body["status"], body["type"])
    whole = set(body) == {"type", "title", "status", "detail"} and all(body.values())
    return whole and said == (status, status, f"urn:gramledger:problem:{code}")
