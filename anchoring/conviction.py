"""What two leaves of one log prove: the reference of the contract's `convict` (docs/design.md, section 5).

Pure. The contract (contracts/libraries/RulesLib.sol) and the browser (rules.js) answer the same for the same two
leaves; tests/vectors/rules.json holds all three to one table. Whether the leaves are in the log is the inclusion
proofs' to say, not decided here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from anchoring import leaf as leaves
from anchoring.errors import Malformed
from registry.ledger.movement import ORIGINS, Movement
from registry.ledger.rules import Rule, broken_rule, broken_run, is_in_run, overlap


@dataclass(frozen=True, slots=True)
class Entry:
    """A leaf's bytes, its index in the log, and its inclusion proof (RFC 9162, 2.1.3.1), sibling first."""

    leaf: bytes
    index: int
    path: Sequence[bytes] = ()


def convicting_rule(accused: Entry, other: Entry) -> Rule | None:
    """Name the first rule that `accused` breaks, by itself or against `other`; None when the two prove nothing.

    In this order: one of the two is no leaf (LEAF); what `accused` breaks by itself, last a parent that does not come
    before it (ORDER) and standing first where something must stand before it (GATHERED); what it breaks against its
    parent, when that is `other`; a gram that both take or number (OVERLAP, ISSUE_OVERLAP); a run that two neighbours
    break (GATHERED). The two have different indices. `other`'s own faults are found by giving the two in turn.
    """
    try:
        child, beside = leaves.decode(accused.leaf), leaves.decode(other.leaf)
    except Malformed:
        return Rule.LEAF
    return (
        _broken_alone(child, accused.index)
        or (broken_rule(child, beside) if child.parent == other.index else None)
        or overlap(child, beside)
        or _broken_by_neighbour(accused.index, child, other.index, beside)
    )


def belong_together(accused: Entry, other: Entry) -> bool:
    """Whether a rule is about the two at all.

    `other` is the parent, or both have one parent, or both number grams, or the two are neighbours of one run.
    Raises Malformed for bytes that are no leaf.
    """
    child, beside = leaves.decode(accused.leaf), leaves.decode(other.leaf)
    are_siblings = child.parent is not None and child.parent == beside.parent
    are_rivals = are_siblings or (child.kind in ORIGINS and beside.kind in ORIGINS)
    if child.parent == other.index or (are_rivals and not child.is_record and not beside.is_record):
        return True
    neighbours = _in_order(accused.index, child, other.index, beside)
    return neighbours is not None and is_in_run(*neighbours)


def _broken_alone(child: Movement, index: int) -> Rule | None:
    """Name the first rule broken by a leaf, whatever its parent is."""
    rule = broken_rule(child, None)
    if rule is Rule.PARENT and child.kind not in ORIGINS and child.parent is not None:
        rule = Rule.ORDER if child.parent >= index else None  # PARENT only says that we did not give the parent
    return rule or (broken_run(None, child) if index == 0 else None)


def _broken_by_neighbour(index: int, child: Movement, other_index: int, other: Movement) -> Rule | None:
    neighbours = _in_order(index, child, other_index, other)
    return None if neighbours is None else broken_run(*neighbours)


def _in_order(index: int, one: Movement, other_index: int, other: Movement) -> tuple[Movement, Movement] | None:
    """Give two neighbours as they stand in the log, or None when they are none."""
    if abs(index - other_index) != 1:
        return None
    return (one, other) if index < other_index else (other, one)
