"""Public documents: the evidence of the log's records, field by field, as it stands beside the tiles. Pure.

`document/<N>` has a line for each of the 256 leaves of tile N that is a record, in the order of the log: the RFC 8785
form of `{"index": n, "fields": {name: [salt, value] | "hex digest"}}` and a line feed (docs/design.md, section 4).
Nothing here is believed: a document is what the evidence in its leaf binds, or a `Faulty`.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from registry.evidence.canonical import canonical
from registry.evidence.document import MAX_FIELDS, SALT_BYTES, Fields, digest, disclose
from registry.ledger.movement import Kind

RULE: Final = "DOCUMENT"
"""The name that every program gives to a record that has not exactly its one document."""
MAX_BYTES: Final = 64 * 1024
"""Of a document's line: what a decision says of itself fits many times."""
MAX_LONG_BYTES: Final = 1024 * 1024
"""Of a line of the kinds that carry a table of rules, or a definition."""
LONG: Final = frozenset({Kind.POLICY, Kind.METHODOLOGY})
MAX_DEPTH: Final = 64
"""Of lists and objects within each other in a line, the outermost included, so that no reader is exhausted by it."""
MAX_INDEX: Final = 2**53 - 1
"""RFC 8785 has no larger integers; no log comes near."""


class Flaw(StrEnum):
    """What is wrong with a document; the names are stable."""

    MISSING = "document-missing"
    EXCESS = "document-excess"
    CUT = "document-cut"
    SIZE = "document-size"
    FORM = "document-form"
    FIELD = "document-field"
    FIELD_TWICE = "document-field-twice"
    SALT = "document-salt"
    SALT_TWICE = "document-salt-twice"
    DIGEST = "document-digest"


SENTENCES: Final = {
    Flaw.MISSING: "the record has no document",
    Flaw.EXCESS: "there is a document of a leaf that is no record here, or a second one, or they are out of order",
    Flaw.CUT: "the document does not end in a line feed: the file is cut off",
    Flaw.SIZE: "the document is longer than one of its kind may be",
    Flaw.FORM: f"the document is not an index and fields in RFC 8785 form, at most {MAX_DEPTH} deep",
    Flaw.FIELD: f"a field is neither [salt, value] nor a digest in lower-case hex, or there are over {MAX_FIELDS}",
    Flaw.FIELD_TWICE: "a field, or a member of a value, stands there twice",
    Flaw.SALT: f"a salt is not {SALT_BYTES} bytes in base64url without padding",
    Flaw.SALT_TWICE: "a salt stands there twice, which opens what is withheld to guessing",
    Flaw.DIGEST: "what it says is not what the evidence in the leaf binds",
}


@dataclass(frozen=True, slots=True)
class RecordLeaf:
    """What must be known of a record's leaf: its index in the log, its kind, and its evidence (32 bytes)."""

    index: int
    kind: int
    evidence: bytes


@dataclass(frozen=True, slots=True)
class Document:
    """A record's document, which has the leaf's evidence: `fields` as they are shown there."""

    leaf: RecordLeaf
    fields: Fields

    @property
    def line(self) -> bytes:
        """Its line in the file."""
        return line_of(self.leaf.index, canonical(self.fields).decode())

    @property
    def values(self) -> dict[str, Any]:
        """What is disclosed: name -> value."""
        return {name: shown[1] for name, shown in self.fields.items() if not isinstance(shown, str)}


@dataclass(frozen=True, slots=True)
class Faulty:
    """A leaf that has not exactly its one document, and why; of `EXCESS` the index that the document names."""

    index: int
    flaw: Flaw

    @property
    def sentence(self) -> str:
        """Say what is wrong, with the flaw's name."""
        return f"{SENTENCES[self.flaw]} ({self.flaw})"


class FlawError(ValueError):
    """A document's text is none; `flaw` says why."""

    def __init__(self, flaw: Flaw) -> None:
        """Name the flaw."""
        super().__init__(SENTENCES[flaw])
        self.flaw = flaw


def split_line(line: bytes) -> tuple[int, str]:
    """Give index and text of a line that `line_of` made."""
    fields, _, index = line.removesuffix(b"}\n").rpartition(b',"index":')
    return int(index), fields.removeprefix(b'{"fields":').decode()


def most_bytes(kind: int) -> int:
    """Give the most bytes that a line of a record of this kind has, without its line feed."""
    return MAX_LONG_BYTES if kind in LONG else MAX_BYTES


def file_limit(kinds: Sequence[int]) -> int:
    """Give the most bytes that a file with documents of records of these kinds has."""
    return sum(most_bytes(kind) + 1 for kind in kinds)


def text_of(fields: Fields, disclosed: Collection[str], kind: int) -> str:
    """Write what is public of a record's evidence: the RFC 8785 form of its fields, those not `disclosed` as digests.

    Raises FlawError when no index would make it a document: it is too large, or its fields or salts are none.
    """
    public = disclose(fields, disclosed)
    text = str(canonical(public), "utf-8")
    if _is_deep({"fields": public}):
        raise FlawError(Flaw.FORM)
    if len(line_of(MAX_INDEX, text)) - 1 > most_bytes(kind):
        raise FlawError(Flaw.SIZE)
    _check_fields(fields)
    return text


def line_of(index: int, text: str) -> bytes:
    """Make the line of the leaf `index` from a text that `text_of` wrote: RFC 8785, for `fields` sort first."""
    return b'{"fields":%b,"index":%d}\n' % (text.encode(), index)


def is_public(text: str | None, kind: int, evidence: bytes) -> bool:
    """Whether this is the text of a document of a record of this kind with this evidence."""
    try:
        return text is not None and digest(parse_line(line_of(MAX_INDEX, text), kind)[1]) == evidence
    except (FlawError, UnicodeError):
        return False


def parse_line(line: bytes, kind: int) -> tuple[int, Fields]:
    """Read a line with its line feed: the index and the fields that it says. Raises FlawError.

    It is not held against a leaf yet: `registry.evidence.document.digest` of the fields must be the leaf's evidence.
    """
    if not line.endswith(b"\n"):
        raise FlawError(Flaw.CUT)
    text = line.removesuffix(b"\n")
    if len(text) > most_bytes(kind):
        raise FlawError(Flaw.SIZE)
    said = _parse(text)
    if not isinstance(said, dict) or said.keys() != {"fields", "index"}:
        raise FlawError(Flaw.FORM)
    index, fields = said["index"], said["fields"]
    if type(index) is not int or index < 0 or not isinstance(fields, dict):
        raise FlawError(Flaw.FORM)
    _check_fields(fields)
    return index, fields


def read_documents(data: bytes, leaves: Sequence[RecordLeaf]) -> Iterator[Document | Faulty]:
    """Read a file of documents that is to have exactly those of `leaves`, which stand in the order of the log.

    Gives for each leaf its document or what is wrong with it, and what is there beside. A line that cannot be read is
    taken for that of the next leaf. Whatever is in it, time and memory follow the length of `data`.
    """
    waiting = list(reversed(leaves))
    salts: set[str] = set()
    for line in _lines(data):
        if not waiting:
            yield Faulty(_index_said(line), Flaw.EXCESS)
            return
        yield from _take(line, waiting, salts)
    yield from (Faulty(leaf.index, Flaw.MISSING) for leaf in reversed(waiting))


def verified_documents(data: bytes, leaves: Sequence[RecordLeaf]) -> Iterator[Document]:
    """Read a file of which `read_documents` gave for each of `leaves` its document, and nothing beside."""
    for leaf, line in zip(leaves, _lines(data), strict=True):
        yield Document(leaf, json.loads(line)["fields"])


def lines_before(data: bytes, end: int) -> bytes:
    """Cut off a file before the first document of a leaf from `end` on: what it was when the tree had `end` leaves."""
    length = 0
    for line in _lines(data):
        if _index_said(line) >= end:
            break
        length += len(line)
    return data[:length]


def _lines(data: bytes) -> Iterator[bytes]:
    """Cut a file after each line feed; the last line may lack its own."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start) + 1 or len(data)
        yield data[start:end]
        start = end


def _take(line: bytes, waiting: list[RecordLeaf], salts: set[str]) -> Iterator[Document | Faulty]:
    """Hold a line against the leaf that waits for it, which is the last of `waiting`; those passed by have none."""
    leaf = waiting[-1]
    try:
        index, fields = parse_line(line, leaf.kind)
    except FlawError as error:
        waiting.pop()
        yield Faulty(leaf.index, error.flaw)
        return
    if index != leaf.index and all(one.index != index for one in waiting):
        yield Faulty(index, Flaw.EXCESS)
        return
    while (leaf := waiting.pop()).index != index:
        yield Faulty(leaf.index, Flaw.MISSING)
    yield _held_against(leaf, fields, line, salts)


def _held_against(leaf: RecordLeaf, fields: Fields, line: bytes, salts: set[str]) -> Document | Faulty:
    if len(line) - 1 > most_bytes(leaf.kind):
        return Faulty(leaf.index, Flaw.SIZE)
    if digest(fields) != leaf.evidence:
        return Faulty(leaf.index, Flaw.DIGEST)
    own = {shown[0] for shown in fields.values() if not isinstance(shown, str)}
    if salts & own:
        return Faulty(leaf.index, Flaw.SALT_TWICE)
    salts |= own
    return Document(leaf, fields)


def _index_said(line: bytes) -> int:
    """Read which leaf a line that belongs nowhere says it is of; 0 if it says none."""
    found = re.search(rb'"index":(\d{1,16})\}\n?$', line[-40:])
    return min(int(found[1]), MAX_INDEX) if found else 0


class _TwiceError(ValueError):
    """A member of an object stands there twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _TwiceError
    return members


class _NoIntegerError(Exception):
    """There is a number that is not written as an integer."""


def _none_but_integers(number: str) -> Any:
    raise _NoIntegerError(number)


_INTEGERS: Final = json.JSONDecoder(
    object_pairs_hook=_once, parse_float=_none_but_integers, parse_constant=_none_but_integers
)
_SORTED: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_BEYOND: Final = re.compile("[\ue000-\U0010ffff]|[0-9]{16}")
"""What is ordered otherwise by UTF-16 than by code point, or may be part of a number that RFC 8785 has not."""


def _read(text: str) -> Any:
    """Read JSON, and say whether it is in RFC 8785 form: its values, and whether they are written so.

    Without fractions, large numbers and far characters Python's own sorted JSON is that form, and made at once.
    """
    try:
        if _BEYOND.search(text) is None:
            said = _INTEGERS.decode(text)
            return said, _SORTED.encode(said) == text
    except _NoIntegerError:
        pass
    said = json.loads(text, object_pairs_hook=_once)
    return said, canonical(said) == text.encode()


def _parse(text: bytes) -> Any:
    """Read JSON in RFC 8785 form, and nothing else."""
    try:
        said, is_canonical = _read(text.decode())
    except _TwiceError:
        raise FlawError(Flaw.FIELD_TWICE) from None
    except (ValueError, RecursionError):  # numbers that it has not, lone surrogates, endless depth
        raise FlawError(Flaw.FORM) from None
    if not is_canonical or (text.count(b"[") + text.count(b"{") > MAX_DEPTH and _is_deep(said)):
        raise FlawError(Flaw.FORM)
    return said


def _is_deep(value: Any) -> bool:
    """Whether lists and objects are within each other more than `MAX_DEPTH` times."""
    inner = [value]
    for _ in range(MAX_DEPTH):
        inner = [
            one
            for outer in inner
            if isinstance(outer, (list, dict))
            for one in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return any(isinstance(one, (list, dict)) for one in inner)


def _check_fields(fields: Mapping[str, Any]) -> None:
    if not 0 < len(fields) <= MAX_FIELDS or not all(map(_is_field, fields.values())):
        raise FlawError(Flaw.FIELD)
    salts = [shown[0] for shown in fields.values() if type(shown) is list]
    if not all(map(_SALT.fullmatch, salts)):
        raise FlawError(Flaw.SALT)
    if len(set(salts)) != len(salts):
        raise FlawError(Flaw.SALT_TWICE)


_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SALT: Final = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]", re.ASCII)
"""The one way to write 16 bytes: the last digit's spare bits are zero."""


def _is_field(shown: object) -> bool:
    if type(shown) is list:
        return len(shown) == 2 and type(shown[0]) is str
    return type(shown) is str and _DIGEST.fullmatch(shown) is not None
