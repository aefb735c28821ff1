"""What a lot is issued for, kept: by few statements, before the lot's numbers are taken, and looked at again then.

Whoever takes numbers keeps all others waiting. So a lot's activities are written and held against what is committed
first; with the numbers in hand only the lots that came in between are looked at.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import numpy as np
import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.activities.activities import LONGEST_MS, reference_digests
from registry.activities.columns import Columns
from registry.activities.subjects import digests_of_kind
from registry.database.copying import copy_columns, fixed_bytes
from registry.errors import Invalid, Overlapping

_WIDTH: Final = 32


class _Occupied(NamedTuple):
    """Who was at what: `who` numbers subjects, `rows` the activities, in the order of subjects and begins."""

    digests: "np.ndarray[Any, Any]"
    kinds: list[str]
    who: "np.ndarray[Any, Any]"
    rows: "np.ndarray[Any, Any]"


def write_activities(tx: sa.Connection, vault: Vault, source_id: int, lot_id: int, of: Columns) -> None:
    """Keep what a lot is issued for, and hold it against all that is committed.

    Raises `AlreadyIssued` for a reference that is there, `Overlapping` for two activities of one subject at one time,
    whatever source they are of, `Invalid` for one that lasts longer than a year.
    """
    lasts_ms = of.ends_ms - of.starts_ms
    wrong = np.flatnonzero((lasts_ms < 0) | (lasts_ms > LONGEST_MS))
    if len(wrong):
        named = of.references[int(wrong[0])]
        raise Invalid(f"Activity {named} ends before it starts, or lasts longer than a year.")
    occupied = _occupied(of, vault)
    _refuse_meeting(of, occupied)
    with ThreadPoolExecutor(1) as other:  # hashed while the database writes
        hashed = other.submit(reference_digests, vault, source_id, of.references)
        _write_occupied(tx, lot_id, of, occupied)
    digests = fixed_bytes(hashed.result(), _WIDTH)
    # In the order of their digests: an index takes them so twice as fast, and lots wait for each other in one order.
    order = np.argsort(digests.view(">u8")[:: _WIDTH // 8], kind="stable")
    columns = {
        "source_id": _same(source_id, len(of)),
        "reference": digests[order],
        "account_id": of.account_ids[order],
        "starts_ms": of.starts_ms[order],
        "ends_ms": of.ends_ms[order],
        "quantity_g": of.grams[order],
        "lot_id": _same(lot_id, len(of)),
    }
    copy_columns(tx, "activities", columns)
    _refuse_met(tx, _MEETS, of, occupied, lot=lot_id)


def _write_occupied(tx: sa.Connection, lot_id: int, of: Columns, occupied: _Occupied) -> None:
    columns = {
        "subject": occupied.digests[occupied.who],
        "starts_ms": of.starts_ms[occupied.rows],
        "ends_ms": of.ends_ms[occupied.rows],
        "account_id": of.account_ids[occupied.rows],
        "lot_id": _same(lot_id, len(occupied.rows)),
    }
    copy_columns(tx, "occupied", columns)


def refuse_meeting_since(tx: sa.Connection, vault: Vault, lot_id: int, of: Columns, since_g: int) -> None:
    """Hold a lot's activities against those of lots whose numbers are from `since_g` on. Raises `Overlapping`.

    Call it when the lot's own numbers are taken: then there is no other any more.
    """
    if tx.execute(_SINCE, {"lot": lot_id, "since": since_g}).first() is not None:
        _refuse_met(tx, _MEETS_SINCE, of, _occupied(of, vault), lot=lot_id, since=since_g)


def _same(number: int, count: int) -> "np.ndarray[Any, Any]":
    return np.broadcast_to(np.int64(number), count)


def _occupied(of: Columns, vault: Vault) -> _Occupied:
    """Give them in the order of their digests, then of begins."""
    digests: list[bytes] = []
    kinds: list[str] = []
    who, rows = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for beings in of.beings:
        who.append(beings.of + len(digests))
        rows.append(beings.rows)
        digests += digests_of_kind(vault, beings.kind, beings.names)
        kinds += [beings.kind] * len(beings.names)
    made = fixed_bytes(digests, _WIDTH)
    by_digest = np.argsort(made.view(">u8")[:: _WIDTH // 8], kind="stable")
    place = np.empty(len(made), np.int64)
    place[by_digest] = np.arange(len(made))
    numbered, at = place[np.concatenate(who)], np.concatenate(rows)
    order = np.lexsort((of.ends_ms[at], of.starts_ms[at], numbered))
    return _Occupied(made[by_digest], [kinds[number] for number in by_digest.tolist()], numbered[order], at[order])


def _refuse_meeting(of: Columns, occupied: _Occupied) -> None:
    """Refuse two of this lot that meet: if any do, then two that begin one after the other."""
    who, starts, ends = occupied.who, of.starts_ms[occupied.rows], of.ends_ms[occupied.rows]
    # Two instants at once meet, and so does an instant with what it is the beginning of.
    meets = (who[1:] == who[:-1]) & ((starts[1:] == starts[:-1]) | (starts[1:] < ends[:-1]))
    found = np.flatnonzero(meets)
    if len(found):
        place = int(found[0]) + 1
        _refuse(of, occupied, place)


def _refuse_met(tx: sa.Connection, query: sa.TextClause, of: Columns, occupied: _Occupied, **asked: int) -> None:
    met = tx.execute(query, {**asked, "longest": LONGEST_MS}).one_or_none()
    if met is None:
        return
    same = (of.starts_ms[occupied.rows] == met.starts_ms) & (of.ends_ms[occupied.rows] == met.ends_ms)
    of_them = [
        place
        for place in np.flatnonzero(same).tolist()
        if occupied.digests[occupied.who[place]].tobytes() == met.subject
    ]
    _refuse(of, occupied, of_them[0])


def _refuse(of: Columns, occupied: _Occupied, place: int) -> None:
    reference, kind = of.references[int(occupied.rows[place])], occupied.kinds[int(occupied.who[place])]
    raise Overlapping(f"Activity {reference} overlaps another of the same {kind}; one physical act is issued once.")


# What is kept lasts a year at most: what began earlier than that is over. Of a million rows each is looked up by
# itself, by its index, whatever the planner thinks of a table that grew a moment ago.
_MEETS = sa.text("""
    SELECT b.subject, b.starts_ms, b.ends_ms FROM occupied b CROSS JOIN LATERAL (
        SELECT FROM occupied a WHERE a.subject = b.subject AND a.lot_id <> b.lot_id
            AND a.starts_ms BETWEEN b.starts_ms - :longest AND b.ends_ms
            AND (a.starts_ms < b.ends_ms AND b.starts_ms < a.ends_ms OR a.starts_ms = b.starts_ms)
        LIMIT 1
    ) met WHERE b.lot_id = :lot LIMIT 1
""")
_SINCE = sa.text("SELECT id FROM lots WHERE first_g >= :since AND id <> :lot LIMIT 1")
_MEETS_SINCE = sa.text("""
    SELECT b.subject, b.starts_ms, b.ends_ms FROM lots l JOIN occupied a ON a.lot_id = l.id
    JOIN occupied b ON b.subject = a.subject AND b.lot_id = :lot
        AND a.starts_ms BETWEEN b.starts_ms - :longest AND b.ends_ms
        AND (a.starts_ms < b.ends_ms AND b.starts_ms < a.ends_ms OR a.starts_ms = b.starts_ms)
    WHERE l.first_g >= :since AND l.id <> :lot LIMIT 1
""")
