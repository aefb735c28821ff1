"""Receipts: one leaf, its place in the log and a signed checkpoint, as `c2sp.org/tlog-proof@v1`. Pure.

The leaf's 114 bytes travel in the `extra` line. The format does not authenticate that line; the inclusion proof
does, once the leaf is hashed (`anchoring.verify`).
"""

from dataclasses import dataclass
from typing import Final

from anchoring import note
from anchoring.checkpoint import parse_hash, parse_number
from anchoring.errors import Malformed
from anchoring.merkle import MAX_PROOF, MAX_SIZE

HEADER: Final = "c2sp.org/tlog-proof@v1"
SUFFIX: Final = ".tlog-proof"
MAX_EXTRA: Final = 4096
"""Bytes in the `extra` line: many times our leaf, so that a longer leaf of a later version is refused by name."""
MAX_RECEIPT: Final = note.MAX_NOTE + 4 * MAX_EXTRA
"""Bytes in a receipt: the largest note, the extra line, an index and 65 hashes."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a `.tlog-proof` file says, read but not checked.

    `leaf` is the extra data; `path` the hashes from the leaf's sibling to the root's child, 32 bytes each;
    `checkpoint_text` the signed note, verbatim.
    """

    leaf: bytes
    index: int
    path: tuple[bytes, ...]
    checkpoint_text: bytes

    def encode(self) -> bytes:
        """Write the receipt; raises ValueError when `parse` would not read it back."""
        lines = [HEADER, f"extra {note.encode_base64(self.leaf)}", f"index {self.index}"]
        lines += [note.encode_base64(sibling) for sibling in self.path]
        data = "\n".join(lines).encode() + b"\n\n" + self.checkpoint_text
        try:
            same = parse(data) == self
        except Malformed as fault:
            raise ValueError(f"no such receipt: {fault}") from None
        if not same:
            raise ValueError("no such receipt: its parts do not come back as they were")
        return data


def parse(data: bytes) -> Receipt:
    """Read a receipt; Malformed when it is too large, breaks the format or carries no leaf."""
    if len(data) > MAX_RECEIPT:
        raise Malformed(f"a receipt of more than {MAX_RECEIPT} bytes is not read")
    head, _, checkpoint_text = data.partition(b"\n\n")
    if not head.isascii() or head.count(b"\n") > MAX_PROOF + 2:
        raise Malformed(f"a receipt begins with {HEADER} and has a proof of at most {MAX_PROOF} hashes")
    header, *lines = head.decode("ascii").split("\n")
    if header != HEADER:
        raise Malformed(f"a receipt begins with the line {HEADER}")
    if len(lines) < 2:
        raise Malformed("the receipt ends before its index")
    if not checkpoint_text:
        raise Malformed("the receipt ends before its checkpoint")
    leaf = _leaf(_after("extra ", lines[0]))
    index = parse_number(_after("index ", lines[1]))
    if index == MAX_SIZE:
        raise Malformed("no leaf has the index 2^64 - 1")
    path = tuple(parse_hash(line) for line in lines[2:])
    return Receipt(leaf, index, path, checkpoint_text)


def _after(word: str, line: str) -> str:
    if not line.startswith(word):
        raise Malformed(f"the receipt has no line that begins with {word.strip()!r} where the format has it")
    return line.removeprefix(word)


def _leaf(encoded: str) -> bytes:
    if len(encoded) > MAX_EXTRA:
        raise Malformed(f"extra data of more than {MAX_EXTRA} characters is not read")
    leaf = note.decode_base64(encoded)
    if not leaf:
        raise Malformed("the receipt carries no leaf")
    return leaf
