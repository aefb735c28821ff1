"""A published log read by programs that no one here wrote: a C2SP client (metamorphic-log, in Rust) and an RFC 9162
tree (pymerkle). Files are cut up here by the published texts alone, without the project's own readers."""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

import metamorphic_log
import pymerkle
import pytest

from anchoring.note import COSIGNATURE, ED25519, Signer
from anchoring.publishing.publisher import Publisher
from anchoring.receipt import Receipt
from anchoring.tree.folder import LogFolder
from anchoring.tree.tiles import DirectorySource, TileReader, consistency_proof, inclusion_proof
from registry.ledger.ledger import Amount
from registry.points.points import convert
from tests.support.publishing import GATE, cosigning

LOG = Signer("example.com/log", ED25519, b"l" * 32)
COSIGNERS = [Signer(f"example.com/{name}", COSIGNATURE, name.encode() * 8) for name in ("aaaa", "bbbb")]
VKEYS = [LOG.verifier.vkey]
REFUSED = metamorphic_log.VerifyError


@dataclass(frozen=True)
class Published:
    """A log's folder, and its checkpoints of two sizes as they were served."""

    folder: Path
    size1: int
    note1: str
    size2: int
    note2: str

    @property
    def reader(self) -> TileReader:
        return TileReader(DirectorySource(self.folder))

    def receipt(self, index: int) -> bytes:
        """As `/v1/leaves/{index}/receipt` makes it."""
        path = tuple(inclusion_proof(self.reader, index, self.size2))
        return Receipt(self.reader.leaf(index, self.size2), index, path, self.note2.encode()).encode()

    def leaves(self) -> list[bytes]:
        """Every entry of every bundle: its length in two bytes, then itself (tlog-tiles, "Log Entries")."""
        data = (self.folder / "tile/entries/000").read_bytes()
        data += (self.folder / f"tile/entries/001.p/{self.size2 - 256}").read_bytes()
        entries = []
        while data:
            end = 2 + int.from_bytes(data[:2])
            entries.append(data[2:end])
            data = data[end:]
        return entries


@pytest.fixture
def published(scheme, tmp_path) -> Published:
    folder = LogFolder(tmp_path / "log")
    publisher = Publisher(
        scheme.database.transaction, folder, LOG, cosigning(COSIGNERS, scheme.clock), scheme.clock, GATE
    )
    found = []
    for riders in (30, 130):
        people = [scheme.person() for _ in range(riders)]
        scheme.issue(dict.fromkeys(people, 100))
        for person in people:
            with scheme.database.transaction() as tx:
                convert(tx, scheme.ledger, person, Amount(60))
        found += [publisher.publish(), folder.read("checkpoint").decode()]
    assert 256 < found[2] < 512
    return Published(folder.path, *found)


@pytest.fixture
def tree(published) -> pymerkle.InmemoryTree:
    """The tree that pymerkle makes of the published leaves."""
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for leaf in published.leaves():
        tree.append_entry(leaf)
    return tree


def cut(receipt: bytes) -> tuple[bytes, int, list[bytes], str]:
    """Leaf, index, path and checkpoint of a receipt, by the text of c2sp.org/tlog-proof."""
    head, _, note = receipt.decode().partition("\n\n")
    title, extra, index, *path = head.split("\n")
    assert title == "c2sp.org/tlog-proof@v1"
    assert (extra[:6], index[:6]) == ("extra ", "index ")
    return base64.b64decode(extra[6:]), int(index[6:]), [base64.b64decode(line) for line in path], note


def test_checkpoints_are_read_and_their_signature_holds(published, tree):
    for note, size in ((published.note1, published.size1), (published.note2, published.size2)):
        head = metamorphic_log.checkpoint_verify(note, VKEYS)
        assert (head.origin, head.size, list(head.extensions)) == (LOG.name, size, [])
        assert head.root == tree.get_root(size)


def test_receipts_prove_their_leaf(published):
    for index in range(0, published.size2, 7):
        leaf, number, path, note = cut(published.receipt(index))
        hashed = hashlib.sha256(b"\0" + leaf).digest()
        metamorphic_log.checkpoint_verify_inclusion(note, VKEYS, number, hashed, path)
        assert (len(leaf), number) == (114, index)


def test_a_later_checkpoint_continues_the_earlier_one(published):
    proof = consistency_proof(published.reader, published.size1, published.size2)
    metamorphic_log.checkpoint_verify_consistency(published.note1, published.note2, VKEYS, proof)
    with pytest.raises(REFUSED):
        metamorphic_log.checkpoint_verify_consistency(published.note1, published.note2, VKEYS, proof[:-1])


def test_the_tiles_are_the_tree_of_the_leaves(published, tree):
    assert tree.get_size() == published.size2
    tiles = (published.folder / "tile/0/000").read_bytes()
    tiles += (published.folder / f"tile/0/001.p/{published.size2 - 256}").read_bytes()
    assert tiles == b"".join(tree.get_leaf(number) for number in range(1, published.size2 + 1))
    assert (published.folder / "tile/1/000.p/1").read_bytes() == tree.get_root(256)


def test_proofs_from_the_tiles_are_those_of_another_tree(published, tree):
    root = tree.get_root()
    for index in range(0, published.size2, 11):
        theirs = tree.prove_inclusion(index + 1)
        leaf_hash, *path = theirs.path
        assert path == inclusion_proof(published.reader, index, published.size2)
        pymerkle.verify_inclusion(leaf_hash, root, theirs)


@pytest.mark.parametrize("line", range(4))
def test_they_refuse_what_we_refuse(published, line):
    receipt = bytearray(published.receipt(200))
    leaf, index, path, note = cut(bytes(receipt))
    hashed = hashlib.sha256(b"\0" + leaf).digest()
    altered = [
        (note, index, hashlib.sha256(b"\0" + leaf[:-1] + b"x").digest(), path),
        (note, index + 1, hashed, path),
        (note, index, hashed, path[1:]),
        (note.replace(f"\n{published.size2}\n", f"\n{published.size2 + 1}\n"), index, hashed, path),
    ][line]
    with pytest.raises(REFUSED):
        metamorphic_log.checkpoint_verify_inclusion(altered[0], VKEYS, *altered[1:])


def test_a_checkpoint_of_another_key_is_refused(published):
    stranger = Signer(LOG.name, ED25519, b"s" * 32).verifier.vkey
    with pytest.raises(REFUSED):
        metamorphic_log.checkpoint_verify(published.note2, [stranger])
