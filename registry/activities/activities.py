"""What people did, as far as it was issued for: found again when it is reported again (R19), and by nobody else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.activities.subjects import Occupation, Subject, occupy, person_of
from registry.database.personal import columns_go
from registry.database.schema import activities
from registry.errors import Invalid, Overlapping

LONGEST_MS: Final = 366 * 86_400_000
"""A year's reading of a meter; what is said to last longer is a mistake."""
_AT_ONCE: Final = 10_000
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
    return vault.keyed_digest("activity", source_id.to_bytes(8, "big") + reference.encode())


def find_reported(tx: sa.Connection, vault: Vault, source_id: int, references: Sequence[str]) -> list[str]:
    """Pick the references under which something was issued."""
    digests = {reference_digest(vault, source_id, one): one for one in references}
    wanted, found = list(digests), []
    for start in range(0, len(wanted), _AT_ONCE):
        asked = {"source": source_id, "digests": wanted[start : start + _AT_ONCE]}
        found += [digests[bytes(reference)] for reference in tx.execute(_FOUND, asked).scalars()]
    return found


def write_activities(tx: sa.Connection, vault: Vault, source_id: int, lot_id: int, of: Sequence[Activity]) -> None:
    """Keep what a lot is issued for. Call it when the lot's numbers are taken: others wait for those.

    Raises `AlreadyIssued` for a reference that is there, `Overlapping` for two activities of one subject at one time,
    whatever source they are of, `Invalid` for one that lasts longer than a year.
    """
    for one in of:
        if not 0 <= one.ends_ms - one.starts_ms <= LONGEST_MS:
            raise Invalid(f"Activity {one.reference} ends before it starts, or lasts longer than a year.")
    rows = [
        {
            "source_id": source_id,
            "lot_id": lot_id,
            "reference": reference_digest(vault, source_id, one.reference),
            "account_id": one.account_id,
            "starts_ms": one.starts_ms,
            "ends_ms": one.ends_ms,
            "quantity_g": one.quantity_g,
        }
        for one in of
    ]
    tx.execute(sa.insert(activities), rows)
    met = occupy(tx, vault, lot_id, _occupations(of), LONGEST_MS)
    if met is not None:
        subject, starts, ends = met
        named = next(
            one for one in of if (one.starts_ms, one.ends_ms) == (starts, ends) and subject in subjects_of(one)
        )
        raise Overlapping(
            f"Activity {named.reference} overlaps another of the same {subject.kind}; one physical act is issued once."
        )


def _occupations(of: Iterable[Activity]) -> list[Occupation]:
    return [Occupation(who, one.starts_ms, one.ends_ms, one.account_id) for one in of for who in subjects_of(one)]


def subjects_of(of: Activity) -> tuple[Subject, ...]:
    """Give whoever and whatever was at it, and could be at nothing else."""
    return (person_of(of.account_id), *of.subjects) if of.in_person else of.subjects


_FOUND = sa.select(activities.c.reference).where(
    activities.c.source_id == sa.bindparam("source"), activities.c.reference == sa.any_(sa.bindparam("digests"))
)
ERASING = (columns_go(activities, "account_id", "starts_ms", "ends_ms", "quantity_g", "lot_id"),)
"""That an activity was issued stays, so that it is not issued again (R19)."""
