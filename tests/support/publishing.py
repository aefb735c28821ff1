"""A log to publish: its keys, and acts to put into it."""

from collections.abc import Callable, Sequence

import pytest

from anchoring.checkpoint import open_checkpoint
from anchoring.cosigning import Cosigner, LocalCosigner, quorum
from anchoring.errors import Unreachable, Unwitnessed
from anchoring.note import COSIGNATURE, ED25519, Signature, Signer
from anchoring.publishing.admission import Gate
from anchoring.publishing.head import Transactions
from anchoring.publishing.publisher import Publisher
from anchoring.quorum import Quorum
from anchoring.tree.builder import leaves_of
from anchoring.tree.documents import records_among, served_documents
from anchoring.tree.folder import LogFolder
from anchoring.tree.sources import DirectorySource
from anchoring.tree.tiles import TILE_WIDTH, TileReader, tile_width
from api.installation.gate import gate_of
from registry.accounts.vault import Vault
from registry.evidence.public import Document, Faulty
from registry.ledger.ledger import Amount
from registry.points.points import convert

GATE = gate_of(Vault(b"m" * 32))
"""Of `tests.support.scheme.Scheme`, whose master key this is."""
LOG = Signer("example.com/log", ED25519, b"l" * 32)
COSIGNERS = [Signer(f"example.com/{name}", COSIGNATURE, name.encode() * 8) for name in ("aaaa", "bbbb")]


def cosigning(signers: Sequence[Signer], clock: Callable[[], int], threshold: int | None = None) -> Quorum[Cosigner]:
    """Those who cosign a log with keys at hand; all of them must, unless told otherwise."""
    return quorum(
        [LocalCosigner(one, clock) for one in signers], len(signers) if threshold is None else threshold, clock
    )


class Away:
    """A witness that does not answer."""

    verifier = COSIGNERS[0].verifier

    def cosign(self, *_: object) -> Signature:
        raise Unreachable("nobody is there")


def sign_alone(transaction: Transactions, folder: LogFolder, log: Signer, clock: Callable[[], int], gate: Gate) -> None:
    """Stage and sign what is recorded, with nobody there to cosign it: it has indices then, and is not published."""
    with pytest.raises(Unwitnessed):
        Publisher(transaction, folder, log, quorum([Away()], 1, clock), clock, gate).publish()


def files_of(folder: LogFolder) -> dict[str, bytes]:
    """Everything below the folder but the checkpoint, whose cosignatures carry the time."""
    files = (path for path in folder.path.rglob("*") if path.is_file() and path.name != "checkpoint")
    return {str(path.relative_to(folder.path)): path.read_bytes() for path in files}


def documents_of(folder: LogFolder) -> list[Document | Faulty]:
    """Read the documents of the published log, tile by tile, against its leaves."""
    source = DirectorySource(folder.path)
    size = open_checkpoint(folder.read("checkpoint"), LOG.verifier.vkey).checkpoint.size
    found: list[Document | Faulty] = []
    for n in range(-(-size // TILE_WIDTH)):
        width = tile_width(0, n, size)
        leaves = leaves_of(TileReader(source).bundle(n, width), width)
        found += served_documents(source, n, width, records_among(leaves, n * TILE_WIDTH))
    return found


def act(scheme, riders: int = 5) -> None:
    people = [scheme.person() for _ in range(riders)]
    scheme.issue(dict.fromkeys(people, 100))
    for person in people:
        with scheme.database.transaction() as tx:
            convert(tx, scheme.ledger, person, Amount(60))
