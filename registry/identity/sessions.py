"""Sessions of people's browsers: a secret in a cookie, its digest here, and an end that does not move."""

import hashlib
import secrets

import sqlalchemy as sa

from registry.database.schema import sessions

LIFE_MS = 3_600_000
"""An hour, as long as a token: then the issuer is asked again, who answers by itself while they are signed in there."""
SECRET_BYTES = 32


def begin(tx: sa.Connection, subject_digest: bytes, at: int) -> str:
    """Begin a session and give its secret, 43 characters for a cookie; what has ended is swept away."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    tx.execute(sa.delete(sessions).where(sessions.c.ends_ms <= at))
    row = {"digest": _digest(secret), "subject_digest": subject_digest, "begun_ms": at, "ends_ms": at + LIFE_MS}
    tx.execute(sa.insert(sessions).values(row))
    return secret


def subject_in(tx: sa.Connection, secret: str, at: int) -> bytes | None:
    """Give the digest of whose session a secret is of; None when it has none that goes on."""
    wanted = sessions.c.digest == _digest(secret), sessions.c.ends_ms > at
    found = tx.execute(sa.select(sessions.c.subject_digest).where(*wanted)).scalar_one_or_none()
    return None if found is None else bytes(found)


def end(tx: sa.Connection, secret: str) -> None:
    """End a session, if there is one."""
    tx.execute(sa.delete(sessions).where(sessions.c.digest == _digest(secret)))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
