"""Idempotency keys: the same key with the same request gives the first answer, with another request a refusal.

The key is claimed in the act's own transaction, so a crash leaves either both or none, and a second request with the
same key waits for the first to end. Who asked, the key and the request are kept as digests alone, under the master key
and each with the caller's own key in it: a name, or an order number that was made a key, leads to no act. The answer is
sealed under a key that follows from the caller's and the master key: only who asks again can have it opened. When an
account is erased, of what was asked about it stays that something was, and no answer.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import rfc8785
import sqlalchemy as sa

from registry.accounts.vault import Vault, open_under, seal_under
from registry.database.personal import columns_go
from registry.database.schema import idempotency
from registry.database.statement import Statement
from registry.errors import Invalid, KeyForgotten, KeyReused

MAX_KEY_CHARS = 200
"""Room for any UUID or order number."""
KEY_PATTERN = rf"^[ -+\--~]{{1,{MAX_KEY_CHARS}}}$"
"""Printable ASCII. No comma: a proxy may join two headers with one (RFC 9110, section 5.3), and two keys act twice."""
_KEY = re.compile(KEY_PATTERN[1:-1])


@dataclass(frozen=True, slots=True)
class Claim:
    """Two keyed digests of 32 bytes: of who asks under which key, and of what they ask; and what opens the answer."""

    claim: bytes
    request_mac: bytes
    _answer_key: bytes = field(repr=False)

    @classmethod
    def of(cls, vault: Vault, principal: str, key: str, request: Any) -> "Claim":
        """Make it of a request, any JSON value. Raises `Invalid` for a key, or a request, that is none."""
        if _KEY.fullmatch(key) is None:
            raise Invalid(
                f"An Idempotency-Key is one key of 1 to {MAX_KEY_CHARS} printable ASCII characters, no comma."
            )
        whose = rfc8785.dumps([principal, key])
        try:
            asked = rfc8785.dumps([principal, key, request])
        except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
            raise Invalid(f"What is sent cannot be told from other JSON: {error}.") from None
        return cls(
            vault.keyed_digest("claim", whose),
            vault.keyed_digest("request", asked),
            vault.keyed_digest("answer", whose),
        )

    def seal(self, answer: str) -> bytes:
        """Seal the answer (JSON text) for whoever asks so again."""
        return seal_under(self._answer_key, answer.encode(), self.claim)

    def open(self, sealed: bytes) -> Mapping[str, Any]:
        """Open the answer. Raises `Unavailable` for one that was not given to this."""
        said: Mapping[str, Any] = json.loads(open_under(self._answer_key, sealed, self.claim))
        return said


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered the first time."""

    status: int
    response: Mapping[str, Any]


_CLAIM = Statement("""
    INSERT INTO idempotency (claim, request_mac) VALUES (:claim, :request) ON CONFLICT DO NOTHING
""")
_EARLIER = sa.text("SELECT request_mac, status, response FROM idempotency WHERE claim = :claim")
_KEEP = Statement("""
    UPDATE idempotency SET status = :status, response = :response, account_id = :account
    WHERE claim = :claim
""")
_FORGET = sa.text("""
    UPDATE idempotency SET request_mac = NULL, status = NULL, response = NULL, account_id = NULL WHERE claim = :claim
""")


def claim(tx: sa.Connection, asked: Claim) -> Answer | None:
    """Claim a key for this transaction, or give the answer it had before.

    Raises `KeyReused` when the key was used for another request, `KeyForgotten` when the answer was erased.
    """
    if _CLAIM(tx, {"claim": asked.claim, "request": asked.request_mac}).rowcount == 1:
        return None
    row = tx.execute(_EARLIER, {"claim": asked.claim}).one()
    if row.request_mac is None:
        raise KeyForgotten(
            "This was done before, and the answer went with an account that was erased. Nothing was done again."
        )
    if bytes(row.request_mac) != asked.request_mac:
        raise KeyReused("This Idempotency-Key was used for another request. Use a new one for a new act.")
    return Answer(row.status, asked.open(bytes(row.response)))


def keep(tx: sa.Connection, asked: Claim, account_id: int | None, status: int, response: str) -> None:
    """Keep the answer (JSON text) for the next time the key comes, until the account that it is about is erased."""
    _KEEP(tx, {"claim": asked.claim, "account": account_id, "status": status, "response": asked.seal(response)})


def forget(tx: sa.Connection, asked: Claim) -> None:
    """Keep no answer: only that this was done."""
    tx.execute(_FORGET, {"claim": asked.claim})


ERASING = (columns_go(idempotency, "account_id", "request_mac", "status", "response"),)
