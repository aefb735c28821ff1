"""A document of a record with fixed salts, and the ways in which one is none, each with its flaw's name."""

import json
from hashlib import sha256

import rfc8785

from registry.evidence.document import MAX_FIELDS, SALT_BYTES, seal
from registry.evidence.public import Flaw, RecordLeaf, line_of, text_of
from registry.ledger.movement import Kind

SOURCE = {"record": "source", "decision": "approved", "name": "a street", "contact": "somebody"}
DISCLOSED = ["record", "decision", "name"]


def sealed(values, seed):
    """Evidence whose salts follow from `seed`; real ones are random."""
    salts = b"".join(sha256(f"salt {seed} {at}".encode()).digest()[:SALT_BYTES] for at in range(len(values)))
    return seal(values, lambda _: salts)


EVIDENCE = sealed(SOURCE, "one")
LEAF = RecordLeaf(7, int(Kind.SOURCE), EVIDENCE.digest)
LINE = line_of(7, text_of(EVIDENCE.fields, DISCLOSED, Kind.SOURCE))
SALT, NAME = EVIDENCE.fields["name"]


def altered(line, change):
    said = json.loads(line)
    change(said)
    return rfc8785.dumps(said) + b"\n"


def put(**fields):
    return lambda said: said["fields"].update(fields)


LOOSE = SALT[:-1] + "B"
"""The same length, and bits that no byte has."""
_ALTERED = {
    "value": (altered(LINE, put(name=[SALT, "another street"])), Flaw.DIGEST),
    "withheld": (altered(LINE, put(contact="0" * 64)), Flaw.DIGEST),
    "dropped": (altered(LINE, lambda said: said["fields"].pop("name")), Flaw.DIGEST),
    "added": (altered(LINE, put(more="0" * 64)), Flaw.DIGEST),
    "cut": (LINE[:-1], Flaw.CUT),
    "cut-inside": (LINE[:40], Flaw.CUT),
    "empty": (b"\n", Flaw.FORM),
    "carriage-return": (LINE[:-1] + b"\r\n", Flaw.FORM),
    "space": (LINE.replace(b":", b": ", 1), Flaw.FORM),
    "order": (b'{"index":7,"fields":' + LINE.split(b":", 1)[1].rsplit(b",", 1)[0] + b"}\n", Flaw.FORM),
    "escaped": (LINE.replace(b"a street", b"\\u0061 street"), Flaw.FORM),
    "not-utf-8": (LINE.replace(b"a street", b"\xff street"), Flaw.FORM),
    "surrogate": (LINE.replace(b"a street", b"\\ud800"), Flaw.FORM),
    "byte-order-mark": (b"\xef\xbb\xbf" + LINE, Flaw.FORM),
    "no-json": (b"fields\n", Flaw.FORM),
    "a-list": (b"[]\n", Flaw.FORM),
    "a-member-more": (altered(LINE, lambda said: said.update(more=1)), Flaw.FORM),
    "no-fields": (altered(LINE, lambda said: said.pop("fields")), Flaw.FORM),
    "fields-a-list": (altered(LINE, lambda said: said.update(fields=[])), Flaw.FORM),
    "index-true": (altered(LINE, lambda said: said.update(index=True)), Flaw.FORM),
    "index-text": (altered(LINE, lambda said: said.update(index="7")), Flaw.FORM),
    "index-below-zero": (altered(LINE, lambda said: said.update(index=-7)), Flaw.FORM),
    "index-fraction": (LINE.replace(b'"index":7', b'"index":7.0'), Flaw.FORM),
    "index-endless": (LINE.replace(b'"index":7', b'"index":' + b"7" * 5000), Flaw.FORM),
    "number-too-large": (LINE.replace(b'"a street"', b"9007199254740992"), Flaw.FORM),
    "not-a-number": (LINE.replace(b'"a street"', b"NaN"), Flaw.FORM),
    "deep": (LINE.replace(b'"a street"', b"[" * 2_000 + b"]" * 2_000), Flaw.FORM),
    "field-twice": (LINE.replace(b'"record":', b'"record":"' + b"0" * 64 + b'","record":'), Flaw.FIELD_TWICE),
    "member-twice": (LINE.replace(b'"a street"', b'{"a":1,"a":1}'), Flaw.FIELD_TWICE),
    "index-twice": (LINE.replace(b'"index":7', b'"index":7,"index":7'), Flaw.FIELD_TWICE),
    "none": (altered(LINE, lambda said: said.update(fields={})), Flaw.FIELD),
    "many": (altered(LINE, put(**{str(at): "0" * 64 for at in range(MAX_FIELDS)})), Flaw.FIELD),
    "number": (altered(LINE, put(name=1)), Flaw.FIELD),
    "triple": (altered(LINE, put(name=[SALT, NAME, 1])), Flaw.FIELD),
    "salt-a-number": (altered(LINE, put(name=[1, NAME])), Flaw.FIELD),
    "hex-upper": (altered(LINE, put(contact="A" * 64)), Flaw.FIELD),
    "hex-short": (altered(LINE, put(contact="a" * 62)), Flaw.FIELD),
    "hex-wide": (altered(LINE, put(contact="\uff10" * 64)), Flaw.FIELD),
    "salt-short": (altered(LINE, put(name=[SALT[:-1], NAME])), Flaw.SALT),
    "salt-long": (altered(LINE, put(name=[SALT + "A", NAME])), Flaw.SALT),
    "salt-padded": (altered(LINE, put(name=[SALT + "==", NAME])), Flaw.SALT),
    "salt-loose": (altered(LINE, put(name=[LOOSE, NAME])), Flaw.SALT),
    "salt-twice": (altered(LINE, put(record=[SALT, "source"])), Flaw.SALT_TWICE),
}  # fmt: skip
CASES = [(name, line, str(flaw)) for name, (line, flaw) in _ALTERED.items()]
"""Name, line, and the flaw that it has as the document of `LEAF`."""
