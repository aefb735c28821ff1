"""What people did, as far as it was issued for: found again when it is reported again (R19), and by nobody else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.activities.subjects import Subject, person_of
from registry.database.personal import columns_go
from registry.database.schema import activities

LONGEST_MS: Final = 366 * 86_400_000
"""A year's reading of a meter; what is said to last longer is a mistake."""
_AT_ONCE: Final = 50_000
"""References that one query looks for."""


@dataclass(frozen=True, slots=True)
class Activity:
    """One accepted activity of one account: its reference at the platform, its time, and what it saved.

    `subjects` are whatever else did it, and can do one thing at a time: the vehicle, the meter, the card. `in_person`:
    the person is another of them; who rides can do nothing else, and whose meter is read can.
    """

    reference: str
    account_id: int
    starts_ms: int
    ends_ms: int
    quantity_g: int
    subjects: tuple[Subject, ...] = ()
    in_person: bool = True


def reference_digest(vault: Vault, source_id: int, reference: str) -> bytes:
    """Hash a platform's reference as it is kept: found again when it is reported again, and read by nobody.

    An account's erasure leaves the row, or the act could be issued again (R19); it must not lead to the platform's
    own record of the person.
    """
    return reference_digests(vault, source_id, [reference])[0]


def reference_digests(vault: Vault, source_id: int, references: Iterable[str]) -> list[bytes]:
    """Hash many as `reference_digest` does one."""
    source = source_id.to_bytes(8, "big")
    return vault.keyed_digests("activity", (source + one.encode() for one in references))


def find_reported(tx: sa.Connection, vault: Vault, source_id: int, references: Sequence[str]) -> list[str]:
    """Pick the references under which something was issued, or recognised without grams."""
    found: list[str] = []
    for start in range(0, len(references), _AT_ONCE):
        some = references[start : start + _AT_ONCE]
        digests = b"".join(reference_digests(vault, source_id, some))
        asked = {"source": source_id, "digests": digests, "count": len(some)}
        found += [some[place - 1] for place in tx.execute(_FOUND, asked).scalars()]
    return found


def subjects_of(of: Activity) -> tuple[Subject, ...]:
    """Give whoever and whatever was at it, and could be at nothing else."""
    return (person_of(of.account_id), *of.subjects) if of.in_person else of.subjects


# Digests come as one value: in an array they are written one by one, with escapes. Each look-up is a subquery that
# gives a value: so it goes by its index, whatever the planner thinks of.
_FOUND = sa.text("""
    SELECT n FROM generate_series(1, :count) n WHERE (
        SELECT true FROM activities a WHERE a.source_id = :source
            AND a.reference = substr(CAST(:digests AS bytea), CAST(32 * n - 31 AS int), 32)
    ) IS NOT NULL OR (
        SELECT true FROM recognised r WHERE r.source_id = :source
            AND r.reference = substr(CAST(:digests AS bytea), CAST(32 * n - 31 AS int), 32)
    ) IS NOT NULL
""")
ERASING = (columns_go(activities, "account_id", "starts_ms", "ends_ms", "quantity_g", "lot_id"),)
"""That an activity was issued stays, so that it is not issued again (R19)."""
