"""Accounts' secret keys: 32 random bytes each, stored only under the master key.

Destroying an account's stored key severs its tags for good: nobody can tie them to the person, or to each other.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from registry.errors import Unavailable
from registry.ledger.sealing import Sealer

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 20
EVIDENCE_BYTES = 32
TAG_LABEL = b"gramledger/tag/v2"
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class Vault:
    """Seals and opens account keys with AES-256-GCM, the account's number bound in."""

    def __init__(self, master_key: bytes) -> None:
        """Take the 32-byte master key."""
        if len(master_key) != KEY_BYTES:
            raise ValueError("the master key is not 32 bytes")
        self._aead = AESGCM(master_key)
        self._words = AESGCM(hmac.digest(master_key, b"gramledger/words/v1", hashlib.sha256))
        self._digest_key = hmac.digest(master_key, b"gramledger/keyed-digest/v1", hashlib.sha256)
        self.sealer = Sealer(master_key)

    @staticmethod
    def check_value(master_key: bytes) -> bytes:
        """Tell one master key from another: 16 bytes that say nothing else of it."""
        return hmac.digest(master_key, b"gramledger/master-key-check/v1", hashlib.sha256)[:16]

    def __repr__(self) -> str:
        """Show nothing of the key."""
        return "Vault(...)"

    def keyed_digest(self, what: str, data: bytes) -> bytes:
        """Hash what must be known again and never read again: 32 bytes, HMAC-SHA256 under a key of this vault's own.

        `what` keeps digests of unlike things apart. Without the master key nobody can try out what was hashed.
        """
        return hmac.digest(self._digest_key, what.encode() + b"\0" + data, hashlib.sha256)

    def keyed_digests(self, what: str, data: Iterable[bytes]) -> list[bytes]:
        """Hash many as `keyed_digest` does one.

        HMAC (RFC 2104) from two hashes that have taken in the key, and `what`, once: its own call takes twice as long.
        """
        key = self._digest_key.ljust(hashlib.sha256().block_size, b"\0")
        begun = hashlib.sha256(key.translate(_INNER) + what.encode() + b"\0")
        around = hashlib.sha256(key.translate(_OUTER))
        digests = []
        for one in data:
            inner, outer = begun.copy(), around.copy()
            inner.update(one)
            outer.update(inner.digest())
            digests.append(outer.digest())
        return digests

    def seal_words(self, what: str, words: bytes) -> bytes:
        """Seal what is personal and must be read again; `what` binds it to the kind of place that it is kept in."""
        return _seal(self._words, words, what.encode())

    def open_words(self, what: str, sealed: bytes) -> bytes:
        """Open sealed words. Raises `Unavailable` when they were sealed under another master key, or elsewhere."""
        try:
            return _open(self._words, sealed, what.encode())
        except (InvalidTag, ValueError):
            raise Unavailable("The master key is not the one these words were sealed under.") from None

    def seal_text(self, what: str, text: str | None) -> bytes | None:
        """Seal a text as `seal_words` does; of none there is nothing to seal."""
        return None if text is None else self.seal_words(what, text.encode())

    def open_text(self, what: str, sealed: bytes | None) -> str | None:
        """Open a sealed text. Raises what `open_words` raises."""
        return None if sealed is None else self.open_words(what, bytes(sealed)).decode()

    def seal_json(self, what: str, value: Any) -> bytes:
        """Seal a JSON value as `seal_words` does."""
        return self.seal_words(what, json.dumps(value, ensure_ascii=False).encode())

    def open_json(self, what: str, sealed: bytes | None) -> Any:
        """Open a sealed JSON value; None where there is none. Raises what `open_words` raises."""
        return None if sealed is None else json.loads(self.open_words(what, bytes(sealed)))

    def new_key(self, account_id: int) -> bytes:
        """Make a key for an account and return it sealed."""
        return _seal(self._aead, secrets.token_bytes(KEY_BYTES), _binding(account_id))

    def open(self, account_id: int, sealed: bytes) -> bytes:
        """Open a sealed key. Raises `Unavailable` when the master key is not the one it was sealed under."""
        try:
            return _open(self._aead, sealed, _binding(account_id))
        except (InvalidTag, ValueError):  # ValueError: what is stored is too short to have been sealed
            raise Unavailable("The master key is not the one this registry's account keys were sealed under.") from None


def seal_name(key: bytes, name: str) -> bytes:
    """Seal the name of an account under its own key (32 bytes): whoever destroys the key destroys the name."""
    return _seal(_name_seal(key), name.encode())


def open_name(key: bytes, sealed: bytes) -> str:
    """Read the name of an account. Raises `Unavailable` when it was not sealed under this key."""
    try:
        return _open(_name_seal(key), sealed).decode()
    except (InvalidTag, ValueError):
        raise Unavailable("The name of an account was not sealed under the account's key.") from None


def seal_under(key: bytes, data: bytes, bound: bytes) -> bytes:
    """Seal data under a key of its own (32 bytes), bound to where it is kept."""
    return _seal(AESGCM(key), data, bound)


def open_under(key: bytes, sealed: bytes, bound: bytes) -> bytes:
    """Open it. Raises `Unavailable` when it was not sealed under this key, or for another place."""
    try:
        return _open(AESGCM(key), sealed, bound)
    except (InvalidTag, ValueError):
        raise Unavailable("What is kept here was not sealed under this key.") from None


def _seal(aead: AESGCM, data: bytes, bound: bytes | None = None) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + aead.encrypt(nonce, data, bound)


def _open(aead: AESGCM, sealed: bytes, bound: bytes | None = None) -> bytes:
    return aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)


def _name_seal(key: bytes) -> AESGCM:
    return AESGCM(hmac.digest(key, b"gramledger/name/v1", hashlib.sha256))


def _binding(account_id: int) -> bytes:
    return b"gramledger/account/v1" + account_id.to_bytes(8, "big")


def tag(key: bytes, first: int, evidence: bytes) -> bytes:
    """Make the tag of one acquisition: 20 bytes, from the account's key (32 bytes) and the leaf by which it acquired.

    Of that leaf it takes the first gram and the evidence (32 bytes), so grams that come back come back under another
    tag. Source: docs/design.md, section 3.
    """
    if len(key) != KEY_BYTES or len(evidence) != EVIDENCE_BYTES:
        raise ValueError("a tag is made under a key of 32 bytes, of evidence of 32 bytes")
    return hmac.digest(key, TAG_LABEL + first.to_bytes(8, "big") + evidence, hashlib.sha256)[:TAG_BYTES]
