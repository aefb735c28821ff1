"""Idempotency keys: the same key with the same request gives the first answer, with another request a conflict.

The key is claimed in the act's own transaction, so a crash leaves either both or none, and a second request with the
same key waits for the first to end.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from registry.errors import Invalid, KeyReused

MAX_KEY_CHARS = 200
"""Room for any UUID or order number; a key is stored for good."""
KEY_PATTERN = rf"^[ -+\--~]{{1,{MAX_KEY_CHARS}}}$"
"""Printable ASCII. No comma: a proxy may join two headers with one (RFC 9110, section 5.3), and two keys act twice."""
_KEY = re.compile(KEY_PATTERN[1:-1])


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered the first time."""

    status: int
    response: Mapping[str, Any]


_CLAIM = sa.text("""
    INSERT INTO idempotency (principal, key, request_mac, at_ms) VALUES (:principal, :key, :request, :at)
    ON CONFLICT DO NOTHING
""")
_EARLIER = sa.text("SELECT request_mac, status, response FROM idempotency WHERE principal = :principal AND key = :key")
_KEEP = sa.text("""
    UPDATE idempotency SET status = :status, response = CAST(:response AS jsonb)
    WHERE principal = :principal AND key = :key
""")


def claim(tx: sa.Connection, principal: str, key: str, request_mac: bytes, at: int) -> Answer | None:
    """Claim a key for this transaction, or give the answer it had before.

    `request_mac` is a keyed digest of the request, for a bare one of a body with a name in it could be tried out.
    Raises `KeyReused` when the key was used for another request, `Invalid` for a key that is none.
    """
    if _KEY.fullmatch(key) is None:
        raise Invalid(f"An Idempotency-Key is one key of 1 to {MAX_KEY_CHARS} printable ASCII characters, no comma.")
    values = {"principal": principal, "key": key, "request": request_mac, "at": at}
    if tx.execute(_CLAIM, values).rowcount == 1:
        return None
    row = tx.execute(_EARLIER, values).one()
    if bytes(row.request_mac) != request_mac:
        raise KeyReused("This Idempotency-Key was used for another request. Use a new one for a new act.")
    return Answer(row.status, row.response)


def keep(tx: sa.Connection, principal: str, key: str, status: int, response: str) -> None:
    """Keep the answer (JSON text) for the next time the key comes."""
    tx.execute(_KEEP, {"principal": principal, "key": key, "status": status, "response": response})
