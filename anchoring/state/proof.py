"""A state proof: the entries that cover a range of grams, what makes the root with them, and the record's receipt.

    gramledger/state-proof/v1
    map <entries> <frontier in grams> <root>
    from <place of the first entry below>
    entry <first> <last> <leaf's index> <leaf>        one line for each entry, in order
    entry <first> <last> -                            grams that were never issued
    node <span> <hash>                                the subtrees beside them, from left to right
    <an empty line>
    <the receipt of the record, a c2sp.org/tlog-proof@v1>

Numbers are decimal, hashes and leaves base64. The size is the record's own index, in the receipt. There is nothing in
it that a verifier could leave unchecked: every altered byte is refused by the format, the root or a signature. Without
entries it says where the frontier is, and nothing else. Pure.
"""

from dataclasses import dataclass
from typing import Final

from anchoring import leaf, receipt
from anchoring.checkpoint import parse_hash, parse_number
from anchoring.errors import Malformed, Refuted
from anchoring.leaf import LEAF_SIZE
from anchoring.merkle import EMPTY_ROOT, leaf_hash, split_point
from anchoring.note import decode_base64, encode_base64
from anchoring.state.record import StateRecord
from anchoring.state.segments import NO_INDEX
from anchoring.state.tree import NO_LEAF, entry_hash, inner_hash
from registry.ledger.movement import Movement

HEADER: Final = "gramledger/state-proof/v1"
SUFFIX: Final = ".state-proof"
MAX_ENTRIES: Final = 1000
"""Entries in one proof; a longer range takes several."""
MAX_NODES: Final = 128
"""Subtrees beside the entries: two on each of 64 levels."""
MAX_LINE: Final = 256
"""Characters: `entry`, three numbers of 20 digits, and a leaf in 152 characters of base64."""
MAX_STATE_PROOF: Final = (MAX_ENTRIES + MAX_NODES + 4) * MAX_LINE + receipt.MAX_RECEIPT
"""Bytes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Grams `[first, last)` and the leaf, 114 bytes at `index`, that was their last; both None if never issued."""

    first: int
    last: int
    index: int | None
    leaf: bytes | None

    @property
    def movement(self) -> Movement | None:
        """The leaf, decoded; None where nothing was issued. Raises Malformed."""
        return None if self.leaf is None else leaf.decode(self.leaf)

    def hash(self) -> bytes:
        """Hash it as the map does."""
        own = NO_LEAF if self.leaf is None else leaf_hash(self.leaf)
        return entry_hash(self.first, self.last, NO_INDEX if self.index is None else self.index, own)


@dataclass(frozen=True, slots=True)
class Node:
    """A subtree of the map: how many grams it spans, and its hash."""

    span: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class StateProof:
    """What a state proof says, read but not checked. `size` and the leaf of the record are in `receipt`."""

    entries: int
    frontier_g: int
    root: bytes
    start: int
    """The place of the first entry shown among all entries of the map."""
    shown: tuple[Entry, ...]
    nodes: tuple[Node, ...]
    receipt: bytes

    @property
    def record(self) -> StateRecord:
        """The record that this proof stands on. Raises Malformed when the receipt is none."""
        return StateRecord(receipt.parse(self.receipt).index, self.entries, self.frontier_g, self.root)

    def encode(self) -> bytes:
        """Write the proof; raises ValueError when `parse` would not read it back."""
        lines = [
            HEADER,
            f"map {self.entries} {self.frontier_g} {encode_base64(self.root)}",
            f"from {self.start}",
            *(
                f"entry {one.first} {one.last} -"
                if one.leaf is None
                else f"entry {one.first} {one.last} {one.index} {encode_base64(one.leaf)}"
                for one in self.shown
            ),
            *(f"node {node.span} {encode_base64(node.hash)}" for node in self.nodes),
        ]
        data = "\n".join(lines).encode() + b"\n\n" + self.receipt
        try:
            same = parse(data) == self
        except Malformed as fault:
            raise ValueError(f"no such state proof: {fault}") from None
        if not same:
            raise ValueError("no such state proof: its parts do not come back as they were")
        return data


def parse(data: bytes) -> StateProof:
    """Read a state proof; Malformed when it is too large or breaks the format. The receipt is not looked into."""
    if len(data) > MAX_STATE_PROOF:
        raise Malformed(f"a state proof of more than {MAX_STATE_PROOF} bytes is not read")
    head, blank, rest = data.partition(b"\n\n")
    if not head.isascii() or head.count(b"\n") > MAX_ENTRIES + MAX_NODES + 2:
        raise Malformed(f"a state proof begins with {HEADER} and has at most {MAX_ENTRIES} entries")
    header, *lines = head.decode("ascii").split("\n")
    if header != HEADER or len(lines) < 2 or not blank:
        raise Malformed(f"a state proof begins with the line {HEADER}, a map, a place, and ends with a receipt")
    entries, frontier_g, root = _words(lines[0], "map", 3)
    (start,) = _words(lines[1], "from", 1)
    shown = [_entry(line) for line in lines[2:] if line.startswith("entry ")]
    nodes = [_node(line) for line in lines[2 + len(shown) :]]
    if len(shown) > MAX_ENTRIES or len(nodes) > MAX_NODES:
        raise Malformed(f"a state proof has at most {MAX_ENTRIES} entries and {MAX_NODES} nodes")
    numbers = [parse_number(word) for word in (entries, frontier_g, start)]
    return StateProof(numbers[0], numbers[1], parse_hash(root), numbers[2], tuple(shown), tuple(nodes), rest)


def check_entries(proof: StateProof) -> None:
    """Hold the entries shown against the map's root. Raises Refuted; Malformed for a leaf that is none.

    Every gram of theirs then has this entry and no other in the map. The work is linear in what the file shows.
    """
    if not proof.shown:
        _check_without_entries(proof)
        return
    if proof.start + len(proof.shown) > proof.entries:
        raise Refuted(f"the map has {proof.entries} entries, and entry {proof.start} and those after it are not there")
    size = proof.record.size
    for entry in proof.shown:
        _check_entry(entry, size)
    walk = _Walk(proof)
    if walk.root(0, proof.entries)[1] != proof.root or not walk.is_done:
        raise Refuted("the entries and the nodes beside them do not make the map's root")
    if walk.position != proof.frontier_g:
        raise Refuted(f"the map spans {walk.position} grams, and the record says {proof.frontier_g}")


def _check_without_entries(proof: StateProof) -> None:
    if proof.start or proof.nodes:
        raise Refuted("a proof that shows no entry has no place and no nodes")
    if (proof.entries == 0) != (proof.frontier_g == 0) or (proof.entries == 0) != (proof.root == EMPTY_ROOT):
        raise Refuted("a map without entries spans nothing, and its root is that of the empty tree")


def _check_entry(entry: Entry, size: int) -> None:
    """Check what an entry says by itself: a witness has checked the rest before it signed."""
    movement = entry.movement
    if movement is None or entry.index is None:
        return
    if movement.is_record or not movement.first <= entry.first < entry.last <= movement.last:
        raise Refuted(f"leaf {entry.index} did not move the grams {entry.first} to {entry.last - 1}")
    if entry.index >= size:
        raise Refuted(f"leaf {entry.index} is none of the {size} leaves that this state is of")


class _Walk:
    """Makes the root from left to right, in RFC 9162's shape, and so knows where on the number line each entry lies."""

    def __init__(self, proof: StateProof) -> None:
        self._first, self._end = proof.start, proof.start + len(proof.shown)
        self._entries, self._nodes = iter(proof.shown), list(reversed(proof.nodes))
        self.position = 0

    @property
    def is_done(self) -> bool:
        """Whether every node was used."""
        return not self._nodes

    def root(self, low: int, high: int) -> tuple[int, bytes]:
        """Give span and hash of the subtree over the entries `[low, high)`."""
        if high <= self._first or self._end <= low:
            if not self._nodes:
                raise Refuted("a node is missing beside the entries")
            node = self._nodes.pop()
            return self._span(node.span), node.hash
        if high - low == 1:
            entry = next(self._entries)
            if entry.first != self.position:
                raise Refuted(f"an entry begins at gram {entry.first}, and those left of it end at {self.position}")
            return self._span(entry.last - entry.first), entry.hash()
        middle = low + split_point(high - low)
        left, right = self.root(low, middle), self.root(middle, high)
        return left[0] + right[0], inner_hash(*left, *right)

    def _span(self, span: int) -> int:
        """Step over so many grams; no map spans none, nor more than there are numbers."""
        self.position += span
        if span <= 0 or self.position >= 2**64:
            raise Refuted("the spans of the map's nodes are no number of grams")
        return span


def _words(line: str, name: str, count: int) -> list[str]:
    word, *values = line.split(" ") if len(line) <= MAX_LINE else [""]
    if word != name or len(values) != count:
        raise Malformed(f"the state proof has no line `{name}` with {count} values where the format has it")
    return values


def _entry(line: str) -> Entry:
    if line.endswith(" -"):
        first, last, _ = _words(line, "entry", 3)
        return Entry(parse_number(first), parse_number(last), None, None)
    first, last, index, encoded = _words(line, "entry", 4)
    data = decode_base64(encoded)
    if len(data) != LEAF_SIZE or parse_number(index) == NO_INDEX:
        raise Malformed(f"an entry shows a leaf of {LEAF_SIZE} bytes and its index")
    return Entry(parse_number(first), parse_number(last), parse_number(index), data)


def _node(line: str) -> Node:
    span, encoded = _words(line, "node", 2)
    return Node(parse_number(span), parse_hash(encoded))
