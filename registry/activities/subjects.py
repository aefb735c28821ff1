"""Whoever or whatever can do one thing at a time (R19): a person, a vehicle, a meter, a card; not an account.

What was under way when is kept under keyed digests: two reports meet, whatever platform they come from, and the table
says of nobody and nothing where it was. The rows of an account go with its erasure.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.database.personal import rows_go
from registry.database.schema import occupied
from registry.evidence.canonical import canonical_text

PERSON: Final = "person"
VEHICLE: Final = "vehicle"
METER: Final = "meter"
POLE: Final = "pole"
CARD: Final = "card"
KINDS: Final = frozenset({VEHICLE, METER, POLE, CARD})
"""What an activity can be of beside a person."""
_AT_ONCE: Final = 50_000
"""Subjects that one query looks for."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Its kind, and the name that is its alone among those of its kind."""

    kind: str
    name: str

    def digest(self, vault: Vault) -> bytes:
        """Hash it as it is kept, 32 bytes."""
        return digests_of_kind(vault, self.kind, [self.name])[0]


def digests_of_kind(vault: Vault, kind: str, names: Iterable[str]) -> list[bytes]:
    """Hash many subjects of a kind as each is kept: the RFC 8785 form of `[kind, name]`, 32 bytes each."""
    head = f"[{canonical_text(kind)},"
    return vault.keyed_digests("occupied", (f"{head}{canonical_text(name)}]".encode() for name in names))


def thing_of(kind: str, platform: int | None, name: str) -> Subject:
    """Give a thing by its platform's account and what the platform calls it; None where all call it the same."""
    return Subject(kind, names_of_things(platform, [name])[0])


def names_of_things(platform: int | None, names: Sequence[str]) -> list[str]:
    """Give the names of many things as `thing_of` has that of one."""
    return list(names) if platform is None else [f"{platform}/{name}" for name in names]


def person_of(account_id: int) -> Subject:
    """Give the person that an account is of."""
    return Subject(PERSON, str(account_id))


def find_occupied(
    tx: sa.Connection, vault: Vault, of: Iterable[Subject], from_ms: int, until_ms: int, longest_ms: int
) -> Mapping[Subject, Sequence[tuple[int, int]]]:
    """Give when each of these was at something, as far as that meets `[from_ms, until_ms)`."""
    wanted, found = list(of), dict[Subject, list[tuple[int, int]]]()
    for place, span in occupied_spans(tx, list(_digests(vault, wanted)), (from_ms, until_ms), longest_ms):
        found.setdefault(wanted[place], []).append(span)
    return found


def occupied_spans(
    tx: sa.Connection, digests: Sequence[bytes], within: tuple[int, int], longest_ms: int
) -> Iterator[tuple[int, tuple[int, int]]]:
    """Give the place of a digest, and from when to when its subject was at something that meets `within`."""
    for start in range(0, len(digests), _AT_ONCE):
        some = digests[start : start + _AT_ONCE]
        asked = {"subjects": b"".join(some), "count": len(some), "from": within[0], "until": within[1]}
        for row in tx.execute(_FOUND, asked | {"longest": longest_ms}):
            yield start + row.n - 1, (row.starts_ms, row.ends_ms)


def _digests(vault: Vault, of: Iterable[Subject]) -> Iterator[bytes]:
    for kind, alike in groupby(of, key=lambda one: one.kind):
        yield from digests_of_kind(vault, kind, [one.name for one in alike])


_FOUND = sa.text("""
    SELECT n, o.starts_ms, o.ends_ms FROM generate_series(1, :count) n CROSS JOIN LATERAL (
        SELECT starts_ms, ends_ms FROM occupied
        WHERE subject = substr(CAST(:subjects AS bytea), CAST(32 * n - 31 AS int), 32)
            AND starts_ms BETWEEN :from - :longest AND :until AND ends_ms >= :from
        OFFSET 0
    ) o
""")
ERASING = (rows_go(occupied),)
