"""Whose an acquisition was, told by trying every account's secret key against the tag in the leaf.

A tag is HMAC-SHA256 of the first gram and the evidence under the account's key, so nothing but trying tells. One trial
costs two hashes, about a microsecond: 10,000 acquisitions among 10,000 accounts take a minute and a half on one core.
An account that was found is tried first next time, for those who act, act again.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256

import sqlalchemy as sa

from registry.accounts.vault import TAG_BYTES, TAG_LABEL, Vault
from registry.ledger.movement import Flag, Movement

_BLOCK = 64
_INNER, _OUTER = bytes(byte ^ 0x36 for byte in range(256)), bytes(byte ^ 0x5C for byte in range(256))
Pads = tuple[int, bytes, bytes]
"""Account number, and its key as HMAC begins and ends with it (RFC 2104, section 2)."""
Acquired = tuple[int, bytes]
"""The first gram acquired, and the tag."""


class Holders:
    """Every account that has a key, by kind. The keys are in memory while it lives: 300 bytes an account."""

    def __init__(self, tx: sa.Connection, vault: Vault) -> None:
        """Open all keys. Raises `Unavailable` when the master key is another."""
        self._of_kind: dict[bool, list[Pads]] = {True: [], False: []}
        for row in tx.execute(_KEYS):
            key = vault.open(row.id, bytes(row.sealed)).ljust(_BLOCK, b"\0")
            pads = row.id, key.translate(_INNER), key.translate(_OUTER)
            self._of_kind[row.kind == "individual"].append(pads)

    def __repr__(self) -> str:
        """Show nothing of the keys."""
        return "Holders(...)"

    def find(self, acquisitions: Sequence[Movement]) -> Mapping[Acquired, int]:
        """Tell the account of each acquisition, as far as one has its key."""
        found: dict[Acquired, int] = {}
        for is_individual, pads in self._of_kind.items():
            of_kind = (one for one in acquisitions if bool(one.flags & Flag.INDIVIDUAL) == is_individual)
            found |= _try_all(pads, {acquired(one): _signed(one) for one in of_kind})
        return found


def acquired(movement: Movement) -> Acquired:
    """Name an acquisition."""
    return movement.first, movement.to_tag


def _signed(movement: Movement) -> bytes:
    """What a tag is an HMAC of (`registry.accounts.vault.tag`)."""
    return TAG_LABEL + movement.first.to_bytes(8) + movement.evidence


def _try_all(pads: list[Pads], wanted: dict[Acquired, bytes]) -> dict[Acquired, int]:
    found: dict[Acquired, int] = {}
    front: list[int] = []
    for place, (number, inner, outer) in enumerate(pads):
        if not wanted:
            break
        mine = [
            one for one, signed in wanted.items()
            if sha256(outer + sha256(inner + signed).digest()).digest()[:TAG_BYTES] == one[1]
        ]  # fmt: skip
        if mine:
            found |= dict.fromkeys(mine, number)
            for one in mine:
                del wanted[one]
            front.append(place)
    for to, place in enumerate(front):  # each was tried before those behind it, so no place has moved yet
        pads.insert(to, pads.pop(place))
    return found


_KEYS = sa.text("""
    SELECT a.id, a.kind, k.sealed FROM accounts a JOIN account_keys k ON k.account_id = a.id ORDER BY a.id DESC
""")
