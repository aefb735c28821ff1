"""Faults: what does not hold, each with its place and its rule; all are counted, the first of each kind are kept."""

from bisect import insort
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from registry.ledger.rules import SENTENCES, Rule
from registry.procedure.rule import SENTENCES as PROCEDURE

KEPT_PER_CODE: Final = 100
"""Faults kept of each code; more are counted only, so that a log that is all wrong does not fill the memory."""

CODES: Final[dict[str, str]] = {
    **{str(rule): sentence for rule, sentence in PROCEDURE.items()},
    "checkpoint": "the checkpoint cannot be read",
    "signature": "the checkpoint is not signed by the given key for its origin",
    "cosignature": "a cosignature of a known witness does not hold",
    "quorum": "too few of the witnesses asked for have cosigned the checkpoint",
    "size": "the checkpoint claims more leaves than a contract takes",
    "unread": "so many files could not be read that the audit ended before the last leaf",
    "file-missing": "a tile or entry bundle is not there",
    "file-malformed": "a tile or entry bundle has another length than the tree says, or holds no leaves",
    "leaf-version": "the leaf is of an unknown version",
    "leaf-hash": "the leaf does not have the hash that its tile says",
    "tile-hash": "a hash of the tile is not that of the tile below it",
    "prefix": "the leaves that an earlier audit read are not the first leaves of this checkpoint's tree",
    "set-back": "the checkpoint is of fewer leaves than one that an earlier audit saw",
    "root": "the leaves do not make the checkpoint's root",
    "DOCUMENT": "a record has not exactly its one document, or says in it what its leaf does not bind",
    "STATE": "a record of the state is not of the leaves before it",
    "changed": "the log's files changed while they were audited",
    "ended": "more grams ended than numbers were given",
    "run-cut": "the checkpoint ends with a GATHER, whose BUNDLE is not in it",
    "balance": "the grams issued and bundled are not those that were gathered, ended or are alive",
    "anchor-ahead": "the chain holds a larger tree than the log",
    "anchor-root": "the anchored root is not that of the log's first leaves",
    "anchor-frontier": "the anchored frontier is not the log's",
    "anchor-ended": "the anchored ended grams are not the log's",
    "anchor-run": "the anchored size ends with a GATHER, whose BUNDLE is not in it",
    "contract-broken": "the contract was convicted of a broken rule and takes no further checkpoint",
}
"""Codes of faults that are no rule of the design's section 2; those have the name of their `Rule`."""


_BESIDE = {Rule.OVERLAP.name: 1, Rule.ISSUE_OVERLAP.name: 1, Rule.GATHERED.name: 2, "DOCUMENT": 3}
"""What is asked last of a leaf, in this order: rules about two of which neither is the other's parent; its document."""


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

    @property
    def order(self) -> tuple[int, int, str, int, int, str, str]:
        """Where it stands among faults: by leaf; then files, anchored sizes and the rest, each in their order."""
        rank = next((rank for rank, at in enumerate((self.leaf, self.path, self.size)) if at is not None), 3)
        # What breaks GATHERED by itself has no more to say than the rule; what does beside a leaf names that.
        is_alone = self.sentence == SENTENCES[Rule.GATHERED]
        beside = 0 if is_alone else _BESIDE.get(self.code, 0)
        return rank, self.leaf or 0, self.path or "", self.size or 0, beside, self.code, self.sentence

    def __str__(self) -> str:
        """Say place, rule and reason in one line."""
        return f"{self.place}: {self.code}: {self.sentence}"


@dataclass(slots=True)
class Faults:
    """Collects faults: all are counted, of each code the `KEPT_PER_CODE` that stand first are kept.

    So what is kept does not depend on the order in which they were found, nor on who found them.
    """

    counts: Counter[str] = field(default_factory=Counter)
    _kept: dict[str, list[Fault]] = field(default_factory=dict)

    def add(self, fault: Fault) -> None:
        """Take one fault."""
        self.counts[fault.code] += 1
        kept = self._kept.setdefault(fault.code, [])
        if len(kept) < KEPT_PER_CODE or fault.order < kept[-1].order:
            insort(kept, fault, key=lambda one: one.order)
            del kept[KEPT_PER_CODE:]

    def add_rule(self, rule: Rule, leaf: int, detail: str = "") -> None:
        """Take a leaf that breaks a rule; `detail` goes on from the rule's sentence."""
        self.add(Fault(rule.name, SENTENCES[rule] + detail, leaf=leaf))

    def merge(self, kept: Iterable[Fault], counts: dict[str, int]) -> None:
        """Take faults that somebody else collected: those kept there, and how many there are by code."""
        before = self.counts.copy()
        for fault in kept:
            self.add(fault)
        self.counts = before + Counter(counts)

    def sorted(self) -> tuple[Fault, ...]:
        """Give those kept, in the order of their places."""
        return tuple(sorted((fault for kept in self._kept.values() for fault in kept), key=lambda one: one.order))
