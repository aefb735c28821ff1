"""Evidence: what an act rests on, so that each field can be shown by itself (docs/design.md, section 3).

The digest in the leaf is SHA-256 of the RFC 8785 form of an object that maps each field's name to the hex SHA-256
of the RFC 8785 form of `[salt, name, value]`, the salt 16 random bytes in base64url. A field shown is
`[salt, value]`; a field withheld, or erased for good, is its hex digest. Both give the same document digest.
"""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any

from registry.evidence.canonical import canonical, canonical_text

SALT_BYTES = 16
MAX_FIELDS = 64
"""A document is read by people; a hostile one must not keep a verifier busy."""

Value = Any
"""A JSON value; integers stay below 2**53 (RFC 8785)."""
Fields = dict[str, Any]
"""Name -> `[salt, value]` when shown, or the field's hex digest when not."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A document with all its fields shown, and its digest (32 bytes)."""

    digest: bytes
    fields: Fields


def field_digest(salt: str, name: str, value: Value) -> str:
    """Hash one field: hex SHA-256 of the RFC 8785 form of `[salt, name, value]`."""
    # Most values are strings, and a decision has some twenty: they are written without asking what they are.
    text = encode_basestring(value) if type(value) is str else canonical_text(value)
    return hashlib.sha256(f"[{encode_basestring(salt)},{encode_basestring(name)},{text}]".encode()).hexdigest()


def seal(values: Mapping[str, Value], random: Callable[[int], bytes] = secrets.token_bytes) -> Evidence:
    """Salt every value and hash the whole. `random(n)` gives n random bytes."""
    return seal_each(values, [{}], random)[0]


def seal_each(
    shared: Mapping[str, Value],
    own: Sequence[Mapping[str, Value]],
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> list[Evidence]:
    """Seal documents of the same fields: each has what is `shared`, and what is its `own`; all salts are fresh.

    An act has thousands, so what they have in common is written once.
    """
    # A field is hashed as `["SALT","name",value]`: a head, and for what is shared the end too, are the same in all.
    fixed = [(name, value, f'",{canonical_text(name)},{canonical_text(value)}]') for name, value in shared.items()]
    heads = [(name, f'",{canonical_text(name)},') for name in (own[0] if own else {})]
    if shared.keys() & dict(heads).keys():
        raise ValueError("a field is shared by all documents, or each has its own")
    in_order, whole = _whole([*shared, *(name for name, _ in heads)])
    salts = iter(_salts(len(own) * (len(fixed) + len(heads)), random))
    sealed = []
    for values in own:
        fields, digests = {}, {}
        for name, value, tail in fixed:
            salt = next(salts)
            fields[name] = [salt, value]
            digests[name] = hashlib.sha256(f'["{salt}{tail}'.encode()).hexdigest()
        for name, head in heads:
            salt, value = next(salts), values[name]
            fields[name] = [salt, value]
            digests[name] = hashlib.sha256(f'["{salt}{head}{canonical_text(value)}]'.encode()).hexdigest()
        text = whole % tuple([digests[name] for name in in_order])
        sealed.append(Evidence(hashlib.sha256(text.encode()).digest(), fields))
    return sealed


def seal_texts(
    shared: Mapping[str, Value],
    own: Sequence[Mapping[str, Value]],
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> tuple[list[bytes], list[str]]:
    """Seal as `seal_each` does; gives the digests, and the fields of each as JSON, made without any object of them."""
    names = [*shared, *own[0]]
    if len(set(names)) < len(names):
        raise ValueError("a field is shared by all documents, or each has its own")
    tails = [f'",{canonical_text(name)},{canonical_text(value)}]' for name, value in shared.items()]
    heads = [(name, f'",{canonical_text(name)},') for name in own[0]]
    fields = [
        _escaped(f'{canonical_text(name)}:["') + '%s",' + _escaped(canonical_text(value)) + "]"
        for name, value in shared.items()
    ]
    fields += [_escaped(f'{canonical_text(name)}:["') + '%s",%s]' for name in own[0]]
    form, (in_order, whole) = f"{{{','.join(fields)}}}", _whole(names)
    order, count = [names.index(name) for name in in_order], len(tails)
    salts, sha256 = _salts(len(own) * len(names), random), hashlib.sha256
    digests, texts = [], []
    for place, values in enumerate(own):
        drawn = salts[place * len(names) : (place + 1) * len(names)]
        each = [sha256(f'["{salt}{tail}'.encode()).hexdigest() for salt, tail in zip(drawn, tails, strict=False)]
        written: list[str] = drawn[:count]
        for (name, head), salt in zip(heads, drawn[count:], strict=True):
            value = canonical_text(values[name])
            each.append(sha256(f'["{salt}{head}{value}]'.encode()).hexdigest())
            written += (salt, value)
        digests.append(sha256((whole % tuple([each[n] for n in order])).encode()).digest())
        texts.append(form % tuple(written))
    return digests, texts


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _whole(names: Collection[str]) -> tuple[list[str], str]:
    """Give names in the order of RFC 8785, and the form of an object of these with the value `"%s"` each."""
    in_order = sorted(names, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
    members = ",".join(f'{canonical_text(name).replace("%", "%%")}:"%s"' for name in in_order)
    return in_order, f"{{{members}}}"


def _salts(count: int, random: Callable[[int], bytes]) -> list[str]:
    """Draw salts, each as base64url: 18 bytes are 24 characters, of which 16 bytes and two of zeros fill 22."""
    drawn, padded = random(SALT_BYTES * count), bytearray(18 * count)
    for place in range(SALT_BYTES):
        padded[place::18] = drawn[place::SALT_BYTES]
    text = urlsafe_b64encode(padded).decode()
    return [text[begin : begin + 22] for begin in range(0, 24 * count, 24)]


def digest(fields: Fields) -> bytes:
    """Hash a document, whichever of its fields are shown: 32 bytes."""
    digests = {
        name: shown if isinstance(shown, str) else field_digest(shown[0], name, shown[1])
        for name, shown in fields.items()
    }
    return hashlib.sha256(canonical(digests)).digest()


def disclose(fields: Fields, names: Collection[str]) -> Fields:
    """Show only the fields `names`; of every other, its digest."""
    return {
        name: shown if isinstance(shown, str) or name in names else field_digest(shown[0], name, shown[1])
        for name, shown in fields.items()
    }


def verify(fields: object, expected: bytes) -> bool:
    """Check a disclosed document against the digest in a leaf. Anything that is no such document gives False."""
    if not isinstance(fields, dict) or not 0 < len(fields) <= MAX_FIELDS:
        return False
    if not all(isinstance(name, str) and _is_field(shown) for name, shown in fields.items()):
        return False
    try:
        return digest(fields) == expected
    except (ValueError, RecursionError):  # what RFC 8785 cannot write: NaN, lone surrogates, endless numbers or depth
        return False


def _is_field(shown: object) -> bool:
    if isinstance(shown, str):
        return len(shown) == 64 and set(shown) <= set("0123456789abcdef")
    return isinstance(shown, list) and len(shown) == 2 and isinstance(shown[0], str)
