"""What activities that stood meet since: others were issued meanwhile, or they meet among themselves (R19)."""

from collections.abc import Sequence

import sqlalchemy as sa

from registry.activities.activities import LONGEST_MS, Activity, find_reported, subjects_of
from registry.activities.judgement.overlap import Span, resolve
from registry.activities.subjects import find_occupied
from registry.ledger.ledger import Ledger
from registry.sources.sources import Source


def issued_meanwhile(tx: sa.Connection, ledger: Ledger, source: Source, of: Sequence[Activity]) -> set[int]:
    """Give the places of what another issuance took since."""
    if not of:
        return set()
    reported = set(find_reported(tx, ledger.vault, source.id, [one.reference for one in of]))
    subjects = {who for one in of for who in subjects_of(one)}
    begin, end = min(one.starts_ms for one in of), max(one.ends_ms for one in of)
    taken = find_occupied(tx, ledger.vault, subjects, begin, end, LONGEST_MS)

    def is_taken(one: Activity) -> bool:
        spans = [span for who in subjects_of(one) for span in taken.get(who, ())]
        return one.reference in reported or any(_meet((one.starts_ms, one.ends_ms), span) for span in spans)

    return {place for place, one in enumerate(of) if is_taken(one)}


def meeting_each_other(of: Sequence[Activity]) -> set[int]:
    """Give the places of those that yield to another: the earliest start, then the first, wins."""
    return set(
        resolve(
            Span(one.starts_ms, place, one.ends_ms, tuple((who.kind, who.name) for who in subjects_of(one)))
            for place, one in enumerate(of)
        )
    )


def _meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] == other[0] or (one[0] < other[1] and other[0] < one[1])
