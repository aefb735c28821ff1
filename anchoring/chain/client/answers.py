"""What the contract's client answers, as values. `frontier` and `ended` are grams."""

from dataclasses import dataclass

from registry.ledger.rules import Rule


@dataclass(frozen=True, slots=True)
class AnchoredHead:
    """The contract's last checkpoint, as of block `block_number`."""

    size: int
    root: bytes
    frontier: int
    ended: int
    broken: bool
    block_number: int


@dataclass(frozen=True, slots=True)
class AnchoredCheckpoint:
    """A checkpoint as the contract's event tells of it; `previous` is the size anchored before it, 0 for the first."""

    size: int
    root: bytes
    frontier: int
    ended: int
    previous: int
    block_number: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the contract was convicted of: leaf `index` breaks `rule`, by itself or against leaf `other`.

    Both leaves were shown to be in the anchored tree of `size` leaves.
    """

    size: int
    index: int
    other: int
    rule: Rule


@dataclass(frozen=True, slots=True)
class AnchorReceipt:
    """Where a checkpoint or a conviction is on the chain.

    `tx_hash` is None and `gas_used` 0 when it was there before and not sent from here; `block_number` is then a block
    by which it was there, at or after its own.
    """

    tx_hash: bytes | None
    block_number: int
    gas_used: int
