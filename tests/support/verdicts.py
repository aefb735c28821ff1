"""Files with the verdict that the command and the page must both give: what `scripts/make-vectors` writes down.

Verdicts are those of `gram verify`: proven, partly, refuted, unchecked, another-log. Without a chain, nothing is more
than partly proven. Long files are told as parts that repeat.
"""

import re
from collections.abc import Iterator, Sequence
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


@dataclass(frozen=True)
class TrustCase:
    """A receipt, verified by what a trust file says alone."""

    name: str
    verdict: str
    receipt: str
    trust: str


def trust_cases(good: Receipt, log: Signer, cosigners: Sequence[Signer]) -> Iterator[TrustCase]:
    """Trust files for `good`, which the first two of three cosigners have signed."""
    text = good.encode().decode()
    known = "".join(f"witness w{at} {one.verifier.vkey}\n" for at, one in enumerate(cosigners, start=1))
    head = f"log {log.verifier.vkey}\n{known}"
    chain = "0x" + "11" * 20
    for name, rest, verdict in (
        ("nobody is asked", "quorum none\n", "partly"),
        ("two of three are enough", "group all 2 w1 w2 w3\nquorum all\n", "partly"),
        ("three of three are not met", "group all all w1 w2 w3\nquorum all\n", "refuted"),
        ("one who signed", "quorum w2\n", "partly"),
        ("one who did not", "quorum w3\n", "refuted"),
        ("a nested quorum that is met", "group a any w2 w3\ngroup b all w1 a\nquorum b\n", "partly"),
        ("a nested quorum that is not", "group a all w2 w3\ngroup b all w1 a\nquorum b\n", "refuted"),
        ("a chain without endpoints", f"quorum w1\n#chain 1 {chain}\n", "partly"),
        (
            "an earlier chain without endpoints",
            f"quorum w1\n#chain 1 {chain}\n#chain 2 {chain} http://[::1]:1\n",
            "partly",
        ),
    ):
        yield TrustCase(name, verdict, text, head + rest)
    line = text[text.index("\u2014 " + cosigners[0].name) :].split("\n")[0]
    forged = line[:-6] + ("AAAAA=" if line[-6:] != "AAAAA=" else "BBBBA=")
    yield TrustCase("a known witness's is forged", "refuted", text.replace(line, forged), f"{head}quorum none\n")
    yield TrustCase(
        "an unknown one's is forged", "partly", text.replace(line, forged), f"log {log.verifier.vkey}\nquorum none\n"
    )
    other, renamed = Signer("other.vectors.example", note.ED25519, bytes(32)), Signer(log.name, note.ED25519, bytes(32))
    for name, key, verdict in (
        ("another log's", other, "another-log"),
        ("another key of this name", renamed, "refuted"),
    ):
        yield TrustCase(name, verdict, text, f"log {key.verifier.vkey}\n{known}quorum w1\n")
    yield TrustCase(
        "a leaf of another version",
        "unchecked",
        replace(good, leaf=b"\x02" + good.leaf[1:]).encode().decode(),
        f"{head}quorum w1\n",
    )


def _case(name: str, verdict: str, text: str, *, cosigned: bool = False) -> Case:
    return Case(name, verdict, ((text, 1),), cosigned)


def _whole(good: Receipt) -> Iterator[Case]:
    text = good.encode().decode()
    yield _case("good", "partly", text)
    yield _case("good, cosigners asked", "partly", text, cosigned=True)
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
    yield Case("twenty large cosignatures", "partly", ((text, 1), (large, 20)))
    yield Case("twenty large cosignatures, cosigners asked", "partly", ((text, 1), (large, 20)), cosigned=True)
    small = Signature("small.vectors.example", b"smal", b"x").line + "\n"
    for count, verdict in ((note.MAX_SIGNATURES, "partly"), (note.MAX_SIGNATURES + 1, "unchecked")):
        yield Case(f"{count} signatures", verdict, ((text, 1), (small, count - held)))
    body, signed = text.encode(), len(good.checkpoint_text)
    for size, verdict in ((note.MAX_NOTE, "partly"), (note.MAX_NOTE + 4, "unchecked")):
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
    yield _case("state proof", "partly", state)
    yield _case("state proof, renamed", "another-log", state.replace(*renamed))
    shown = re.search(r"^entry .* (\S+)$", state, re.MULTILINE)
    assert shown is not None
    later = note.encode_base64(b"\x02" + note.decode_base64(shown[1])[1:])
    yield _case("state proof with a leaf of version 2", "unchecked", state.replace(shown[1], later))
    yield _case("state proof of another version", "unchecked", state.replace("/v1", "/v2", 1))


def _names(good: Receipt) -> Iterator[Case]:
    """Names of keys that nobody knows: what is a space to one language is none to another."""
    text = good.encode().decode()
    for marks, verdict in (("\ufeff\u180e\u200d\x7f", "partly"), ("\xa0\x85\u3000+", "unchecked")):
        yield from (_named(text, mark, verdict) for mark in marks)


def _named(text: str, mark: str, verdict: str) -> Case:
    line = f"\u2014 a{mark}b {note.encode_base64(b'12345')}\n"
    return _case(f"a name with U+{ord(mark):04X}", verdict, text + line)
