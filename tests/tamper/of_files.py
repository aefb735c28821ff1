"""Alterations of what is served: leaves, tiles, bundles, the checkpoint; and histories rewritten and signed anew."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from random import Random

import numpy as np
import rfc8785

from anchoring import checkpoint, note
from anchoring.auditing.audit import audit
from anchoring.checkpoint import open_checkpoint
from anchoring.errors import AnchoringError, Malformed, Unreachable
from anchoring.leaf import LEAF_DTYPE
from anchoring.merkle import leaf_hash, verify_inclusion
from anchoring.note import ED25519, Note, Signer
from anchoring.tree.builder import TileBuilder
from anchoring.tree.tiles import TILE_WIDTH, TileReader, document_path, inclusion_proof, new_tiles, root_at
from registry.evidence.public import line_of, split_line
from registry.ledger.movement import ORIGINS, Kind, Target
from tests.support.synthetic_log import FakeAnchor, FakeChain
from tests.tamper.verdict import Tried, judged, missed, refused
from tests.tamper.world import COSIGNER_VKEYS, COSIGNERS, LOG, VKEY, World

Files = dict[str, bytes]
ENTRY = 116


class Held:
    """A log in memory."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def read(self, path: str, limit: int) -> bytes:
        if path not in self._files:
            raise Unreachable(f"{path} is not there")
        if len(self._files[path]) > limit:
            raise Malformed(f"{path} is longer than {limit} bytes")
        return self._files[path]


def paths_of(size: int) -> set[str]:
    """Every tile and bundle of the tree of `size` leaves."""
    tiles = list(new_tiles(0, size))
    return {one.path for one in tiles} | {one.entries_path for one in tiles if one.level == 0}


class OfFiles:
    """Draws alterations of one world's files."""

    def __init__(self, world: World, random: Random) -> None:
        self.world, self.random = world, random
        self.size = world.sizes[-1]
        served = world.files
        # A partial tile of an earlier size is no part of the tree that the checkpoint names.
        of_tree = paths_of(self.size)
        self.stale = [path for path in served if path.startswith("tile/") and path not in of_tree]
        self.size_of = {path: size for size in range(1, self.size) for path in paths_of(size)}
        """A size whose tree has the file, the largest."""
        self.tiles = [path for path in served if path in of_tree]
        last = document_path(self.size // TILE_WIDTH, self.size % TILE_WIDTH)
        of_all = {last, *(document_path(n) for n in range(self.size // TILE_WIDTH))}
        self.documents = [path for path in served if path in of_all]
        self.bundles = [path for path in self.tiles if "entries" in path]
        self.hashes = [path for path in self.tiles if "entries" not in path]
        self.chain = FakeChain([FakeAnchor(one.size, one.root, one.frontier, one.ended) for one in world.anchors])

    def run(self, count: int) -> Iterator[Tried]:
        kinds: list[Callable[[], Tried]] = [
            self.leaf_byte, self.leaf_byte, self.entry_length, self.tile_byte, self.tile_byte, self.cut_short,
            self.made_longer, self.gone, self.swapped, self.leaf_and_tile, self.checkpoint_byte, self.other_checkpoint,
            self.cosignature_byte, self.rewritten, self.set_back, self.unlawful, self.stale_partial,
            self.bundle_of_others, self.bundle_of_nothing, self.cut_run, self.bundled_twice,
            self.document_byte, self.document_opened, self.document_gone, self.documents_gone, self.documents_swapped,
            self.document_too_many,
        ]  # fmt: skip
        for number in range(count):
            yield kinds[number % len(kinds)]()

    def audited(
        self, kind: str, what: str, changes: Files, expected: set[object], without: tuple[str, ...] = ()
    ) -> Tried:
        files = {path: data for path, data in (self.world.files | changes).items() if path not in without}
        report = audit(Held(files), VKEY, self.chain)
        named = {fault.place for fault in report.faults} | {fault.path for fault in report.faults if fault.path}
        return judged(kind, what, named, expected)

    def flipped(self, data: bytes, at: int) -> bytes:
        changed = bytearray(data)
        changed[at] ^= self.random.randrange(1, 256)
        return bytes(changed)

    def first_leaf(self, path: str) -> int:
        return int(path.split("/")[2].removesuffix(".p")) * 256

    # Files as they are served

    def leaf_byte(self) -> Tried:
        path = self.random.choice(self.bundles)
        data = self.world.files[path]
        place, byte = self.random.randrange(len(data) // ENTRY), self.random.randrange(2, ENTRY)
        leaf = self.first_leaf(path) + place
        altered = self.flipped(data, place * ENTRY + byte)
        return self.audited("leaf byte", f"leaf {leaf} byte {byte - 2}", {path: altered}, {f"leaf {leaf}"})

    def entry_length(self) -> Tried:
        path = self.random.choice(self.bundles)
        data = self.world.files[path]
        at = self.random.randrange(len(data) // ENTRY) * ENTRY + self.random.randrange(2)
        return self.audited("entry length", f"{path} byte {at}", {path: self.flipped(data, at)}, {path})

    def tile_byte(self) -> Tried:
        path = self.random.choice(self.hashes)
        at = self.random.randrange(len(self.world.files[path]))
        is_leaf_tile = path.startswith("tile/0/")
        expected = f"leaf {self.first_leaf(path) + at // 32}" if is_leaf_tile else path
        kind = "partial tile byte" if ".p/" in path else "tile byte"
        return self.audited(kind, f"{path} byte {at}", {path: self.flipped(self.world.files[path], at)}, {expected})

    def cut_short(self) -> Tried:
        path = self.random.choice(self.tiles)
        data = self.world.files[path]
        return self.audited("file cut short", path, {path: data[: self.random.randrange(len(data))]}, {path})

    def made_longer(self) -> Tried:
        path = self.random.choice(self.tiles)
        more = self.random.randbytes(self.random.choice([1, 32, 116, 114, 1000, 40_000]))
        return self.audited("file made longer", path, {path: self.world.files[path] + more}, {path})

    def gone(self) -> Tried:
        path = self.random.choice(self.tiles)
        return self.audited("file gone", path, {}, {path}, without=(path,))

    def swapped(self) -> Tried:
        one, other = self.random.sample(self.tiles, 2)
        files = self.world.files
        expected: set[object] = {one, other}
        for path in (one, other):  # a bundle of the right length is told by its leaves
            expected |= (
                {f"leaf {self.first_leaf(path) + place}" for place in range(256)} if "entries" in path else set()
            )
        return self.audited("files swapped", f"{one} {other}", {one: files[other], other: files[one]}, expected)

    def leaf_and_tile(self) -> Tried:
        """The leaf and its hash are altered together: the tile above, or the root, tells."""
        bundle = self.random.choice(self.bundles)
        place = self.random.randrange(len(self.world.files[bundle]) // ENTRY)
        altered = self.flipped(self.world.files[bundle], place * ENTRY + self.random.randrange(3, ENTRY))
        tile = bundle.replace("entries", "0")
        leaf = altered[place * ENTRY + 2 : (place + 1) * ENTRY]
        data = self.world.files[tile]
        hashed = data[: place * 32] + note.sha256(b"\0" + leaf).digest() + data[place * 32 + 32 :]
        upper = f"tile/1/000.p/{self.size >> 8}"
        expected: set[object] = {upper} if ".p/" not in bundle else {"checkpoint"}
        return self.audited("leaf and its hash", f"{bundle} {place}", {bundle: altered, tile: hashed}, expected)

    def stale_partial(self) -> Tried:
        """A file that no audit of the last tree reads: whoever proves a leaf of the older tree from it notices."""
        path = self.random.choice(self.stale)
        data = self.flipped(self.world.files[path], self.random.randrange(len(self.world.files[path])))
        size = self.size_of[path]
        root = root_at(TileReader(Held(self.world.files)), size, within=self.size)
        reader = TileReader(Held(self.world.files | {path: data}))
        for index in range((size - 1) // TILE_WIDTH * TILE_WIDTH, size):
            try:
                leaf, proof = leaf_hash(reader.leaf(index, size)), inclusion_proof(reader, index, size)
            except AnchoringError as error:
                return refused("partial tile of an earlier size", path, error)
            if not verify_inclusion(index, size, leaf, proof, root):
                return refused("partial tile of an earlier size", path, f"leaf {index} is not in the tree of {size}")
        return missed("partial tile of an earlier size", path, "every leaf is proven")

    # Documents of records

    def lines(self, path: str) -> dict[int, bytes]:
        """The documents of a file, by their leaf's index."""
        found = self.world.files[path].splitlines(keepends=True)
        return {split_line(line)[0]: line for line in found}

    def of_documents(self, kind: str, path: str, lines: Iterable[bytes], leaves: Iterable[int]) -> Tried:
        files = {path: b"".join(lines)}
        return self.audited(kind, f"{path} {sorted(leaves)}", files, {f"leaf {leaf}" for leaf in leaves})

    def document_byte(self) -> Tried:
        path = self.random.choice(self.documents)
        lines = self.lines(path)
        leaf = self.random.choice(list(lines))
        lines[leaf] = self.flipped(lines[leaf], self.random.randrange(len(lines[leaf])))
        return self.of_documents("document: byte", path, lines.values(), [leaf])

    def document_opened(self) -> Tried:
        """A field that is withheld is shown, with a salt and a value of somebody's own."""
        path = self.random.choice(self.documents)
        lines = self.lines(path)
        leaf = self.random.choice(list(lines))
        fields = json.loads(lines[leaf])["fields"]
        name = self.random.choice(sorted(fields))
        salt = urlsafe_b64encode(self.random.randbytes(16)).rstrip(b"=").decode()
        lines[leaf] = line_of(leaf, rfc8785.dumps(fields | {name: [salt, "of his own"]}).decode())
        return self.of_documents("document: opened falsely", path, lines.values(), [leaf])

    def document_gone(self) -> Tried:
        path = self.random.choice(self.documents)
        lines = self.lines(path)
        leaf = self.random.choice(list(lines))
        del lines[leaf]
        return self.of_documents("document: withheld", path, lines.values(), [leaf])

    def documents_gone(self) -> Tried:
        path = self.random.choice(self.documents)
        places: set[object] = {f"leaf {leaf}" for leaf in self.lines(path)}
        return self.audited("document: file withheld", path, {}, places, without=(path,))

    def documents_swapped(self) -> Tried:
        """Two records' documents are exchanged, each under the other's index."""
        path = max(self.documents, key=lambda one: len(self.lines(one)))
        lines = self.lines(path)
        one, other = self.random.sample(sorted(lines), 2)
        texts = {leaf: split_line(lines[leaf])[1] for leaf in (one, other)}
        lines[one], lines[other] = line_of(one, texts[other]), line_of(other, texts[one])
        return self.of_documents("document: swapped", path, lines.values(), [one, other])

    def document_too_many(self) -> Tried:
        """A document stands there for a movement, or twice."""
        path = self.random.choice(self.documents)
        lines = self.lines(path)
        first = min(lines) // TILE_WIDTH * TILE_WIDTH
        leaf = self.random.randrange(first, min(first + TILE_WIDTH, self.size))
        more = line_of(leaf, split_line(self.random.choice(list(lines.values())))[1])
        stands = [line for index, line in lines.items() if index <= leaf]
        rest = [line for index, line in lines.items() if index > leaf]
        return self.of_documents("document: too many", path, [*stands, more, *rest], [leaf])

    # The checkpoint

    def checkpoint_byte(self) -> Tried:
        data = self.world.files["checkpoint"]
        head = data.index(b"\n", data.index(b"\n\n") + 2)  # up to the end of the log's own signature
        at = self.random.randrange(head)
        return self.audited("checkpoint byte", f"byte {at}", {"checkpoint": self.flipped(data, at)}, {"checkpoint"})

    def cosignature_byte(self) -> Tried:
        data = self.world.files["checkpoint"]
        at = self.random.randrange(data.index(b"\n", data.index(b"\n\n") + 2) + 1, len(data))
        try:
            opened = open_checkpoint(self.flipped(data, at), VKEY, COSIGNER_VKEYS)
        except AnchoringError as error:
            return refused("cosignature byte", f"byte {at}", error)
        if len(opened.cosignatures) < len(COSIGNERS):
            return refused("cosignature byte", f"byte {at}", "one is missing")
        return missed("cosignature byte", f"byte {at}", "both hold")

    def other_checkpoint(self) -> Tried:
        head = open_checkpoint(self.world.files["checkpoint"], VKEY).checkpoint
        stranger = Signer(LOG.name, ED25519, self.random.randbytes(32))
        renamed = Signer("another.test/log", ED25519, LOG.seed)
        one, signer = self.random.choice(
            [
                (head, stranger),
                (replace(head, origin=renamed.name), renamed),
                (replace(head, root=self.random.randbytes(32)), LOG),
                (replace(head, size=2 ** self.random.randrange(45, 64)), LOG),
            ]
        )
        signed = checkpoint.sign(one, signer)
        return self.audited(
            "another checkpoint", f"{one.size} by {signer.name}", {"checkpoint": signed}, {"checkpoint"}
        )

    # Histories that the holder of the log's key signs

    def signed(self, leaves) -> Files:
        builder = TileBuilder(0, [], b"")
        files = dict((*builder.extend(leaves), *builder.partials()))
        text = checkpoint.Checkpoint(LOG.name, len(leaves), builder.root()).encode()
        cosigned = [cosigner.cosign(text, 1_795_000_000) for cosigner in COSIGNERS]
        return files | {"checkpoint": Note(text, (LOG.sign(text), *cosigned)).encode()}

    def rewritten(self) -> Tried:
        leaves = self.world.leaves.copy()
        index = self.random.randrange(self.size)
        field = self.random.choice(["evidence", "to_tag", "at", "last", "purpose"])
        raw = leaves[field][index : index + 1].view("u1").reshape(-1)
        raw[self.random.randrange(len(raw))] ^= self.random.randrange(1, 256)
        first = min(size for size in self.world.sizes if size > index)
        return self.audited(
            "history rewritten, signed", f"leaf {index}", self.signed(leaves), {f"anchored size {first}"}
        )

    def set_back(self) -> Tried:
        size = self.random.randrange(1, self.size)
        changes = self.signed(self.world.leaves[:size])
        return self.audited("log set back, signed", f"{size}", changes, {f"anchored size {self.size}"})

    def unlawful(self) -> Tried:
        """A movement is made twice, with a later leaf of its own: the double use of a gram."""
        movements = np.flatnonzero(self.world.leaves["kind"] < 64)
        again = self.world.leaves[self.random.choice(movements.tolist())].tobytes()
        again = again[:82] + self.random.randbytes(32)
        leaves = np.frombuffer(self.world.leaves.tobytes() + again, LEAF_DTYPE)
        return self.audited("gram used twice, signed", f"leaf {self.size}", self.signed(leaves), {f"leaf {self.size}"})

    def bundle_of_others(self) -> Tried:
        """A bundle says other numbers, another class or another time than the run that leads to it."""
        leaves = self.world.leaves.copy()
        index = int(self.random.choice(np.flatnonzero(leaves["kind"] == Kind.BUNDLE).tolist()))
        match self.random.randrange(5):
            case 0:
                leaves["last"][index] += self.random.randrange(1, 1000)
            case 1:
                leaves["last"][index] -= self.random.randrange(1, 10)
            case 2:
                leaves["first"][index] += self.random.randrange(1, 10)
            case 3:
                leaves["flags"][index] ^= self.random.choice([1, 2, 4])
            case _:
                leaves["at"][index][5] ^= self.random.randrange(1, 256)
        return self.audited("bundle of other grams, signed", f"leaf {index}", self.signed(leaves), {f"leaf {index}"})

    def bundle_of_nothing(self) -> Tried:
        """New grams without any that were gathered, behind all leaves."""
        leaves = self.world.leaves
        made = leaves[leaves["kind"] == Kind.BUNDLE][:1].copy()
        frontier = int(leaves["last"][leaves["kind"] < 64].max())
        made["first"], made["last"] = frontier, frontier + self.random.randrange(1, 10**9)
        changes = self.signed(np.concatenate((leaves, made)))
        return self.audited("bundle of nothing, signed", f"leaf {self.size}", changes, {f"leaf {self.size}"})

    def cut_run(self) -> Tried:
        """A checkpoint in the middle of a run that goes on behind all leaves: grams are nowhere in it."""
        leaves = self.world.leaves
        run = self.new_run(int(leaves["last"][leaves["kind"] < 64].max()))
        changes = self.signed(np.concatenate((leaves, run[:1])))
        return self.audited("log cut in a run, signed", f"{self.size + 1}", changes, {"checkpoint"})

    def bundled_twice(self) -> Tried:
        """A run that is whole, but whose bundle takes numbers that were given before."""
        taken = self.world.leaves[np.isin(self.world.leaves["kind"], [int(kind) for kind in ORIGINS])]
        number = int(self.random.choice(taken["first"].tolist()))
        changes = self.signed(np.concatenate((self.world.leaves, self.new_run(number))))
        return self.audited("numbers given twice, signed", f"{number}", changes, {f"leaf {self.size + 1}"})

    def new_run(self, number: int):
        """One gram that is still alive, gathered into a bundle of that number; lawful by itself."""
        leaves = self.world.leaves
        bundle = int(np.flatnonzero(leaves["kind"] == Kind.BUNDLE)[-1])
        children = leaves[leaves["parent"] == bundle]
        parent = leaves[bundle]
        free = next(
            gram
            for gram in range(int(parent["first"]), int(parent["last"]))
            if not ((children["first"] <= gram) & (gram < children["last"])).any()
        )
        run = np.concatenate((leaves[bundle : bundle + 1], leaves[bundle : bundle + 1]))
        run["evidence"] = np.frombuffer(self.random.randbytes(64), np.uint8).reshape(2, 32)
        run["first"], run["last"] = (free, number), (free + 1, number + 1)
        run["kind"][0], run["form"][0], run["parent"][0] = Kind.GATHER, 0, bundle
        run["from_tag"][0] = parent["to_tag"]
        run["to_tag"][0] = np.frombuffer(Target(number, number).tag, np.uint8)
        return run
