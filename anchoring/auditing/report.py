"""What an audit found: the faults, each with its place and its rule, and the totals to compare with other sources."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from registry.ledger.movement import ENDS, RECORDS_FROM, Form, Kind, Purpose
from registry.ledger.rules import SENTENCES, Rule

KEPT_PER_CODE: Final = 100
"""Faults kept of each code; more are counted only, so that a log that is all wrong does not fill the memory."""

CODES: Final = {
    "checkpoint": "the checkpoint cannot be read",
    "signature": "the checkpoint is not signed by the given key for its origin",
    "size": "the checkpoint claims more leaves than a contract takes",
    "unread": "so many files could not be read that the audit ended before the last leaf",
    "file-missing": "a tile or entry bundle is not there",
    "file-malformed": "a tile or entry bundle has another length than the tree says, or holds no leaves",
    "leaf-version": "the leaf is of an unknown version",
    "leaf-hash": "the leaf does not have the hash that its tile says",
    "tile-hash": "a hash of the tile is not that of the tile below it",
    "root": "the leaves do not make the checkpoint's root",
    "STATE": "a record of the state is not of the leaves before it",
    "changed": "the log's files changed while they were audited",
    "ended": "more grams ended than were issued",
    "anchor-ahead": "the chain holds a larger tree than the log",
    "anchor-root": "the anchored root is not that of the log's first leaves",
    "anchor-frontier": "the anchored frontier is not the log's",
    "anchor-ended": "the anchored ended grams are not the log's",
    "contract-broken": "the contract was convicted of a broken rule and takes no further checkpoint",
}
"""Codes of faults that are no rule of the design's section 2; those have the name of their `Rule`."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that does not hold.

    `code` is a `Rule`'s name or a key of `CODES`. The place is a `leaf` (index in the log), a file's `path`, an
    anchored `size`, or, with none of them, the checkpoint or the contract itself.
    """

    code: str
    sentence: str
    leaf: int | None = None
    path: str | None = None
    size: int | None = None

    @property
    def place(self) -> str:
        """The place, for a person."""
        if self.leaf is not None:
            return f"leaf {self.leaf}"
        if self.path is not None:
            return self.path
        if self.size is not None:
            return f"anchored size {self.size}"
        return "contract" if self.code == "contract-broken" else "checkpoint"

    def __str__(self) -> str:
        """Say place, rule and reason in one line."""
        return f"{self.place}: {self.code}: {self.sentence}"


@dataclass(slots=True)
class Faults:
    """Collects faults: all are counted, the first `KEPT_PER_CODE` found of each code are kept."""

    kept: list[Fault] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, fault: Fault) -> None:
        """Take one fault."""
        self.counts[fault.code] += 1
        if self.counts[fault.code] <= KEPT_PER_CODE:
            self.kept.append(fault)

    def add_rule(self, rule: Rule, leaf: int, detail: str = "") -> None:
        """Take a leaf that breaks a rule; `detail` goes on from the rule's sentence."""
        self.add(Fault(rule.name, SENTENCES[rule] + detail, leaf=leaf))

    def sorted(self) -> tuple[Fault, ...]:
        """Give those kept by leaf, then files, anchors and the rest in the order found."""
        return tuple(sorted(self.kept, key=lambda fault: (fault.leaf is None, fault.leaf or 0)))


@dataclass(frozen=True, slots=True)
class Totals:
    """What the leaves add up to. Grams, by the codes of kind, form and purpose; unlawful leaves are counted too."""

    leaves: dict[int, int]
    """Kind -> number of leaves."""
    moved_g: dict[int, int]
    """Kind below 64 -> grams in its movements."""
    ended_g: dict[tuple[int, int], int]
    """(kind, purpose) of the ends -> grams."""
    live_g: dict[int, int]
    """Form -> grams that have it now."""
    frontier_g: int
    """The highest gram number issued, exclusive."""

    @property
    def issued_g(self) -> int:
        """Grams issued."""
        return self.moved_g.get(Kind.ISSUE, 0)

    @property
    def all_ended_g(self) -> int:
        """Grams ended, as the contract counts them."""
        return sum(self.moved_g.get(kind, 0) for kind in ENDS)

    def to_json(self) -> dict[str, Any]:
        """Give the totals with names for codes, an unlisted code as its number."""
        return {
            "leaves_by_kind": {_name(Kind, kind): count for kind, count in sorted(self.leaves.items())},
            "moved_g": {_name(Kind, kind): grams for kind, grams in sorted(self.moved_g.items())},
            "issued_g": self.issued_g,
            "frontier_g": self.frontier_g,
            "ended_total_g": self.all_ended_g,
            "ended_g": [
                {"kind": _name(Kind, kind), "purpose": _name(Purpose, purpose), "quantity_g": grams}
                for (kind, purpose), grams in sorted(self.ended_g.items())
            ],
            "live_g": {_name(Form, form): grams for form, grams in sorted(self.live_g.items())},
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
    anchors: int | None
    """Anchored sizes on the chain, None when no chain was asked."""
    anchors_compared: int
    """Those of them whose root, frontier and ended grams were all recomputed."""
    states_checked: tuple[int, ...]
    """Indices of the STATE records that were checked; `totals` says how many there are."""
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
            "anchors": self.anchors,
            "anchors_compared": self.anchors_compared,
            "states_checked": list(self.states_checked),
            "fault_counts": dict(sorted(self.fault_counts.items())),
            "faults": [asdict(fault) | {"place": fault.place} for fault in self.faults],
        }


def _name(codes: type[Kind] | type[Form] | type[Purpose], code: int) -> str:
    if code in set(codes):
        return codes(code).name
    return f"RECORD_{code}" if codes is Kind and code >= RECORDS_FROM else str(code)
