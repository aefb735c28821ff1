"""Checkpoints (C2SP tlog-checkpoint): a log's origin, size and root as the text of a signed note. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from anchoring import note
from anchoring.errors import AnotherLog, Malformed, Refuted
from anchoring.merkle import HASH_SIZE, MAX_SIZE
from anchoring.note import Note, Verified


class Anchor(Protocol):
    """A checkpoint as the chain has it; `frontier` and `ended` are grams."""

    @property
    def size(self) -> int:
        """Leaves."""
        ...

    @property
    def root(self) -> bytes:
        """32 bytes."""
        ...

    @property
    def frontier(self) -> int:
        """The highest gram number issued or bundled, exclusive."""
        ...

    @property
    def ended(self) -> int:
        """Grams ended, those gathered too."""
        ...


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: `size` leaves, `root` of 32 bytes. `extensions` are opaque lines, of which we write none."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """Write the note text; raises ValueError when `parse` would not read it back."""
        lines = [self.origin, str(self.size), note.encode_base64(self.root), *self.extensions]
        text = "".join(f"{line}\n" for line in lines).encode()
        try:
            same = parse(text) == self
        except Malformed as fault:
            raise ValueError(str(fault)) from None
        if not same:
            raise ValueError("a line of the checkpoint holds a line break")
        return text


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint whose log signature holds, with the cosignatures of known cosigners that hold."""

    checkpoint: Checkpoint
    note: Note
    cosignatures: tuple[Verified, ...]


def parse(text: bytes) -> Checkpoint:
    """Read a note's text as a checkpoint; Malformed when it is none."""
    try:
        content = text.decode()
    except UnicodeDecodeError:
        raise Malformed("a checkpoint is UTF-8") from None
    lines = content.removesuffix("\n").split("\n")
    if not content.endswith("\n") or len(lines) < 3 or not all(lines):
        raise Malformed("a checkpoint is at least three lines, none empty: origin, size, root")
    origin, size, root, *extensions = lines
    return Checkpoint(origin, parse_number(size), parse_hash(root), tuple(extensions))


def parse_number(text: str) -> int:
    """Read an ASCII decimal of at most 64 bits without leading zeroes; Malformed otherwise."""
    # The length is checked first: int() of a megabyte of digits is work that a stranger must not set us.
    if not (0 < len(text) <= 20 and text.isascii() and text.isdigit()) or (text[0] == "0" and text != "0"):
        raise Malformed("a size or index is a decimal number without leading zeroes")
    number = int(text)
    if number > MAX_SIZE:
        raise Malformed("a size or index has at most 64 bits")
    return number


def parse_hash(text: str) -> bytes:
    """Read the base64 of 32 bytes; Malformed otherwise."""
    data = note.decode_base64(text) if len(text) <= 44 else b""
    if len(data) != HASH_SIZE:
        raise Malformed("a hash is the base64 of 32 bytes")
    return data


def sign(checkpoint: Checkpoint, signer: note.Signer) -> bytes:
    """Write a checkpoint as a note signed by its log; ValueError when the signer has another name than the origin."""
    if signer.name != checkpoint.origin:
        raise ValueError(f"{signer.name} does not sign for {checkpoint.origin}")
    text = checkpoint.encode()
    return Note(text, (signer.sign(text),)).encode()


def open_checkpoint(text: bytes, vkey: str, cosigners: Iterable[str] = ()) -> SignedCheckpoint:
    """Read a signed checkpoint and check it under the log's `vkey` and the vkeys of `cosigners`.

    The origin must be the vkey's name. How many cosignatures are enough is the caller's policy. Raises Malformed
    when the text or a vkey cannot be read, Refuted when the log's signature is missing or a signature by any of these
    keys does not hold, and its kind AnotherLog when the origin is another.
    """
    log = note.parse_vkey(vkey)
    if log.key_type != note.ED25519:
        raise Malformed("a log's verifier key is of type Ed25519 (0x01)")
    signed = note.parse(text)
    checkpoint = parse(signed.text)
    if checkpoint.origin != log.name:
        raise AnotherLog(f"the checkpoint is of another log, {checkpoint.origin!r}, not {log.name!r}")
    if not note.verify(signed, [log]):
        raise Refuted(f"the checkpoint is not signed by the given key of {log.name}")
    return SignedCheckpoint(checkpoint, signed, open_cosignatures(signed, cosigners))


def open_cosignatures(signed: Note, cosigners: Iterable[str]) -> tuple[Verified, ...]:
    """Give the cosignatures by the `cosigners`' vkeys; Refuted when one does not hold, Malformed for a bad vkey."""
    verifiers = [note.parse_vkey(vkey) for vkey in cosigners]
    if any(verifier.key_type != note.COSIGNATURE for verifier in verifiers):
        raise Malformed("a cosigner's verifier key is of type cosignature (0x04)")
    return note.verify(signed, verifiers)
