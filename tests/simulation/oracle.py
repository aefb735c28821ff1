"""What must hold, judged without the project's rules: at every step what the public sees, at rest everything."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anchoring import checkpoint, note
from anchoring.errors import AnchoringError
from anchoring.leaf import decode
from anchoring.tree.sources import DirectorySource
from anchoring.tree.tiles import TileReader, root_at
from anchoring.witness.protocol import Answer, parse_request
from tests.support import naive_rules
from tests.support.gram_model import Cards

ORIGINS, ENDS, RECORDS = {1, 12}, {6, 7, 8, 9}, 64
MINUTE_MS = 60_000


@dataclass
class Oracle:
    """What was seen of one log from outside."""

    folder: Path
    vkey: str
    cosigners: tuple[str, ...]
    threshold: int
    published: dict[int, bytes] = field(default_factory=dict)
    public_size: int = 0
    cosigned: dict[str, dict[int, bytes]] = field(default_factory=dict)
    figures: list[dict[str, Any]] = field(default_factory=list)
    """What witnesses signed for the contract."""
    _seen: bytes = b""

    # At every step

    def look(self) -> None:
        """Read the public checkpoint: it never goes back, never changes, and its tiles are there."""
        file = self.folder / "checkpoint"
        data = file.read_bytes() if file.exists() else b""
        if data == self._seen:
            return
        public = checkpoint.open_checkpoint(data, self.vkey, self.cosigners)
        tree = public.checkpoint
        assert len(public.cosignatures) >= self.threshold, f"the tree of {tree.size} is public, and not cosigned"
        assert tree.size >= self.public_size, f"the public log went back from {self.public_size} to {tree.size}"
        assert self.published.setdefault(tree.size, tree.root) == tree.root, f"two trees of {tree.size} are public"
        try:
            root = root_at(TileReader(DirectorySource(self.folder)), tree.size)
        except AnchoringError as error:
            raise AssertionError(f"the tree of {tree.size} is public, and its tiles are not") from error
        assert root == tree.root, "its tiles make another root"
        self._seen, self.public_size = data, tree.size

    def answered(self, witness: str, path: str, body: bytes, answer: Answer) -> None:
        """A witness has answered, whether or not the answer arrives."""
        if answer.status == 200 and path.startswith("/signature/"):
            self.figures.append(json.loads(answer.body))
        if answer.status != 200 or path != "/add-checkpoint":
            return
        tree = checkpoint.parse(note.parse(parse_request(body).note).text)
        mine = self.cosigned.setdefault(witness, {})
        assert mine.setdefault(tree.size, tree.root) == tree.root, f"{witness} cosigned two trees of {tree.size}"
        assert self.published.get(tree.size, tree.root) == tree.root, f"{witness} cosigned what is not public"
        assert tree.size >= max(mine), f"{witness} went back"

    def cosigned_size(self, witness: str) -> int:
        return max(self.cosigned.get(witness, {0: b""}))

    def remembers(self, witness: str, size: int) -> None:
        """A witness that begins knows every tree it answered for."""
        assert size >= self.cosigned_size(witness), f"{witness} forgot what it cosigned"

    # At rest

    def leaves(self) -> list[bytes]:
        reader = TileReader(DirectorySource(self.folder))
        return [reader.leaf(index, self.public_size) for index in range(self.public_size)]

    def judge_trees(self, leaves: Sequence[bytes], anchored: Sequence[Any]) -> None:
        """Whatever was published, cosigned, signed or anchored is one history: the roots of this one's beginnings."""
        hashes = [hashlib.sha256(b"\0" + leaf).digest() for leaf in leaves]
        totals = list(_totals(leaves))
        for size, root in [*self.published.items(), *(pair for one in self.cosigned.values() for pair in one.items())]:
            assert size <= len(leaves), f"a tree of {size} leaves was shown, and there are {len(leaves)}"
            assert _root(hashes[:size]) == root, f"the tree of {size} leaves was another one"
        said = [(one["size"], bytes.fromhex(one["root"]), one["frontier_g"], one["ended_g"]) for one in self.figures]
        said += [(one.size, one.root, one.frontier, one.ended) for one in anchored]
        for size, root, frontier_g, ended_g in said:
            assert (root, (frontier_g, ended_g)) == (_root(hashes[:size]), totals[size]), f"false figures of {size}"
        sizes = [one.size for one in anchored]
        assert sizes == sorted(set(sizes)), "the contract went back"
        assert sizes[-1:] == [len(leaves)][: len(leaves)], "the last tree is not anchored"


def replay(leaves: Sequence[bytes], cards: Cards, acts: Sequence[int]) -> None:
    """Follow every gram through the log; at its end it is where the model has it. `acts` are those of the leaves."""
    read = [decode(leaf) for leaf in leaves]
    last: dict[int, int] = {}
    for index, movement in enumerate(read):
        parent = None if movement.parent is None else read[movement.parent]
        assert movement.parent is None or movement.parent < index, f"leaf {index} comes before its parent"
        assert naive_rules.allowed(movement, parent), f"leaf {index} is not allowed"
        assert movement.kind >= RECORDS or movement.at % MINUTE_MS == 0, f"leaf {index} tells more than the minute"
        for gram in range(movement.first, movement.last):
            assert last.get(gram) == movement.parent, f"leaf {index} takes gram {gram} from where it is not"
            last[gram] = index
    live = {gram: index for gram, index in last.items() if read[index].form != 0}
    assert sorted(last) == list(range(cards.frontier)), "numbers were left out"
    assert live.keys() == cards.grams.keys(), "other grams are alive"
    tags: dict[bytes, int] = {}
    for number, gram in cards.grams.items():
        leaf = read[live[number]]
        said = (leaf.form, leaf.flags, leaf.until, acts[live[number]])
        assert said == (gram.form, cards.flags(gram), gram.until, gram.act), f"gram {number} is in another state"
        assert tags.setdefault(leaf.to_tag, gram.holder) == gram.holder, f"gram {number} has another holder's tag"


def facts(leaves: Sequence[bytes]) -> Iterator[str]:
    """What of the leaves the seed alone decides: all but tags and salted evidence."""
    for leaf in leaves:
        m = decode(leaf)
        yield f"{m.kind} {m.form} {m.flags} {m.purpose} {m.first} {m.last} {m.parent} {m.at} {m.until}"


def _root(hashes: Sequence[bytes]) -> bytes:
    """RFC 9162, 2.1.1, read once more."""
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256(b"").digest()
    half = 1
    while half * 2 < len(hashes):
        half *= 2
    return hashlib.sha256(b"\1" + _root(hashes[:half]) + _root(hashes[half:])).digest()


def _totals(leaves: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Frontier and ended numbers of every beginning of the log."""
    frontier = ended = 0
    yield frontier, ended
    for leaf in map(decode, leaves):
        if leaf.kind in ORIGINS:
            frontier = max(frontier, leaf.last)
        ended += leaf.last - leaf.first if leaf.kind in ENDS else 0
        yield frontier, ended
