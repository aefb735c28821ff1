"""A log to publish: its keys, and acts to put into it."""

from collections.abc import Callable, Sequence

from anchoring.log.cosigning import Cosigner, LocalCosigner, quorum
from anchoring.log.folder import LogFolder
from anchoring.note import COSIGNATURE, ED25519, Signer
from anchoring.quorum import Quorum
from api.gate import gate_of
from registry.accounts.vault import Vault
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


def files_of(folder: LogFolder) -> dict[str, bytes]:
    """Everything below the folder but the checkpoint, whose cosignatures carry the time."""
    files = (path for path in folder.path.rglob("*") if path.is_file() and path.name != "checkpoint")
    return {str(path.relative_to(folder.path)): path.read_bytes() for path in files}


def act(scheme, riders: int = 5) -> None:
    people = [scheme.person() for _ in range(riders)]
    scheme.issue(dict.fromkeys(people, 100))
    for person in people:
        with scheme.database.transaction() as tx:
            convert(tx, scheme.ledger, person, Amount(60))
