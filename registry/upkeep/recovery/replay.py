"""Writes the leaves of a public log into a database that was set back, batch by batch, each whole or not at all.

A leaf says all of its movement but whose it was and what act it belonged to; of a record its document says the rest.
The holder is found by its tag, or is an account that stands for somebody unknown. Leaves of one kind, minute and giver
become one act. What was committed before the backup and logged after it is still in the queue here: it is
recognised by its evidence, whose digest is salted and so its alone, and gets the index that it has in public.
"""

import json
from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from registry.accounts.vault import Vault
from registry.decisions.recording import return_decision
from registry.decisions.returning import Recorded, Returning, read_decision
from registry.errors import JobBroken, OtherHistory
from registry.events.outbox import begin_anew
from registry.evidence.document import Fields
from registry.integrity import recorded
from registry.issuance import batch, correction
from registry.issuance.returned import LotFacts, ensure_lot, facts_of
from registry.jobs.jobs import end_all
from registry.ledger.blocks import movement_of
from registry.ledger.movement import ENDS, ORIGINS, RECORDS_FROM, Flag, Kind, Movement
from registry.ledger.rows import write_rows
from registry.ledger.sealing import Sealer
from registry.methodologies import published
from registry.policies import policies
from registry.procedure.decision import Record
from registry.sources import returned
from registry.upkeep.recovery.holders import Acquired, Holders, acquired

SKIPPED_NUMBERS = 1_000_000
"""By how much the numbers of every table are moved on, at least: none that somebody was told before the loss comes to
mean something else, and no token of a lost account opens a new one."""
RETURNING: Final[Mapping[Record, Returning]] = {
    **policies.RETURNING,
    **published.RETURNING,
    **returned.RETURNING,
    **batch.RETURNING,
    **correction.RETURNING,
    **recorded.RETURNING,
}
"""What the capabilities declare."""
_ACTS = {int(kind): kind.name.lower() for kind in Kind}
_MAYBE_DONE = (
    "The registry was restored from a backup that has this job as open. Whether it was done before the loss, the "
    "account's movements show. Ask for it again if it was not."
)
_Act = tuple[int, int, int | None, int]
_first = attrgetter("first_g")
_ACQUIRING = frozenset({Kind.ISSUE, Kind.TRANSFER, Kind.REDEEM, Kind.BUNDLE})


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf of the log: its index, what it says (its parent an index too), its bytes, and a record's document.

    `public` is the document's fields in RFC 8785 form, which have the leaf's evidence.
    """

    index: int
    movement: Movement
    data: bytes
    public: str | None = None


@dataclass(frozen=True, slots=True)
class _Placed:
    """Where a leaf's movement is in the database, and who held before and after it."""

    id: int
    giver_id: int | None
    account_id: int | None


def begin(tx: sa.Connection, vault: Vault, from_size: int, size: int, source: str, at: int) -> None:
    """Note that leaves `[from_size, size)` are being replayed, and move numbers on; once for each recovery."""
    values = {"from": from_size, "size": size, "source": source, "at": at}
    if tx.execute(_BEGIN, values).rowcount:
        gap = SKIPPED_NUMBERS + 10 * (size - from_size)
        tx.execute(_SKIP, {"gap": gap})
        begin_anew(tx, gap, at)
        end_all(tx, vault, at, JobBroken(_MAYBE_DONE))  # else what the log brings back would be done a second time


class Replay:
    """One run of a recovery."""

    def __init__(self, tx: sa.Connection, vault: Vault) -> None:
        """Open every account's key, and read of which issuances an earlier run has the records."""
        self._holders = Holders(tx, vault)
        self._sealer = vault.sealer
        self._lot = (0, 0)
        decisions = (read_decision(Kind.ISSUANCE, json.loads(row.public)) for row in tx.execute(_ISSUED).all())
        issued = (facts_of(tx, decision) for decision in decisions if decision is not None)
        self._issued = sorted((facts for facts in issued if facts is not None), key=_first)

    def write(self, tx: sa.Connection, leaves: Sequence[Leaf]) -> None:
        """Write the next leaves, in order. Raises `OtherHistory` when what waits in the queue is of another history."""
        tx.execute(_REPLAYING)
        try:
            self._write(tx, leaves)
        except IntegrityError as error:
            raise OtherHistory(
                f"Leaves {leaves[0].index} to {leaves[-1].index} take grams that are taken here: after the backup "
                "something was written to this database. None of these leaves was; restore the backup again."
            ) from error

    def _write(self, tx: sa.Connection, leaves: Sequence[Leaf]) -> None:
        queued = _queued(tx, leaves)
        placed = _parents(tx, leaves)
        fresh = [one for one in leaves if one.movement.evidence not in queued]
        acquisitions = [one.movement for one in fresh if one.movement.kind in _ACQUIRING]
        found = dict(self._holders.find(acquisitions))
        found |= _unknown_holders(tx, [one for one in acquisitions if acquired(one) not in found])
        numbers = iter(tx.execute(_RESERVE, {"table": "movements", "count": len(fresh)}).scalars().all())
        rows: list[dict[str, Any]] = []
        for leaf in leaves:
            known = queued.get(leaf.movement.evidence)
            if known is not None:
                placed[leaf.index] = _recognised(leaf, known, placed)
                continue
            if leaf.movement.kind == Kind.ISSUE and not self._lot[0] <= leaf.movement.first < self._lot[1]:
                self._lot = ensure_lot(tx, leaf.movement, self._issuance_of(leaf.movement))
            placed[leaf.index] = _place(leaf.movement, next(numbers), placed, found)
            if leaf.public is not None:
                _write_evidence(tx, [leaf.movement.evidence], [leaf.public])  # by which the next ones find it
                self._take(tx, leaf.movement, placed[leaf.index].id, json.loads(leaf.public))
            rows.append(_row(leaf.movement, placed) | _of(placed[leaf.index]) | {"public": leaf.public})
        _write_movements(tx, self._sealer, rows)
        _write_entries(tx, leaves, placed)

    def _take(self, tx: sa.Connection, record: Movement, number: int, fields: Fields) -> None:
        """Have again what a record's document says, before leaves that rest on it."""
        decision = read_decision(record.kind, fields)
        if decision is None:
            return
        return_decision(tx, decision, number)
        if (take := RETURNING.get(decision.record)) is not None:
            take(tx, Recorded(decision, record.evidence, fields))
        if (facts := facts_of(tx, decision)) is not None:
            insort(self._issued, facts, key=_first)

    def _issuance_of(self, issue: Movement) -> LotFacts | None:
        """Find the record of the lot that an ISSUE is of; it comes before it in the log."""
        place = bisect_right(self._issued, issue.first, key=_first)
        facts = self._issued[place - 1] if place else None
        return facts if facts is not None and issue.last <= facts.end_g else None


def _place(movement: Movement, number: int, placed: Mapping[int, _Placed], found: Mapping[Acquired, int]) -> _Placed:
    """Say who gave and who holds: by the tag for what was acquired, by the parent for all else."""
    if movement.is_record:
        return _Placed(number, None, None)
    parent = None if movement.parent is None else placed[movement.parent]
    giver_id = None if parent is None else parent.account_id
    if movement.kind in ENDS:
        return _Placed(number, giver_id, None)
    if movement.kind == Kind.REFUND and parent is not None:
        return _Placed(number, giver_id, parent.giver_id)
    if movement.kind not in _ACQUIRING:
        return _Placed(number, giver_id, giver_id)
    return _Placed(number, giver_id, found[acquired(movement)])


def _of(placed: _Placed) -> dict[str, Any]:
    return {"id": placed.id, "giver": placed.giver_id, "account": placed.account_id}


def _unknown_holders(tx: sa.Connection, movements: Sequence[Movement]) -> dict[tuple[int, bytes], int]:
    """Have an account for whoever made each of these tags; nobody spends from it."""
    by_tag = {movement.to_tag: movement for movement in movements}
    values = {
        "kinds": ["individual" if one.flags & Flag.INDIVIDUAL else "institution" for one in by_tag.values()],
        "ats": [one.at for one in by_tag.values()],
        "tags": list(by_tag),
    }
    accounts = {bytes(row.lost_tag): row.id for row in tx.execute(_LOST_ACCOUNTS, values)} if by_tag else {}
    return {(one.first, one.to_tag): accounts[one.to_tag] for one in movements}


def _queued(tx: sa.Connection, leaves: Sequence[Leaf]) -> dict[bytes, sa.Row[Any]]:
    digests = [leaf.movement.evidence for leaf in leaves]
    return {bytes(row.evidence): row for row in tx.execute(_QUEUED, {"digests": digests})}


def _parents(tx: sa.Connection, leaves: Sequence[Leaf]) -> dict[int, _Placed]:
    """Look up the parents that were in the log before these leaves."""
    start = leaves[0].index
    named = {leaf.movement.parent for leaf in leaves if leaf.movement.parent is not None}
    rows = tx.execute(_PARENTS, {"indices": [index for index in named if index < start]})
    return {row.index_: _Placed(row.id, row.giver_id, row.account_id) for row in rows}


def _recognised(leaf: Leaf, row: sa.Row[Any], placed: Mapping[int, _Placed]) -> _Placed:
    """Hold a movement of the queue against its leaf."""
    parent = leaf.movement.parent
    ours, theirs = movement_of(row), leaf.movement
    same = all(
        getattr(ours, name) == getattr(theirs, name) for name in Movement.__dataclass_fields__ if name != "parent"
    )
    if not same or ours.parent != (None if parent is None else placed[parent].id):
        raise OtherHistory(
            f"Movement {row.id}, which waits for the log, has the evidence of leaf {leaf.index} and says otherwise. "
            "This database has another history; restore the backup again."
        )
    return _Placed(row.id, row.giver_id, row.account_id)


def _row(movement: Movement, placed: Mapping[int, _Placed]) -> dict[str, Any]:
    return {
        "kind": int(movement.kind),
        "form": int(movement.form),
        "flags": int(movement.flags),
        "purpose": movement.purpose,
        "first": movement.first,
        "last": movement.last,
        "parent": None if movement.parent is None else placed[movement.parent].id,
        "at": movement.at,
        "until": movement.until,
        "from_tag": movement.from_tag,
        "to_tag": movement.to_tag,
        "evidence": movement.evidence,
    }


def _write_movements(tx: sa.Connection, sealer: Sealer, rows: list[dict[str, Any]]) -> None:
    """Write movements that were lost, with acts for them; of their evidence the digest is known, and what is public."""
    if not rows:
        return
    groups: dict[_Act, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(_act_of(row), []).append(row)
    numbers = list(tx.execute(_RESERVE, {"table": "acts", "count": len(groups)}).scalars())
    for number, group in zip(numbers, groups.values(), strict=True):
        for row in group:
            row["act"] = number
    acts = {
        "ids": numbers,
        "kinds": [_ACTS.get(kind, "record") for kind, *_ in groups],
        "givers": [group[0]["giver"] for group in groups.values()],
        "ats": [at for _, at, *_ in groups],
        "grams": [_grams(group) for group in groups.values()],
    }
    tx.execute(_NEW_ACTS, acts)
    lost = [row["evidence"] for row in rows if row["public"] is None]
    _write_evidence(tx, lost, [None] * len(lost))
    write_rows(tx, sealer, rows)
    tx.execute(_FRONTIER, {"last": max((row["last"] for row in rows if row["kind"] in ORIGINS), default=0)})


def _write_evidence(tx: sa.Connection, digests: Sequence[bytes], publics: Sequence[str | None]) -> None:
    tx.execute(_EVIDENCE, {"digests": digests, "publics": publics, "fields": list(map(_whole, publics))})


def _grams(of_act: Sequence[Mapping[str, Any]]) -> int:
    return sum(row["last"] - row["first"] for row in of_act if row["kind"] != Kind.BUNDLE)


def _whole(public: str | None) -> str | None:
    """Give a document that is public as a whole; any other was lost but for what is public of it."""
    is_whole = public is not None and all(isinstance(shown, list) for shown in json.loads(public).values())
    return public if is_whole else None


def _act_of(row: Mapping[str, Any]) -> _Act:
    """What movements of one act share; a record is an act by itself, and a run is one."""
    if row["kind"] == Kind.GATHER:
        return Kind.GATHER, row["at"], None, int.from_bytes(row["to_tag"][4:12])
    if row["kind"] == Kind.BUNDLE:
        return Kind.GATHER, row["at"], None, row["first"]
    return row["kind"], row["at"], row["giver"], row["id"] if row["kind"] >= RECORDS_FROM else 0


def _write_entries(tx: sa.Connection, leaves: Sequence[Leaf], placed: Mapping[int, _Placed]) -> None:
    """Give each movement the index that it has in public, and take it out of the queue."""
    values = {
        "indices": [leaf.index for leaf in leaves],
        "ids": [placed[leaf.index].id for leaf in leaves],
        "leaves": [leaf.data for leaf in leaves],
    }
    tx.execute(_ENTRIES, values)
    tx.execute(_DEQUEUE, {"first": leaves[0].index, "last": leaves[-1].index})


_BEGIN = sa.text("""
    INSERT INTO recoveries (from_size, size, source, begun_ms) SELECT :from, :size, :source, :at
    WHERE NOT EXISTS (SELECT FROM recoveries WHERE finished_ms IS NULL)
""")
_SKIP = sa.text("""
    SELECT setval(s, nextval(s) + :gap) FROM information_schema.columns,
        pg_get_serial_sequence(quote_ident(table_name), column_name) s
    WHERE table_schema = current_schema() AND is_identity = 'YES'
""")
# The database lets nothing else write while it is behind.
_REPLAYING = sa.text("SET LOCAL gramledger.replaying = 'yes'; SET LOCAL statement_timeout = 0")
_QUEUED = sa.text("""
    SELECT m.* FROM unsequenced u JOIN movements m ON m.id = u.movement_id WHERE m.evidence = ANY (:digests)
""")
_PARENTS = sa.text("""
    SELECT e.index AS index_, m.id, m.giver_id, m.account_id FROM log_entries e JOIN movements m ON m.id = e.movement_id
    WHERE e.index = ANY (:indices)
""")
_RESERVE = sa.text("""
    SELECT nextval(pg_get_serial_sequence(:table, 'id')) FROM generate_series(1, :count) ORDER BY 1
""")
_LOST_ACCOUNTS = sa.text("""
    INSERT INTO accounts (kind, opened_ms, lost_tag)
    SELECT * FROM unnest(CAST(:kinds AS text[]), CAST(:ats AS bigint[]), CAST(:tags AS bytea[]))
    ON CONFLICT (lost_tag) DO UPDATE SET lost_tag = excluded.lost_tag RETURNING id, lost_tag
""")
_NEW_ACTS = sa.text("""
    INSERT INTO acts (id, kind, account_id, at_ms, quantity_g) OVERRIDING SYSTEM VALUE
    SELECT * FROM unnest(
        CAST(:ids AS bigint[]), CAST(:kinds AS text[]), CAST(:givers AS bigint[]), CAST(:ats AS bigint[]),
        CAST(:grams AS bigint[])
    )
""")
_EVIDENCE = sa.text("""
    INSERT INTO evidence (digest, fields, public)
    SELECT digest, CAST(fields AS jsonb), public
    FROM unnest(CAST(:digests AS bytea[]), CAST(:fields AS text[]), CAST(:publics AS text[])) t (digest, fields, public)
    ON CONFLICT DO NOTHING
""")
_ISSUED = sa.text("""
    SELECT e.public FROM decisions d JOIN movements m ON m.id = d.movement_id
    JOIN evidence e ON e.digest = m.evidence WHERE left(d.case_number, 1) = 'I' AND e.public IS NOT NULL
        AND NOT EXISTS (SELECT FROM lots WHERE 'I-' || id = d.case_number)
""")
_ENTRIES = sa.text("""
    INSERT INTO log_entries (index, movement_id, leaf)
    SELECT * FROM unnest(CAST(:indices AS bigint[]), CAST(:ids AS bigint[]), CAST(:leaves AS bytea[]))
""")
_FRONTIER = sa.text("UPDATE frontier SET next_g = :last WHERE next_g < :last")
_DEQUEUE = sa.text("""
    DELETE FROM unsequenced u USING log_entries e WHERE e.movement_id = u.movement_id
        AND e.index BETWEEN :first AND :last
""")
