"""The seal: what shows that this program wrote a movement, to whoever has the master key and not only the database.

A seal is an HMAC-SHA256 over a run of movements with neighbouring numbers, every column of each as fixed bytes, its
number and its act's included. So no row can be added, altered, or given another number. The sequencer logs nothing
that is not sealed (docs/decisions/0014-a-movement-is-sealed.md).
"""

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any, Final

MAX_RUN: Final = 1_000
"""Movements under one seal: whoever checks one of them reads them all."""
ROW: Final = Struct(">qqqqhhhiqqqqq20s20s32s")
"""A movement as it is sealed, 154 bytes, in the order of `COLUMNS`; where there is no account or parent, 0."""
COLUMNS: Final = (
    "id", "act", "giver", "account", "kind", "form", "flags", "purpose", "first", "last", "parent", "at", "until",
    "from_tag", "to_tag", "evidence",
)  # fmt: skip
_MAY_BE_NONE = frozenset({"giver", "account", "parent"})
PACKED = """
    int8send(m.id) || int8send(m.act_id) || int8send(coalesce(m.giver_id, 0)) || int8send(coalesce(m.account_id, 0))
    || int2send(m.kind) || int2send(m.form) || int2send(m.flags) || int4send(m.purpose)
    || int8send(m.first_g) || int8send(m.last_g) || int8send(coalesce(m.parent_id, 0))
    || int8send(m.at_ms) || int8send(m.until_ms) || m.from_tag || m.to_tag || m.evidence
"""
"""SQL: the bytes of a row `m` of movements as `sealing.ROW` has them."""
_LABEL = b"gramledger/seal/v1"


@dataclass(frozen=True, slots=True)
class Seal:
    """The seal of the `count` movements from number `first_id` on: 32 bytes."""

    first_id: int
    count: int
    mac: bytes


class Sealer:
    """Seals movements, and tells whether a seal is one of its own."""

    def __init__(self, master_key: bytes) -> None:
        """Derive a key of its own from the 32-byte master key."""
        self._key = hmac.digest(master_key, _LABEL, hashlib.sha256)

    def __repr__(self) -> str:
        """Show nothing of the key."""
        return "Sealer(...)"

    def seals(self, columns: Mapping[str, Sequence[Any]]) -> Iterator[Seal]:
        """Seal movements by runs: a column for each of `COLUMNS`, in the order of the movements' numbers."""
        numbers = columns["id"]
        packed = list(map(ROW.pack, *(_filled(columns, name) for name in COLUMNS)))
        begin = 0
        for end in range(1, len(numbers) + 1):
            if end == len(numbers) or end - begin == MAX_RUN or numbers[end] != numbers[end - 1] + 1:
                yield Seal(numbers[begin], end - begin, self._mac(b"".join(packed[begin:end])))
                begin = end

    def holds(self, data: bytes | memoryview, mac: bytes) -> bool:
        """Whether `mac` is the seal of these rows, each packed as `ROW`."""
        return hmac.compare_digest(self._mac(data), mac)

    def _mac(self, data: bytes | memoryview) -> bytes:
        return hmac.digest(self._key, data, "sha256")


def _filled(columns: Mapping[str, Sequence[Any]], name: str) -> Sequence[Any]:
    return [value or 0 for value in columns[name]] if name in _MAY_BE_NONE else columns[name]
