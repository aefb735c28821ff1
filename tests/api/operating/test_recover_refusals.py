"""A log that is not this one, whole and lawful, is refused before anything of it is written."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anchoring import checkpoint, note
from anchoring.errors import AnchoringError
from anchoring.leaf import LEAF_DTYPE, decode, encode
from anchoring.note import ED25519, Signer
from anchoring.publishing.standing import Known, take_note
from anchoring.tree.builder import TileBuilder
from anchoring.tree.folder import LogFolder
from anchoring.tree.sources import DirectorySource
from anchoring.tree.tiles import TileReader
from api.operating.recover import recover
from registry.errors import OtherHistory
from registry.ledger.movement import NO_TAG, Kind, Movement, Target
from tests.support.backups import COSIGNERS, LOG, TRUST, backup_of, live_on, recovery_of, rows


def unlawful(log: Path) -> None:
    """The log's own key signs on, over a leaf that spends grams twice."""
    publish_leaves(log, lambda leaves: [*leaves, next(one for one in reversed(leaves) if decode(one).kind < 64)])


def ending_in_a_run(log: Path) -> None:
    publish_leaves(log, lambda leaves: [*leaves, *a_run(leaves)[:-1]])


def a_bundle_of_more(log: Path) -> None:
    def longer(leaves):
        *before, bundle = a_run(leaves)
        return [*leaves, *before, encode(replace(decode(bundle), last=decode(bundle).last + 1))]

    publish_leaves(log, longer)


def a_run(leaves: list[bytes]) -> list[bytes]:
    """Five grams more: issued, gathered, and a bundle; lawful behind these leaves."""
    moved = [one for one in map(decode, leaves) if one.kind < 64]
    first, at, tag = max(one.last for one in moved), max(one.at for one in moved), b"t" * 20
    issue = Movement(Kind.ISSUE, 1, 2, 0, first, first + 5, None, at, 0, NO_TAG, tag, bytes(32))
    target = Target(first + 5, first + 5).tag
    gather = replace(issue, kind=Kind.GATHER, form=0, parent=len(leaves), from_tag=tag, to_tag=target)
    return [*map(encode, (issue, gather, replace(issue, kind=Kind.BUNDLE, first=first + 5, last=first + 10)))]


def other_history(log: Path) -> None:
    publish_leaves(log, lambda leaves: [encode(replace(decode(leaves[0]), at=7)), *leaves[1:]])


def truncated(log: Path) -> None:
    publish_leaves(log, lambda leaves: leaves[:-1])


def a_leaf_missing(log: Path) -> None:
    for path in (log / "tile" / "entries").glob("**/*"):
        if path.is_file():
            path.unlink()


def largest(folder: Path) -> Path:
    """The file of the whole log's last leaves, and not one of an earlier size; there is but one tile."""
    return max((path for path in folder.glob("**/*") if path.is_file()), key=lambda one: one.stat().st_size)


def last_bundle(log: Path) -> Path:
    return largest(log / "tile" / "entries")


def a_leaf_altered(log: Path) -> None:
    path = last_bundle(log)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def a_bundle_without_end(log: Path) -> None:
    path = last_bundle(log)
    path.write_bytes(path.read_bytes() * 1000)


def documents_missing(log: Path) -> None:
    shutil.rmtree(log / "document")


def last_documents(log: Path) -> Path:
    return largest(log / "document")


def a_document_altered(log: Path) -> None:
    path = last_documents(log)
    first, _, last = path.read_bytes().rpartition(b'"record"')
    path.write_bytes(first + b'"recore"' + last)


def a_document_withheld(log: Path) -> None:
    path = last_documents(log)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def documents_without_end(log: Path) -> None:
    path = last_documents(log)
    path.write_bytes(path.read_bytes() + b"\n" * 300_000_000)


def not_cosigned(log: Path) -> None:
    publish_leaves(log, lambda leaves: leaves, cosigners=COSIGNERS[:1])


def by_another_key(log: Path) -> None:
    publish_leaves(log, lambda leaves: leaves, signer=Signer(LOG.name, ED25519, b"x" * 32))


def no_checkpoint(log: Path) -> None:
    (log / "checkpoint").write_bytes(b"\xff" * 100)


def of_endless_size(log: Path) -> None:
    signed = checkpoint.sign(checkpoint.Checkpoint(LOG.name, 2**64 - 1, bytes(32)), LOG)
    (log / "checkpoint").write_bytes(signed)


LIES = {
    unlawful: "Leaf .* breaks a rule",
    ending_in_a_run: "Leaf .* breaks a rule: GATHERs .* It is the last",
    a_bundle_of_more: "Leaf .* breaks a rule: GATHERs .* The leaf before it is",
    other_history: "another history",
    truncated: "not the whole of it",
    a_leaf_missing: "cannot be read",
    a_leaf_altered: "do not make the root",
    a_bundle_without_end: "longer than",
    documents_missing: "cannot be read",
    a_document_altered: "Leaf .* DOCUMENT: .*document-digest.*Nothing was written",
    a_document_withheld: "Leaf .* DOCUMENT: .*document-missing.*Nothing was written",
    documents_without_end: "longer than",
    not_cosigned: "cosigned by 1 of those who are to, not 2",
    by_another_key: "not signed by the given key",
    no_checkpoint: ".",
    of_endless_size: "not the whole of it",
}


def publish_leaves(log: Path, change, *, signer=LOG, cosigners=COSIGNERS) -> None:
    """Write the log anew with other leaves, signed as it should be or not."""
    size = checkpoint.open_checkpoint((log / "checkpoint").read_bytes(), LOG.verifier.vkey).checkpoint.size
    reader = TileReader(DirectorySource(log))
    leaves = change([reader.leaf(index, size) for index in range(size)])
    shutil.rmtree(log)
    builder, folder = TileBuilder(0, [], b""), LogFolder(log)
    folder.write_immutable(builder.extend(np.frombuffer(b"".join(leaves), LEAF_DTYPE)))
    folder.write_immutable(builder.partials())
    signed = note.parse(checkpoint.sign(checkpoint.Checkpoint(LOG.name, len(leaves), builder.root()), signer))
    cosigned = [one.cosign(signed.text, 1) for one in cosigners]
    folder.write_checkpoint(note.Note(signed.text, (*signed.signatures, *cosigned)).encode())


def counts(copy):
    tables = "log_entries", "movements", "accounts", "lots", "recoveries", "checkpoints"
    return [rows(copy, text) for text in map("SELECT count(*) FROM {}".format, tables)]


def test_a_log_that_lies_is_refused_before_anything_is_written(life, scheme, postgres_url, tmp_path):
    log = tmp_path / "log"
    with backup_of(scheme.database, postgres_url) as copy:
        live_on(life)
        size = life[1].publish()
        take_note(copy.transaction, [Known("the chain", size, bytes(32))])
        before = counts(copy)
        for lie, said in LIES.items():
            shutil.copytree(log, tmp_path / lie.__name__)
            lie(tmp_path / lie.__name__)
            with pytest.raises(AnchoringError, match=said):
                recover(recovery_of(copy, scheme, log), DirectorySource(tmp_path / lie.__name__), "a liar", TRUST)
            assert counts(copy) == before, lie.__name__
        recover(recovery_of(copy, scheme, log), DirectorySource(log), "the log", TRUST)


def test_what_was_written_after_the_backup_is_told(life, scheme, postgres_url, tmp_path):
    """Somebody let a database act on that was set back: what waits there and what is public take the same grams."""
    log = tmp_path / "log"
    with backup_of(scheme.database, postgres_url) as copy:
        live_on(life)
        scheme.database, original = copy, scheme.database
        scheme.issue({life[0].acts.people[0]: 50})
        scheme.database = original
        with pytest.raises(OtherHistory, match="restore the backup again"):
            recover(recovery_of(copy, scheme, log), DirectorySource(log), "the log", TRUST)
