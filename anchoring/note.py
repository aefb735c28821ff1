"""Signed notes (C2SP signed-note) with Ed25519 signatures and tlog-cosignature v1 cosignatures.

Pure: no file, no network, no clock. A note is UTF-8 text that ends in a newline, an empty line, and a line for each
signature. What is read here comes from strangers, so its size and the number of signatures are bounded.
"""

import base64
import binascii
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from anchoring.errors import Malformed, Refuted

ED25519: Final = 0x01
"""Signature type of a log's own signature."""
COSIGNATURE: Final = 0x04
"""Signature type of a timestamped cosignature, version 1."""

MAX_NOTE: Final = 512 * 1024
"""Bytes in a note: room for MAX_SIGNATURES of the longest kind assigned, post-quantum ones of nearly 5 kB."""
MAX_SIGNATURES: Final = 64
"""Signatures in a note; the text asks for at least 16."""
MAX_TIMESTAMP: Final = 2**63 - 1
MAX_VKEY: Final = 1024

_DASH = "\u2014 "
_PRIVATE = "PRIVATE+KEY+"


@dataclass(frozen=True)
class Verifier:
    """A public key under a name: what `vkey` says. `key_type` is `ED25519` or `COSIGNATURE`."""

    name: str
    key_type: int
    public_key: bytes

    @cached_property
    def key_id(self) -> bytes:
        """The four bytes that stand before each of this key's signatures."""
        material = self.name.encode() + b"\n" + bytes([self.key_type]) + self.public_key
        return sha256(material).digest()[:4]

    @property
    def vkey(self) -> str:
        """The key as text: `<name>+<hex key ID>+<base64 of type and key>`."""
        material = bytes([self.key_type]) + self.public_key
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(material)}"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: the name, the four bytes of the key ID, and what that key's type puts after them."""

    name: str
    key_id: bytes
    payload: bytes

    @property
    def line(self) -> str:
        """The line as in the note, without the newline."""
        return f"{_DASH}{self.name} {encode_base64(self.key_id + self.payload)}"


@dataclass(frozen=True, slots=True)
class Verified:
    """A signature that holds; `timestamp` is POSIX seconds for a cosignature, None otherwise."""

    verifier: Verifier
    timestamp: int | None


@dataclass(frozen=True, slots=True)
class Note:
    """A note: its text as signed, final newline included, and its signatures, known or not."""

    text: bytes
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        """Write the note; raises Malformed when `parse` would not read it back."""
        lines = "".join(f"{signature.line}\n" for signature in self.signatures)
        data = self.text + b"\n" + lines.encode()
        if parse(data) != self:
            raise Malformed("the text or a signature's name cannot stand in a note")
        return data


@dataclass(frozen=True)
class Signer:
    """A private key under a name. `seed` is its 32 secret bytes, which no repr shows."""

    name: str
    key_type: int
    seed: bytes = field(repr=False)

    @cached_property
    def verifier(self) -> Verifier:
        """The public half."""
        public_key = Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()
        return Verifier(self.name, self.key_type, public_key)

    @property
    def secret(self) -> str:
        """The key as text for a file of mode 600: `PRIVATE+KEY+<name>+<hex key ID>+<base64 of type and seed>`."""
        material = encode_base64(bytes([self.key_type]) + self.seed)
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{material}"

    def sign(self, text: bytes) -> Signature:
        """Sign a note's text as a log does; ValueError for a cosigner's key, which signs with a time."""
        if self.key_type != ED25519:
            raise ValueError(f"the key of {self.name} is of type {self.key_type:#04x}; it cosigns")
        return self._signature(self._sign(text))

    def cosign(self, text: bytes, at_s: int) -> Signature:
        """Cosign a checkpoint's text as seen at `at_s`, POSIX seconds; ValueError for a log's key or no such time."""
        if self.key_type != COSIGNATURE:
            raise ValueError(f"the key of {self.name} is of type {self.key_type:#04x}; it does not cosign")
        message = _cosigned(text, at_s)
        return self._signature(at_s.to_bytes(8) + self._sign(message))

    def _sign(self, message: bytes) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)

    def _signature(self, payload: bytes) -> Signature:
        return Signature(self.name, self.verifier.key_id, payload)


def make_signer(name: str, key_type: int = ED25519) -> Signer:
    """Make a new key from the system's randomness; Malformed for a name that no note can carry."""
    _check_name(name)
    _check_type(key_type)
    return Signer(name, key_type, secrets.token_bytes(32))


def parse_signer(text: str) -> Signer:
    """Read `Signer.secret`; Malformed, never quoting the secret, when it is not one."""
    if not text.startswith(_PRIVATE):
        raise Malformed(f"a signing key begins with {_PRIVATE}")
    name, key_id, key_type, seed = _parse_key(text.removeprefix(_PRIVATE), "a signing key")
    signer = Signer(name, key_type, seed)
    if signer.verifier.key_id != key_id:
        raise Malformed("the signing key's ID does not belong to its name and key")
    return signer


def parse_vkey(text: str) -> Verifier:
    """Read a verifier key; Malformed when its form, type, length or ID is wrong."""
    name, key_id, key_type, public_key = _parse_key(text, "a verifier key")
    verifier = Verifier(name, key_type, public_key)
    if verifier.key_id != key_id:
        raise Malformed("the verifier key's ID does not belong to its name and key")
    return verifier


def _parse_key(text: str, what: str) -> tuple[str, bytes, int, bytes]:
    """Split `<name>+<hex>+<base64>`; base64 has a plus of its own, the name has none."""
    parts = text.split("+", 2) if len(text) <= MAX_VKEY else []
    if len(parts) != 3:
        raise Malformed(f"{what} has three parts, <name>+<key ID>+<key>")
    name, hex_id, encoded = parts
    _check_name(name)
    if len(hex_id) != 8 or not set(hex_id) <= set("0123456789abcdef"):
        raise Malformed(f"the ID in {what} is eight lower-case hex digits")
    material = decode_base64(encoded)
    _check_type(material[0] if material else 0)
    if len(material) != 33:
        raise Malformed(f"{what} of Ed25519 has 32 bytes")
    return name, bytes.fromhex(hex_id), material[0], material[1:]


def _check_name(name: str) -> None:
    # str.isspace covers the Unicode spaces; a control character would end the line or the note.
    if not name or any(mark == "+" or mark < " " or mark.isspace() for mark in name) or not _is_utf8(name):
        raise Malformed("a key's name is not empty and has no space, plus or control character")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_type(key_type: int) -> None:
    if key_type not in (ED25519, COSIGNATURE):
        raise Malformed(f"keys of type {key_type:#04x} are not known here, only Ed25519 (0x01) and cosignature (0x04)")


def parse(data: bytes) -> Note:
    """Read a note without judging its signatures. Malformed when it is too large or breaks the format."""
    if len(data) > MAX_NOTE:
        raise Malformed(f"a note of more than {MAX_NOTE} bytes is not read")
    try:
        content = data.decode()
    except UnicodeDecodeError:
        raise Malformed("a note is UTF-8") from None
    if any(mark < " " and mark != "\n" for mark in content):
        raise Malformed("a note has no control characters")
    text, blank, lines = content.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise Malformed("a note is text, an empty line, and signature lines that end in a newline")
    if lines.count("\n") > MAX_SIGNATURES:
        raise Malformed(f"a note of more than {MAX_SIGNATURES} signatures is not read")
    return Note((text + "\n").encode(), tuple(_parse_signature(line) for line in lines[:-1].split("\n")))


def _parse_signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space:
        raise Malformed("a signature line is an em dash, a name and a signature, with one space between")
    _check_name(name)
    raw = decode_base64(encoded)
    if len(raw) < 5:
        raise Malformed("a signature has four bytes of key ID and at least one of signature")
    return Signature(name, raw[:4], raw[4:])


def verify(note: Note, verifiers: Iterable[Verifier]) -> tuple[Verified, ...]:
    """Check every signature by a known key, and give one for each known key that signed, in the note's order.

    Signatures of unknown keys are passed over, as the format asks. Raises Refuted when one by a known key does
    not hold. An empty answer means that nobody known signed: whether that will do is the caller's to say.
    """
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    found: dict[Verifier, Verified] = {}
    for signature in note.signatures:
        verifier = known.get((signature.name, signature.key_id))
        if verifier is not None:
            verified = _verify_one(note.text, signature.payload, verifier)
            found.setdefault(verifier, verified)
    return tuple(found.values())


def _verify_one(text: bytes, payload: bytes, verifier: Verifier) -> Verified:
    timestamp, message = None, text
    if verifier.key_type == COSIGNATURE:
        timestamp, payload = int.from_bytes(payload[:8]), payload[8:]
        if timestamp > MAX_TIMESTAMP:
            raise Refuted(f"the cosignature of {verifier.name} has a time past 2^63 - 1")
        message = _cosigned(text, timestamp)
    try:
        Ed25519PublicKey.from_public_bytes(verifier.public_key).verify(payload, message)
    except (InvalidSignature, ValueError):
        raise Refuted(f"the signature of {verifier.name} does not hold") from None
    return Verified(verifier, timestamp)


def _cosigned(text: bytes, at_s: int) -> bytes:
    """The message of a v1 cosignature (tlog-cosignature, "Ed25519 signed message")."""
    if not 0 <= at_s <= MAX_TIMESTAMP:
        raise ValueError("a cosignature's time is POSIX seconds from 0 to 2^63 - 1")
    return b"cosignature/v1\ntime %d\n%b" % (at_s, text)


def encode_base64(data: bytes) -> str:
    """Encode in standard base64 (RFC 4648, section 4)."""
    return base64.b64encode(data).decode()


def decode_base64(text: str) -> bytes:
    """Decode standard base64, only in the one form that `encode_base64` writes; Malformed otherwise."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("not base64") from None
    if encode_base64(data) != text:
        raise Malformed("base64 with stray bits or padding")
    return data
