"""What an audit found: the faults, each with its place and its rule, and the totals to compare with other sources."""

from dataclasses import asdict, dataclass
from typing import Any

from anchoring.replaying.faults import Fault
from registry.ledger.movement import RECORDS_FROM, Form, Kind, Purpose, serial
from registry.procedure.rule import Finding


@dataclass(frozen=True, slots=True)
class Lot:
    """The grams of one issuance, `[first, last)`, and what became of them. A registry's pages show the same figures."""

    first: int
    last: int
    issuance: int | None
    """Index of the ISSUANCE record that its ISSUEs follow; None for ISSUEs before any record."""
    issued_g: int
    reduction_g: int
    points_g: int
    gathered_g: int
    """Grams that go on in bundles, under other numbers; they are of no lot there."""
    ended_g: dict[int, int]
    """Purpose of the end -> grams; 0 for those that expired, 48 for those that were voided."""

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON values, purposes by name."""
        return {
            "serial": serial(self.first, self.last),
            "first_g": self.first,
            "end_g": self.last,
            "issuance_leaf": self.issuance,
            "issued_g": self.issued_g,
            "reduction_g": self.reduction_g,
            "points_g": self.points_g,
            "gathered_g": self.gathered_g,
            "ended_g": {_end_name(purpose): grams for purpose, grams in sorted(self.ended_g.items())},
        }


@dataclass(frozen=True, slots=True)
class Totals:
    """What the leaves add up to. Grams, by the codes of kind, form and purpose; unlawful leaves are counted too."""

    leaves: dict[int, int]
    """Kind -> number of leaves."""
    moved_g: dict[int, int]
    """Kind below 64 -> grams in its movements."""
    ended_g: dict[tuple[int, int], int]
    """(kind, purpose) of the ends but GATHER -> grams; 63 is any purpose that no end has."""
    live_g: dict[int, int]
    """Form -> grams that have it now."""
    frontier_g: int
    """The highest gram number issued or bundled, exclusive."""
    lots: tuple[Lot, ...]
    """By gram number; of very many the last."""
    lot_count: int
    """All lots, those that are not listed too."""

    @property
    def issued_g(self) -> int:
        """Grams issued: those of ISSUEs alone."""
        return self.moved_g.get(Kind.ISSUE, 0)

    @property
    def bundled_g(self) -> int:
        """Grams that got numbers in bundles."""
        return self.moved_g.get(Kind.BUNDLE, 0)

    @property
    def gathered_g(self) -> int:
        """Grams whose numbers ended in order to go on in bundles."""
        return self.moved_g.get(Kind.GATHER, 0)

    @property
    def all_ended_g(self) -> int:
        """Grams ended otherwise than by GATHER; the contract counts those too."""
        return sum(self.ended_g.values())

    @property
    def alive_g(self) -> int:
        """Grams that have a form now."""
        return sum(self.live_g.values())

    @property
    def is_balanced(self) -> bool:
        """Whether no gram came from nowhere, nor went there.

        What was gathered is what was bundled, and issued + bundled - gathered - ended otherwise = alive.
        """
        alive = self.issued_g + self.bundled_g - self.gathered_g - self.all_ended_g
        return self.bundled_g == self.gathered_g and alive == self.alive_g

    @property
    def ended_by_purpose_g(self) -> dict[int, int]:
        """Purpose of the end -> grams, as a registry shows them; 0 for those that expired."""
        purposes = sorted({purpose for _, purpose in self.ended_g})
        return {purpose: sum(g for (_, why), g in self.ended_g.items() if why == purpose) for purpose in purposes}

    def to_json(self) -> dict[str, Any]:
        """Give the totals with names for codes, an unlisted code as its number."""
        return {
            "leaves_by_kind": {_name(Kind, kind): count for kind, count in sorted(self.leaves.items())},
            "moved_g": {_name(Kind, kind): grams for kind, grams in sorted(self.moved_g.items())},
            "issued_g": self.issued_g,
            "bundled_g": self.bundled_g,
            "gathered_g": self.gathered_g,
            "alive_g": self.alive_g,
            "is_balanced": self.is_balanced,
            "frontier_g": self.frontier_g,
            "ended_total_g": self.all_ended_g,
            "ended_g": [
                {"kind": _name(Kind, kind), "purpose": _name(Purpose, purpose), "quantity_g": grams}
                for (kind, purpose), grams in sorted(self.ended_g.items())
            ],
            "ended_by_purpose_g": {_end_name(purpose): grams for purpose, grams in self.ended_by_purpose_g.items()},
            "live_g": {_name(Form, form): grams for form, grams in sorted(self.live_g.items())},
            "lot_count": self.lot_count,
            "lots": [lot.to_json() for lot in self.lots],
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of one audit. `size` and `root` are the checkpoint's, None when it could not be believed."""

    origin: str | None
    size: int | None
    root: bytes | None
    totals: Totals
    leaves_read: int
    """Leaves that were there and could be decoded, and so were judged."""
    cosigned: tuple[str, ...] | None
    """Names of the known witnesses who cosigned the checkpoint, None when nobody asked."""
    anchors: int | None
    """Anchored sizes on the chain, None when no chain was asked."""
    anchors_compared: int
    """Those of them whose root, frontier and ended grams were all recomputed."""
    states_checked: tuple[int, ...]
    """Indices of the STATE records that were checked; `totals` says how many there are."""
    findings: tuple[Finding, ...]
    """What decisions leave open; no fault."""
    faults: tuple[Fault, ...]
    fault_counts: dict[str, int]

    @property
    def holds(self) -> bool:
        """Whether nothing at all was found wrong."""
        return not self.fault_counts

    @property
    def first(self) -> Fault | None:
        """The first fault: of the lowest leaf, if any leaf has one."""
        return self.faults[0] if self.faults else None

    @property
    def verdict(self) -> str:
        """One sentence for a person."""
        if self.first is not None:
            count = sum(self.fault_counts.values())
            return f"The log does not hold: {count} fault{'s'[: count != 1]}, the first at {self.first}."
        sizes = "1 anchored size agrees" if self.anchors == 1 else f"{self.anchors} anchored sizes agree"
        chain = "" if self.anchors is None else f", and {sizes} with the chain"
        if self.cosigned is not None:
            chain = f", cosigned by {', '.join(self.cosigned) or 'nobody, as asked'}{chain}"
        if self.size == 0:
            return f"The log is empty, and holds{chain}."
        return f"The log holds: {self.size} leaves, every hash and every rule{self._states}{chain}."

    @property
    def _states(self) -> str:
        """Say which records of the state were checked."""
        records, checked = self.totals.leaves.get(Kind.STATE, 0), len(self.states_checked)
        if not records:
            return ""
        which = f", at leaf {self.states_checked[-1]}" if checked == 1 else ""
        return f", {checked} of {records} records of the state{which}"

    def to_json(self) -> dict[str, Any]:
        """Give all of it as JSON values; hashes in hex."""
        return {
            "holds": self.holds,
            "verdict": self.verdict,
            "origin": self.origin,
            "size": self.size,
            "root": None if self.root is None else self.root.hex(),
            "leaves_read": self.leaves_read,
            "totals": self.totals.to_json(),
            "cosigned": None if self.cosigned is None else list(self.cosigned),
            "anchors": self.anchors,
            "anchors_compared": self.anchors_compared,
            "states_checked": list(self.states_checked),
            "findings": [asdict(finding) for finding in self.findings],
            "fault_counts": dict(sorted(self.fault_counts.items())),
            "faults": [asdict(fault) | {"place": fault.place} for fault in self.faults],
        }


def _name(codes: type[Kind] | type[Form] | type[Purpose], code: int) -> str:
    if code in set(codes):
        return codes(code).name
    return f"RECORD_{code}" if codes is Kind and code >= RECORDS_FROM else str(code)


def _end_name(purpose: int) -> str:
    return _name(Purpose, purpose) if purpose else "EXPIRED"
