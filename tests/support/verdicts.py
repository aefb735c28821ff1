"""Files with the verdict that the command and the page must both give: what `scripts/make-vectors` writes down.

Verdicts are those of `gram verify`: holds, refuted, unchecked, another-log. Long files are told as parts that repeat.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from anchoring import leaf, merkle, note
from anchoring.checkpoint import Checkpoint
from anchoring.note import Signature, Signer
from anchoring.receipt import MAX_EXTRA, Receipt

Part = tuple[str, int]


@dataclass(frozen=True)
class Case:
    """A file in parts, each a text and how often it stands there; `cosigned` when the cosigners' keys are given."""

    name: str
    verdict: str
    parts: tuple[Part, ...]
    cosigned: bool = False

    @property
    def text(self) -> str:
        return "".join(text * times for text, times in self.parts)


def cases(good: Receipt, log: Signer, state: str) -> Iterator[Case]:
    """Receipts made from `good`, of the log that `log` signs, and state proofs made from `state`."""
    yield from _whole(good)
    yield from _bounds(good)
    yield from _leaves(good, log)
    yield from _other_logs(good, log, state)
    yield from _names(good)


def _case(name: str, verdict: str, text: str, *, cosigned: bool = False) -> Case:
    return Case(name, verdict, ((text, 1),), cosigned)


def _whole(good: Receipt) -> Iterator[Case]:
    text = good.encode().decode()
    yield _case("good", "holds", text)
    yield _case("good, cosigners asked", "holds", text, cosigned=True)
    yield _case("too few cosigned", "refuted", text[: text.rindex("\u2014")], cosigned=True)
    yield _case("nobody signed", "unchecked", text[: text.index("\u2014")])
    yield _case("empty", "unchecked", "")
    yield _case("carriage returns", "unchecked", text.replace("\n", "\r\n"))
    yield _case("byte order mark", "unchecked", f"\ufeff{text}")
    yield _case("cut off", "unchecked", text[:-1])
    yield _case("another version", "unchecked", text.replace("@v1", "@v2", 1))
    yield _case("base64 with stray bits", "unchecked", text.replace("=\n\n", "A\n\n", 1))
    yield _case("another leaf's place", "refuted", replace(good, index=good.index + 1).encode().decode())
    yield _case("past the tree", "refuted", replace(good, index=2**64 - 2).encode().decode())
    yield _case("no leaf has it", "unchecked", text.replace(f"index {good.index}", f"index {2**64 - 1}"))
    for length, verdict in ((65, "refuted"), (66, "unchecked")):
        path = "".join(f"{note.encode_base64(bytes([at]) * 32)}\n" for at in range(length))
        head, signed = text.partition(f"index {good.index}\n")[0], good.checkpoint_text.decode()
        yield _case(f"path of {length}", verdict, f"{head}index {good.index}\n{path}\n{signed}")


def _bounds(good: Receipt) -> Iterator[Case]:
    text = good.encode().decode()
    large = Signature("large.vectors.example", b"mldr", bytes(2428)).line + "\n"
    held = text.count("\u2014")
    yield Case("twenty large cosignatures", "holds", ((text, 1), (large, 20)))
    yield Case("twenty large cosignatures, cosigners asked", "holds", ((text, 1), (large, 20)), cosigned=True)
    small = Signature("small.vectors.example", b"smal", b"x").line + "\n"
    for count, verdict in ((note.MAX_SIGNATURES, "holds"), (note.MAX_SIGNATURES + 1, "unchecked")):
        yield Case(f"{count} signatures", verdict, ((text, 1), (small, count - held)))
    body, signed = text.encode(), len(good.checkpoint_text)
    for size, verdict in ((note.MAX_NOTE, "holds"), (note.MAX_NOTE + 4, "unchecked")):
        room = size - signed - len(f"{Signature('n', b'full', b'').line}\n".encode()) + 8
        before = f"\u2014 n {note.encode_base64(b'full!!')}"
        times, rest = divmod(room - len("ZnVsbCEh"), 4)
        name = "n" + "n" * rest
        line = before.replace(" n ", f" {name} ")
        yield Case(f"note of {size} bytes", verdict, ((body.decode(), 1), (line, 1), ("AAAA", times), ("\n", 1)))
    for length, verdict in ((MAX_EXTRA, "unchecked"), (MAX_EXTRA + 4, "unchecked")):
        parts = ((text[: text.index("extra ") + 6], 1), ("AAAA", length // 4), (text[text.index("\nindex") :], 1))
        yield Case(f"extra line of {length}", verdict, parts)


def _leaves(good: Receipt, log: Signer) -> Iterator[Case]:
    """Leaves that the log did sign, and others."""
    for name, data in (("of version 2", b"\x02" + good.leaf[1:]), ("a byte short", good.leaf[:-1])):
        text = Checkpoint(log.name, 1, merkle.leaf_hash(data)).encode()
        signed = note.Note(text, (log.sign(text),)).encode()
        yield _case(f"leaf {name}", "unchecked", Receipt(data, 0, (), signed).encode().decode())
        yield _case(f"leaf {name} that is not in the log", "unchecked", replace(good, leaf=data).encode().decode())
    movement = leaf.decode(good.leaf)
    other = leaf.encode(replace(movement, last=movement.last + 1))
    yield _case("another leaf", "refuted", replace(good, leaf=other).encode().decode())


def _other_logs(good: Receipt, log: Signer, state: str) -> Iterator[Case]:
    text, root = good.encode().decode(), merkle.leaf_hash(good.leaf)
    for name, signer, verdict in (
        ("another log's", Signer("other.vectors.example", note.ED25519, bytes(32)), "another-log"),
        ("another key's of this name", Signer(log.name, note.ED25519, bytes(32)), "refuted"),
    ):
        body = Checkpoint(signer.name, 1, root).encode()
        signed = note.Note(body, (signer.sign(body),)).encode()
        made = Receipt(good.leaf, 0, (), signed).encode().decode()
        yield _case(name, verdict, made)
        yield _case(f"{name}, cosigners asked", verdict, made, cosigned=True)
    renamed = f"\n\n{log.name}\n", "\n\nother.vectors.example\n"
    yield _case("this log's, renamed", "another-log", text.replace(*renamed))
    yield _case("state proof", "holds", state)
    yield _case("state proof, renamed", "another-log", state.replace(*renamed))
    shown = re.search(r"^entry .* (\S+)$", state, re.MULTILINE)
    assert shown is not None
    later = note.encode_base64(b"\x02" + note.decode_base64(shown[1])[1:])
    yield _case("state proof with a leaf of version 2", "unchecked", state.replace(shown[1], later))
    yield _case("state proof of another version", "unchecked", state.replace("/v1", "/v2", 1))


def _names(good: Receipt) -> Iterator[Case]:
    """Names of keys that nobody knows: what is a space to one language is none to another."""
    text = good.encode().decode()
    for marks, verdict in (("\ufeff\u180e\u200d\x7f", "holds"), ("\xa0\x85\u3000+", "unchecked")):
        yield from (_named(text, mark, verdict) for mark in marks)


def _named(text: str, mark: str, verdict: str) -> Case:
    line = f"\u2014 a{mark}b {note.encode_base64(b'12345')}\n"
    return _case(f"a name with U+{ord(mark):04X}", verdict, text + line)
