"""The wire of C2SP tlog-witness `add-checkpoint`: its request, and what a witness answers. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from anchoring import checkpoint, note
from anchoring.errors import Malformed

MAX_PROOF_LINES: Final = 63
"""The text's own limit."""
MAX_REQUEST: Final = note.MAX_NOTE + 4096
"""Bytes: the largest note, an old size line and 63 proof lines of 45."""
SIZE_TYPE: Final = "text/x.tlog.size"
TEXT_TYPE: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """`old` leaves the witness is said to have, the consistency proof from there, and the signed checkpoint."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes

    def encode(self) -> bytes:
        """Write the body of the POST."""
        lines = [f"old {self.old}", *map(note.encode_base64, self.proof), ""]
        return "".join(f"{line}\n" for line in lines).encode() + self.note


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: HTTPStatus
    body: bytes
    content_type: str = TEXT_TYPE


class Refusal(Exception):
    """The witness does not cosign; `answer` says so to the client."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        """Refuse with a status of the text's and one sentence for a person."""
        super().__init__(sentence)
        self.answer = Answer(status, f"{sentence}\n".encode())


class Conflict(Refusal):
    """The client does not know the size last cosigned; the answer tells it."""

    def __init__(self, size: int) -> None:
        """Refuse with the size last cosigned."""
        super().__init__(HTTPStatus.CONFLICT, f"the size last cosigned is {size}")
        self.answer = Answer(HTTPStatus.CONFLICT, b"%d\n" % size, SIZE_TYPE)


def parse_request(body: bytes) -> Request:
    """Read the body of an `add-checkpoint`; Malformed when it is none. The checkpoint is not looked into."""
    head, blank, signed = body.partition(b"\n\n")
    if not blank or len(body) > MAX_REQUEST:
        raise Malformed("a request is an old size line, proof lines, an empty line and a checkpoint")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError:
        raise Malformed("the lines before the checkpoint are ASCII") from None
    if not first.startswith("old "):
        raise Malformed("the first line is `old`, one space and a size")
    if len(lines) > MAX_PROOF_LINES:
        raise Malformed(f"a consistency proof has at most {MAX_PROOF_LINES} lines")
    old = checkpoint.parse_number(first.removeprefix("old "))
    return Request(old, tuple(map(checkpoint.parse_hash, lines)), signed)


def parse_cosignatures(body: bytes, text: bytes, cosigners: Sequence[note.Verifier]) -> tuple[note.Signature, ...]:
    """Read the signature lines of an answer and give those by `cosigners` that hold for the checkpoint's `text`.

    Lines by unknown keys are passed over. Raises Malformed when the lines cannot be read, Refuted when one by a
    known key does not hold.
    """
    answered = note.parse(text + b"\n" + body)
    note.verify(answered, cosigners)
    known = {(cosigner.name, cosigner.key_id) for cosigner in cosigners}
    return tuple(one for one in answered.signatures if (one.name, one.key_id) in known)
