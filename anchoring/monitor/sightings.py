"""Checkpoints that the log signed, wherever they were seen: at the log, at a witness, in a receipt."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from anchoring import note
from anchoring.checkpoint import Checkpoint, open_checkpoint, open_cosignatures
from anchoring.errors import Malformed, Refuted
from anchoring.note import Note

MAX_TEXT: Final = 4096
"""Bytes of a checkpoint's text that are kept: ours have some hundred; a log that signs a book is not followed."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A tree that the log signed.

    `signed` is the note with the log's signature and those of known witnesses, and no other; `cosigned_s` the time,
    POSIX seconds, at which each known witness says that it cosigned, by its vkey.
    """

    tree: Checkpoint
    signed: bytes
    where: str
    cosigned_s: dict[str, int]


def read_sighting(data: bytes, vkey: str, witnesses: Sequence[str], where: str) -> Sighting:
    """Read a checkpoint under the log's `vkey`; a cosignature that does not hold is left out.

    Raises Malformed for what is none, Refuted when the log's key did not sign it.
    """
    opened = open_checkpoint(data, vkey)
    if len(opened.note.text) > MAX_TEXT:
        raise Malformed(f"a checkpoint's text of more than {MAX_TEXT} bytes is not kept")
    keep = {_place(note.parse_vkey(vkey))}
    cosigned_s = {}
    for witness in witnesses:
        with suppress(Refuted):
            for verified in open_cosignatures(opened.note, [witness]):
                keep.add(_place(verified.verifier))
                cosigned_s[witness] = verified.timestamp or 0
    lines = {_signer(one): one for one in reversed(opened.note.signatures) if _signer(one) in keep}
    kept = Note(opened.note.text, tuple(reversed(lines.values())))
    return Sighting(opened.checkpoint, kept.encode(), where, cosigned_s)


def _place(verifier: note.Verifier) -> tuple[str, bytes]:
    return verifier.name, verifier.key_id


def _signer(signature: note.Signature) -> tuple[str, bytes]:
    return signature.name, signature.key_id
