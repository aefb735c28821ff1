"""Whoever or whatever can do one thing at a time (R19): a person, a vehicle, a meter, a card; not an account.

What was under way when is kept under keyed digests: two reports meet, whatever platform they come from, and the table
says of nobody and nothing where it was. The rows of an account go with its erasure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import rfc8785
import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.database.personal import rows_go
from registry.database.schema import occupied

PERSON: Final = "person"
VEHICLE: Final = "vehicle"
METER: Final = "meter"
POLE: Final = "pole"
CARD: Final = "card"
KINDS: Final = frozenset({VEHICLE, METER, POLE, CARD})
"""What an activity can be of beside a person."""
_AT_ONCE: Final = 10_000
"""Subjects that one query looks for."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Its kind, and the name that is its alone among those of its kind."""

    kind: str
    name: str

    def digest(self, vault: Vault) -> bytes:
        """Hash it as it is kept, 32 bytes."""
        return vault.keyed_digest("occupied", rfc8785.dumps([self.kind, self.name]))


def thing_of(kind: str, platform: int | None, name: str) -> Subject:
    """Give a thing by its platform's account and what the platform calls it; None where all call it the same."""
    return Subject(kind, name if platform is None else f"{platform}/{name}")


def person_of(account_id: int) -> Subject:
    """Give the person that an account is of."""
    return Subject(PERSON, str(account_id))


class Occupation(NamedTuple):
    """When a subject was at something (half open, Unix milliseconds; an instant is one), and of whose account."""

    subject: Subject
    starts_ms: int
    ends_ms: int
    account_id: int


def occupy(
    tx: sa.Connection, vault: Vault, lot_id: int, of: Sequence[Occupation], longest_ms: int
) -> tuple[Subject, int, int] | None:
    """Keep what a lot is issued for; gives one that meets another of its subject, with its times, if there is any.

    Nothing that is kept lasts longer than `longest_ms`: what began earlier than that is over.
    """
    digests = {one.subject: one.subject.digest(vault) for one in of}
    rows = {
        "subjects": [digests[one.subject] for one in of],
        "starts": [one.starts_ms for one in of],
        "ends": [one.ends_ms for one in of],
        "accounts": [one.account_id for one in of],
        "lot": lot_id,
    }
    tx.execute(_OCCUPY, rows)
    met = tx.execute(_MEETS, {"lot": lot_id, "longest": longest_ms}).one_or_none()
    if met is None:
        return None
    subject = next(one for one, digest in digests.items() if digest == bytes(met.subject))
    return subject, met.starts_ms, met.ends_ms


def find_occupied(
    tx: sa.Connection, vault: Vault, of: Iterable[Subject], from_ms: int, until_ms: int, longest_ms: int
) -> Mapping[Subject, Sequence[tuple[int, int]]]:
    """Give when each of these was at something, as far as that meets `[from_ms, until_ms)`."""
    by_digest = {one.digest(vault): one for one in of}
    found: dict[Subject, list[tuple[int, int]]] = {}
    wanted = list(by_digest)
    for start in range(0, len(wanted), _AT_ONCE):
        asked = {
            "subjects": wanted[start : start + _AT_ONCE],
            "from": from_ms,
            "until": until_ms,
            "longest": longest_ms,
        }
        for row in tx.execute(_FOUND, asked):
            found.setdefault(by_digest[bytes(row.subject)], []).append((row.starts_ms, row.ends_ms))
    return found


_OCCUPY = sa.text("""
    INSERT INTO occupied (subject, starts_ms, ends_ms, account_id, lot_id)
    SELECT subject, starts, ends, account, :lot FROM unnest(
        CAST(:subjects AS bytea[]), CAST(:starts AS bigint[]), CAST(:ends AS bigint[]), CAST(:accounts AS bigint[])
    ) t (subject, starts, ends, account)
""")
# Two instants at once meet, and so does an instant with what it is the beginning of.
_MEETS = sa.text("""
    SELECT b.subject, b.starts_ms, b.ends_ms FROM occupied b
    JOIN occupied a ON a.subject = b.subject AND a.ctid <> b.ctid
        AND a.starts_ms BETWEEN b.starts_ms - :longest AND b.ends_ms
        AND (a.starts_ms < b.ends_ms AND b.starts_ms < a.ends_ms OR a.starts_ms = b.starts_ms)
    WHERE b.lot_id = :lot LIMIT 1
""")
_FOUND = sa.text("""
    SELECT subject, starts_ms, ends_ms FROM occupied
    WHERE subject = ANY (:subjects) AND starts_ms BETWEEN :from - :longest AND :until AND ends_ms >= :from
""")
ERASING = (rows_go(occupied),)
