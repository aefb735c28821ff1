"""Signatures by the Standard Webhooks text, version 1.0.0: HMAC-SHA256 under a secret that both sides have.

Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md, "Signature scheme".
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import Final

SECRET_BYTES: Final = 32
_PREFIX: Final = "whsec_"


def new_secret() -> bytes:
    """Make a secret: 32 random bytes."""
    return secrets.token_bytes(SECRET_BYTES)


def written(secret: bytes) -> str:
    """Write a secret as its owner is shown it, once."""
    return _PREFIX + base64.b64encode(secret).decode()


def headers_of(message: str, at_s: int, body: bytes, keys: Iterable[bytes]) -> dict[str, str]:
    """Give the three headers of a message, signed under each key; `at_s` is the attempt's time in Unix seconds."""
    signed = f"{message}.{at_s}.".encode() + body
    signatures = (base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys)
    return {
        "webhook-id": message,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
