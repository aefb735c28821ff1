"""The record of a state: a leaf of kind STATE at index n commits to the state of the leaves `[0, n)`. Pure.

Its evidence has the form of all evidence (docs/design.md, section 3), but nothing in it is secret, so the salts follow
from the size and the field's name: whoever replays the log can make the 32 bytes, and a proof need not carry them.
Numbers are decimal strings, because JSON has none of 64 bits (RFC 8785).
"""

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import rfc8785

from registry.ledger.movement import NO_TAG, Kind, Movement

SALT_DOMAIN: Final = "gramledger/state/v1"
SALT_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class StateRecord:
    """The state of the first `size` leaves: `entries` in its map, the frontier in grams, and the map's root."""

    size: int
    entries: int
    frontier_g: int
    root: bytes

    def fields(self) -> dict[str, list[str]]:
        """Give the evidence with all fields shown: name -> `[salt, value]`."""
        values = {
            "record": "state",
            "size": str(self.size),
            "entries": str(self.entries),
            "frontier_g": str(self.frontier_g),
            "root": self.root.hex(),
        }
        return {name: [_salt(self.size, name), value] for name, value in values.items()}

    def digest(self) -> bytes:
        """Hash the evidence: 32 bytes."""
        digests = {
            name: sha256(rfc8785.dumps([salt, name, value])).hexdigest()
            for name, (salt, value) in self.fields().items()
        }
        return sha256(rfc8785.dumps(digests)).digest()

    def movement(self, at: int) -> Movement:
        """Make the record's leaf, written at `at` Unix milliseconds; its index in the log must be `size`."""
        return Movement(Kind.STATE, 0, 0, 0, 0, 0, None, at, 0, NO_TAG, NO_TAG, self.digest())


def _salt(size: int, name: str) -> str:
    salted = sha256(f"{SALT_DOMAIN}\n{size}\n{name}".encode()).digest()[:SALT_BYTES]
    return urlsafe_b64encode(salted).rstrip(b"=").decode()
