"""Posting: an act and all its movements, written together or not at all.

The caller holds the transaction and the lock on the acting account. Every movement is held against the rules here, and
again by the database.
"""

from base64 import b64encode
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from registry.accounts.vault import Vault
from registry.database.personal import Erased
from registry.database.schema import evidence, movements
from registry.database.statement import Statement
from registry.errors import DocumentTooLarge, Invalid, RuleBroken
from registry.evidence.document import Evidence, Value, seal, seal_each
from registry.evidence.public import Flaw, FlawError, most_bytes, text_of
from registry.ledger.blocks import Piece, refuse_set_aside
from registry.ledger.child import Receiver, Step, child_of
from registry.ledger.documents import parted
from registry.ledger.movement import NO_TAG, Flag, Kind, Movement
from registry.ledger.rows import write_rows
from registry.ledger.rules import SENTENCES, broken_rule
from registry.ledger.sealing import MAX_RUN


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

    @property
    def told(self) -> dict[str, str | int]:
        """What an event says of it: the act, its first movement, how much."""
        return {"act": str(self.act_id), "movement": str(self.movements[0].id), "quantity_g": self.quantity_g}


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
    public: str | None = None
    """Of a record: what the log publishes of its evidence (`registry.evidence.public.text_of`)."""
    withheld: tuple[str, ...] = ()
    """Names of a record's fields that are not published: sealed, like the personal ones."""


Tell = Callable[[int], None]


def nobody(_grams: int) -> None:
    """Tell nobody how far an act is."""


Place = tuple[int, Receiver | None]
"""Whom a piece goes to: account number, and tag and kind of holder; None where it stays, or ends."""
ReceiverOf = Callable[[Piece], Place]
_INDIVIDUAL = int(Flag.INDIVIDUAL)


@dataclass(frozen=True, slots=True)
class Act:
    """An act that was opened: its number, and the numbers of the movements it is to have."""

    id: int
    numbers: Sequence[int]


def begin_act(tx: sa.Connection, kind: str, account_id: int | None, at: int, quantity_g: int, movements: int) -> Act:
    """Open an act of so many movements. They are numbered now: a seal is over their numbers too."""
    values = {"kind": kind, "account_id": account_id, "at": at, "quantity": quantity_g, "movements": movements}
    return Act(*next(_BEGIN(tx, values)))


_BEGIN = Statement("""
    WITH act AS (
        INSERT INTO acts (kind, account_id, at_ms, quantity_g) VALUES (:kind, :account_id, :at, :quantity) RETURNING id
    )
    SELECT act.id, reserved.numbers FROM act, (
        SELECT array_agg(n ORDER BY n) AS numbers
        FROM (SELECT nextval('movements_id_seq') AS n FROM generate_series(1, :movements)) each
    ) reserved
""")


def post(
    tx: sa.Connection,
    vault: Vault,
    act: str,
    account_id: int,
    pieces: Sequence[Piece],
    step: Step,
    facts: Mapping[str, Value],
    receiver_of: ReceiverOf | None = None,
    personal: tuple[str, ...] = (),
    tell: Tell = nobody,
) -> Posted:
    """Write one act that does `step` to every piece.

    `facts` go into each movement's evidence beside its own serial and quantity and the act's time, of which the leaf
    has the minute alone. Salts are fresh for every movement, so equal facts have unequal digests. Raises `RuleBroken`
    and writes nothing when a rule of the design's section 2 forbids a movement.
    """
    if not pieces:
        raise Invalid("An act takes at least one gram.")
    refuse_set_aside([piece.block for piece in pieces])
    quantity_g = sum(piece.quantity_g for piece in pieces)
    begun = begin_act(tx, act, account_id, step.at, quantity_g, len(pieces))
    written: list[Written] = []
    for start in range(0, len(pieces), MAX_RUN):  # no more than a statement's rows, with their evidence, in memory
        some = pieces[start : start + MAX_RUN]
        places = [receiver_of(piece) if receiver_of else (piece.block.account_id, None) for piece in some]
        lines = child_lines(some, act, step, facts, places, personal)
        written += write_lines(tx, vault, Act(begun.id, begun.numbers[start : start + MAX_RUN]), lines)
        tell(sum(line.movement.quantity_g for line in lines))
    return Posted(begun.id, act, step.at, quantity_g, tuple(written))


def child_lines(
    pieces: Sequence[Piece],
    act: str,
    step: Step,
    facts: Mapping[str, Value],
    places: Sequence[Place],
    personal: tuple[str, ...] = (),
) -> list[Line]:
    """Make the lines of pieces, each of which `step` takes to its place. Raises `RuleBroken` when a rule forbids it."""
    own = [{"first_g": piece.first, "quantity_g": piece.quantity_g} for piece in pieces]
    sealed = seal_each({"act": act, "at_ms": step.at, **facts}, own)
    return [
        _child_line(piece, step, place, evidence, personal)
        for piece, place, evidence in zip(pieces, places, sealed, strict=True)
    ]


def _child_line(piece: Piece, step: Step, place: Place, sealed: Evidence, personal: tuple[str, ...]) -> Line:
    block, (account_id, receiver) = piece.block, place
    child = child_of(block.maker, block.movement_id, (piece.first, piece.last), step, receiver, sealed.digest)
    rule = broken_rule(child, block.maker)
    if rule is not None:
        raise RuleBroken(f"{SENTENCES[rule].capitalize()} ({block.serial}).")
    about = block.account_id if block.maker.flags & _INDIVIDUAL or not child.flags & _INDIVIDUAL else account_id
    return Line(child, block.account_id, None if child.is_end else account_id, sealed, personal, about)


def write_lines(tx: sa.Connection, vault: Vault, act: Act, lines: Sequence[Line]) -> tuple[Written, ...]:
    """Write the movements of an act, in order, sealed, with their evidence. The database moves the blocks."""
    numbered = list(zip(act.numbers, lines, strict=True))
    rows = [_movement_row(number, act.id, line) for number, line in numbered]
    write_rows(tx, vault.sealer, rows, [_evidence_row(vault, line) for line in lines])
    return tuple(Written(number, line.movement) for number, line in numbered)


def _evidence_row(vault: Vault, line: Line) -> dict[str, Any]:
    fields, sealed = parted(vault, line.evidence.fields, {*line.personal, *line.withheld})
    row: dict[str, Any] = {"fields": fields}
    if sealed is not None:
        row["sealed"] = b64encode(sealed).decode()
    if line.personal:
        row |= {"account_id": line.personal_of, "personal": line.personal}
    if line.public is not None:
        row["public"] = line.public
    return row


def _movement_row(number: int, act_id: int, line: Line) -> dict[str, Any]:
    movement = line.movement
    return {
        "id": number,
        "act": act_id,
        "giver": line.giver_id,
        "account": line.account_id,
        "kind": int(movement.kind),
        "form": int(movement.form),
        "flags": int(movement.flags),
        "purpose": int(movement.purpose),
        "first": movement.first,
        "last": movement.last,
        "parent": movement.parent,
        "at": movement.at,
        "until": movement.until,
        "from_tag": movement.from_tag,
        "to_tag": movement.to_tag,
        "evidence": movement.evidence,
    }


@dataclass(frozen=True, slots=True)
class Facts:
    """What a record says, field by field: `disclosed` stands in the public log for good, `withheld` as digests alone.

    Personal words and business secrets are withheld, and whatever an erasure takes away: the fields named in `personal`
    go with the account that they are about, `personal_of`.
    """

    disclosed: Mapping[str, Value]
    withheld: Mapping[str, Value] = field(default_factory=dict)
    personal: tuple[str, ...] = ()
    personal_of: int | None = None

    def __post_init__(self) -> None:
        """Refuse a declaration that says two things of one field."""
        twice = self.disclosed.keys() & self.withheld.keys()
        if twice or not set(self.personal) <= self.withheld.keys():
            raise ValueError(f"a field is disclosed or withheld, and a personal one withheld: {sorted(twice)}")


def record(tx: sa.Connection, vault: Vault, kind: Kind, at: int, facts: Facts) -> Written:
    """Write a record: a leaf that moves no grams and binds `facts` by their digest.

    Raises `DocumentTooLarge` when what is public of it is longer than a document of its kind may be.
    """
    return write_record(tx, vault, record_line(kind, at, facts))


def record_line(kind: Kind, at: int, facts: Facts) -> Line:
    """Make a record that is not written yet. Raises `DocumentTooLarge`."""
    sealed = seal({"record": kind.name.lower(), **facts.disclosed, **facts.withheld})
    public = _public(sealed, {"record", *facts.disclosed}, kind)
    leaf = Movement(kind, 0, 0, 0, 0, 0, None, at, 0, NO_TAG, NO_TAG, sealed.digest)
    return Line(leaf, None, None, sealed, facts.personal, facts.personal_of, public, tuple(facts.withheld))


def write_record(tx: sa.Connection, vault: Vault, line: Line) -> Written:
    """Write a record that was made."""
    leaf = line.movement
    act = begin_act(tx, Kind(leaf.kind).name.lower(), line.personal_of, leaf.at, 0, 1)
    return write_lines(tx, vault, act, [line])[0]


def _public(sealed: Evidence, disclosed: Collection[str], kind: Kind) -> str:
    try:
        return text_of(sealed.fields, disclosed, kind)
    except FlawError as error:
        if error.flaw != Flaw.SIZE:
            raise
        raise DocumentTooLarge(
            f"What the log would publish of this {kind.name.lower()} is longer than {most_bytes(kind)} bytes, the most "
            "for a record of its kind. Shorten it; nothing was recorded."
        ) from error


def _withhold_words(tx: sa.Connection, account: Erased) -> None:
    """Leave digests alone of what is sealed with personal words: of a person's, in all that they gave or received."""
    of_account = evidence.c.account_id == account.number
    if account.is_individual:
        gave = sa.select(movements.c.evidence).where(movements.c.giver_id == account.number)
        received = sa.select(movements.c.evidence).where(movements.c.account_id == account.number)
        of_account |= evidence.c.digest.in_(gave.union(received))
    has_words = evidence.c.personal != sa.literal([], evidence.c.personal.type)
    tx.execute(sa.update(evidence).where(of_account, has_words).values(sealed=None, personal=[]))


ERASING = (_withhold_words,)
