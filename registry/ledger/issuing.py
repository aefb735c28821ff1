"""The ISSUEs of a lot: written in bulk, for a lot has one for each of hundreds of thousands of accounts.

The same bytes as `posting.write_lines` would write one by one: sealed, with evidence, in the order of their numbers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, overload

import numpy as np
import sqlalchemy as sa

from registry.accounts.vault import Vault, tag
from registry.ahead import ahead
from registry.database.copying import copy_columns, copy_parts, fixed_bytes
from registry.evidence.document import Value, seal_texts
from registry.ledger.child import minute_of
from registry.ledger.movement import NO_TAG, Flag, Form, Kind, Movement
from registry.ledger.posting import Act, Written

_AT_ONCE: Final = 20_000
"""Movements in memory with their evidence, and in one statement."""
_JSONB: Final = b"\1"
"""The version before the text of a `jsonb` that is sent as bytes."""
_NO_WORDS: Final = bytes(8) + (25).to_bytes(4, "big")
"""An empty `text[]` as it is sent: no dimensions, no NULLs, elements of type 25."""


@dataclass(frozen=True, slots=True)
class Shares:
    """What of a lot is whose: accounts in the order of their grams, how many each has, its key, if it is a person's.

    The grams are the lot's from `first` on, without a gap.
    """

    first: int
    accounts: Sequence[int]
    grams: Sequence[int]
    keys: Sequence[bytes]
    individual: Sequence[bool]


class Issued(Sequence[Written]):
    """The ISSUEs as they were written, made as one looks at them."""

    def __init__(self, rows: Sequence[tuple[int, int, int, int, bytes, bytes]], at: int) -> None:
        """Take number, flags, first, last, to tag and evidence of each, and their `at`."""
        self._rows, self._at = rows, at

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> Written: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Written]: ...
    def __getitem__(self, place: "int | slice") -> "Written | Sequence[Written]":
        if isinstance(place, slice):
            return Issued(self._rows[place], self._at)
        number, flags, first, last, to_tag, evidence = self._rows[place]
        form = Form.REDUCTION
        return Written(
            number, Movement(Kind.ISSUE, form, flags, 0, first, last, None, self._at, 0, NO_TAG, to_tag, evidence)
        )


def write_issues(
    tx: sa.Connection, vault: Vault, act: Act, at: int, marks: int, of: Shares, facts: Mapping[str, Value]
) -> Issued:
    """Write an ISSUE for each account of a lot, as of a time (Unix milliseconds), with the flags `marks` in all.

    `facts` go into each one's evidence beside its own grams.
    """
    written: list[tuple[int, int, int, int, bytes, bytes]] = []
    for made, texts in ahead(_parts(act, marks, of, {"act": "issue", "at_ms": at, **facts})):
        _write(tx, vault, act.id, minute_of(at), made, texts)
        begins, ends = zip(*made.edges, strict=True)
        written += zip(made.numbers, made.flags, begins, ends, made.tags, made.digests, strict=True)
    return Issued(written, minute_of(at))


def _parts(act: Act, marks: int, of: Shares, shared: Mapping[str, Value]) -> Iterator[tuple["_Part", Sequence[str]]]:
    """Seal the evidence of some at a time, and make their tags."""
    first = of.first
    for start in range(0, len(of.accounts), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        edges = list(_edges(first, of.grams[part]))
        first = edges[-1][1]
        own = [{"first_g": begin, "quantity_g": end - begin} for begin, end in edges]
        digests, texts = seal_texts(shared, own)
        tags = [tag(key, begin, digest) for key, (begin, _), digest in zip(of.keys[part], edges, digests, strict=True)]
        flags = [marks | int(Flag.INDIVIDUAL) if one else marks for one in of.individual[part]]
        yield _Part(act.numbers[part], of.accounts[part], flags, edges, tags, digests), texts


@dataclass(frozen=True, slots=True)
class _Part:
    numbers: Sequence[int]
    accounts: Sequence[int]
    flags: Sequence[int]
    edges: Sequence[tuple[int, int]]
    tags: Sequence[bytes]
    digests: Sequence[bytes]


def _edges(first: int, grams: Sequence[int]) -> Iterator[tuple[int, int]]:
    for quantity in grams:
        yield first, first + quantity
        first += quantity


def _write(tx: sa.Connection, vault: Vault, act: int, at: int, of: _Part, texts: Sequence[str]) -> None:
    count = len(of.numbers)
    begins, ends = zip(*of.edges, strict=True)
    one = {"act": act, "kind": int(Kind.ISSUE), "form": int(Form.REDUCTION), "purpose": 0, "at": at, "until": 0}
    columns: dict[str, Sequence[Any]] = {name: [value] * count for name, value in one.items()}
    columns |= {name: [None] * count for name in ("giver", "parent")} | {"from_tag": [NO_TAG] * count}
    columns |= {
        "id": of.numbers, "account": of.accounts, "flags": of.flags, "first": begins, "last": ends,
        "to_tag": of.tags, "evidence": of.digests,
    }  # fmt: skip
    seals = list(vault.sealer.seals(columns))
    sealed: dict[str, np.ndarray[Any, Any]] = {
        "first_id": np.array([seal.first_id for seal in seals], np.int64),
        "count": np.array([seal.count for seal in seals], np.int32),
        "mac": fixed_bytes([seal.mac for seal in seals], 32),
    }
    copy_columns(tx, "seals", sealed)
    documents = ((digest, _NO_WORDS, _JSONB + text.encode()) for digest, text in zip(of.digests, texts, strict=True))
    copy_parts(tx, "evidence", ("digest", "personal", "fields"), documents)
    numbers, small = np.int64, np.int16
    rows = {
        "id": ("id", numbers), "act_id": ("act", numbers), "account_id": ("account", numbers),
        "kind": ("kind", small), "form": ("form", small), "flags": ("flags", small), "purpose": ("purpose", np.int32),
        "first_g": ("first", numbers), "last_g": ("last", numbers), "at_ms": ("at", numbers),
        "until_ms": ("until", numbers),
    }  # fmt: skip
    made: dict[str, np.ndarray[Any, Any]] = {
        column: np.array(columns[name], kind) for column, (name, kind) in rows.items()
    }
    widths = {"from_tag": len(NO_TAG), "to_tag": len(NO_TAG), "evidence": 32}
    copy_columns(tx, "movements", made | {name: fixed_bytes(columns[name], width) for name, width in widths.items()})
