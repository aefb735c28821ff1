"""Posting: an act and all its movements, written together or not at all.

The caller holds the transaction and the lock on the acting account. Every movement is held against the rules here, and
again by the database.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from registry.database.schema import acts, evidence, movements
from registry.errors import Invalid, RuleBroken
from registry.evidence.document import Evidence, Value, seal
from registry.ledger.blocks import Piece
from registry.ledger.child import Receiver, Step, child_of
from registry.ledger.movement import NO_TAG, Flag, Kind, Movement
from registry.ledger.rules import SENTENCES, broken_rule


@dataclass(frozen=True, slots=True)
class Written:
    """A movement as it was written: its number, and what it says."""

    id: int
    movement: Movement


@dataclass(frozen=True, slots=True)
class Posted:
    """An act as it was written."""

    act_id: int
    kind: str
    at: int
    quantity_g: int
    movements: tuple[Written, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One movement to write: who gives, who holds it afterwards, and what it rests on."""

    movement: Movement
    giver_id: int | None
    account_id: int | None
    evidence: Evidence
    personal: tuple[str, ...] = ()
    """Names of evidence fields that go when a person who gives or receives is erased."""
    personal_of: int | None = None
    """The account that these fields are about."""


ReceiverOf = Callable[[Piece], tuple[int, Receiver]]
"""Whom a piece goes to: account number, and tag and kind of holder."""


def begin_act(tx: sa.Connection, kind: str, account_id: int | None, at: int, quantity_g: int) -> int:
    """Open an act and return its number."""
    values = {"kind": kind, "account_id": account_id, "at_ms": at, "quantity_g": quantity_g}
    return int(tx.execute(sa.insert(acts).returning(acts.c.id), values).scalar_one())


def post(
    tx: sa.Connection,
    act: str,
    account_id: int,
    pieces: Sequence[Piece],
    step: Step,
    facts: Mapping[str, Value],
    receiver_of: ReceiverOf | None = None,
    personal: tuple[str, ...] = (),
) -> Posted:
    """Write one act that does `step` to every piece.

    `facts` go into each movement's evidence beside its own serial and quantity. Salts are fresh for every movement, so
    equal facts have unequal digests. The movements of one act still share their millisecond and are neighbours in
    the log, which can tie them together (docs/decisions/0007-what-can-be-linked.md). Raises `RuleBroken` and writes
    nothing when a rule of the design's section 2 forbids a movement.
    """
    if not pieces:
        raise Invalid("An act takes at least one gram.")
    lines = [_line(piece, act, step, facts, receiver_of, personal) for piece in pieces]
    quantity_g = sum(piece.quantity_g for piece in pieces)
    act_id = begin_act(tx, act, account_id, step.at, quantity_g)
    return Posted(act_id, act, step.at, quantity_g, write_lines(tx, act_id, lines))


def _line(
    piece: Piece,
    act: str,
    step: Step,
    facts: Mapping[str, Value],
    receiver_of: ReceiverOf | None,
    personal: tuple[str, ...],
) -> Line:
    block = piece.block
    sealed = seal({"act": act, "first_g": piece.first, "quantity_g": piece.quantity_g, **facts})
    account_id, receiver = receiver_of(piece) if receiver_of else (block.account_id, None)
    child = child_of(block.maker, block.movement_id, (piece.first, piece.last), step, receiver, sealed.digest)
    rule = broken_rule(child, block.maker)
    if rule is not None:
        raise RuleBroken(f"{SENTENCES[rule].capitalize()} ({block.serial}).")
    about = block.account_id if block.maker.flags & Flag.INDIVIDUAL or not child.flags & Flag.INDIVIDUAL else account_id
    return Line(child, block.account_id, None if child.is_end else account_id, sealed, personal, about)


_INSERT_EVIDENCE = sa.insert(evidence)
_INSERT_MOVEMENTS = sa.insert(movements).returning(movements.c.id, sort_by_parameter_order=True)


def write_lines(tx: sa.Connection, act_id: int, lines: Sequence[Line]) -> tuple[Written, ...]:
    """Write movements, in order, with their evidence. The database moves the blocks."""
    tx.execute(_INSERT_EVIDENCE, [_evidence_row(line) for line in lines])
    numbers = tx.execute(_INSERT_MOVEMENTS, [_movement_row(act_id, line) for line in lines]).scalars()
    return tuple(Written(number, line.movement) for number, line in zip(numbers, lines, strict=True))


def _evidence_row(line: Line) -> dict[str, Any]:
    return {
        "digest": line.evidence.digest,
        "account_id": line.personal_of if line.personal else None,
        "personal": list(line.personal),
        "fields": line.evidence.fields,
    }


def _movement_row(act_id: int, line: Line) -> dict[str, Any]:
    movement = line.movement
    return {
        "act_id": act_id,
        "giver_id": line.giver_id,
        "account_id": line.account_id,
        "kind": int(movement.kind),
        "form": int(movement.form),
        "flags": int(movement.flags),
        "purpose": int(movement.purpose),
        "first_g": movement.first,
        "last_g": movement.last,
        "parent_id": movement.parent,
        "at_ms": movement.at,
        "until_ms": movement.until,
        "from_tag": movement.from_tag,
        "to_tag": movement.to_tag,
        "evidence": movement.evidence,
    }


def record(
    tx: sa.Connection,
    kind: Kind,
    at: int,
    facts: Mapping[str, Value],
    account_id: int | None = None,
    personal: tuple[str, ...] = (),
) -> Written:
    """Write a record of a decision: a leaf that moves no grams and binds `facts` by their digest.

    The facts named in `personal` go with the account.
    """
    sealed = seal({"record": kind.name.lower(), **facts})
    leaf = Movement(kind, 0, 0, 0, 0, 0, None, at, 0, NO_TAG, NO_TAG, sealed.digest)
    act_id = begin_act(tx, kind.name.lower(), account_id, at, 0)
    return write_lines(tx, act_id, [Line(leaf, None, None, sealed, personal, account_id)])[0]
