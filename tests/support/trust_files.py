"""Trust files with what each must be read as, or refused for: what `scripts/make-vectors` writes down.

Text that is no UTF-8 holds its other octets as lone surrogates, as the reader does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from anchoring.note import COSIGNATURE, ED25519, Signer, Verifier
from anchoring.trust.file import MAX_TRUST, Chain, Log, Trust
from anchoring.trust.policy import Group, Policy, Witness

Signed = tuple[tuple[int, ...], bool]
"""Witnesses, by their place in the file, and whether they are enough."""


@dataclass(frozen=True)
class Read:
    """A file that is read."""

    name: str
    text: str
    trust: Trust
    signed: tuple[Signed, ...] = ()


@dataclass(frozen=True)
class Refused:
    """A file of `text`, so many `times`, that is refused; `line` is None when the whole file is meant."""

    name: str
    text: str
    fault: str
    line: int | None
    times: int = 1


def witness(number: int, name: str | None = None) -> Verifier:
    """Give one of many witnesses' keys, under a name of its own or another."""
    return Signer(name or f"w{number}.example", COSIGNATURE, bytes([number]) * 32).verifier


LOG = Signer("log.example", ED25519, bytes(32)).verifier
KEYS = [witness(number) for number in range(1, 7)]
ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
"""From the text of EIP-55."""
OTHERS = (
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0xde709f2102306220921060314715629080e2fb77",
)
X = "".join(f"witness x{at} {KEYS[at - 1].vkey}\n" for at in (1, 2, 3))
Y = "".join(f"witness y{at} {KEYS[at + 2].vkey}\n" for at in (1, 2, 3))
HEAD = f"log {LOG.vkey}\n"
END = "quorum none\n"
NESTED = f"{HEAD}{X}group X 2 x1 x2 x3\n{Y}group Y any y1 y2 y3\ngroup both all X Y\nquorum both\n"
"""The example of C2SP tlog-policy."""
_X = tuple(Witness(f"x{at}", KEYS[at - 1]) for at in (1, 2, 3))
_Y = tuple(Witness(f"y{at}", KEYS[at + 2]) for at in (1, 2, 3))
_LONG = f"https://a.example/{'p' * 1982}"
_CHINESE = Signer("\u65e5\u5fd7.example", ED25519, bytes(32)).verifier


def read() -> Iterator[Read]:
    """Files that are read."""
    both = (Group("X", 2, ("x1", "x2", "x3")), Group("Y", 1, ("y1", "y2", "y3")), Group("both", 2, ("X", "Y")))
    signed = [(0, 1, 3), (1, 2, 5), (0, 1, 2, 3, 4, 5)], [(), (0, 3, 4, 5), (0, 1, 2)]
    nested = Trust(Log(LOG), Policy(_X + _Y, both, "both"))
    yield Read("nested groups", NESTED, nested, tuple((one, at == 0) for at in (0, 1) for one in signed[at]))
    yield Read("quorum none", HEAD + END, Trust(Log(LOG)), (((), True),))
    single = Trust(Log(LOG), Policy(_X, (), "x2"))
    yield Read("a witness as the quorum", f"{HEAD}{X}quorum x2\n", single, (((1,), True), ((0, 2), False)))
    known = Trust(Log(LOG), Policy(_X))
    yield Read("witnesses that are not asked", HEAD + X + END, known, (((), True), ((0,), True)))
    text = f"\t\n # a remark\n{X}  quorum\tx1  \n#another\n log {LOG.vkey}\thttps://log.example/log \n"
    log = Log(LOG, "https://log.example/log")
    yield Read("blanks, remarks, another order", text, Trust(log, Policy(_X, (), "x1")))
    yield Read("remarks near a chain line", f"{HEAD}{END}# chain of custody\n##chain 1\n#\n", Trust(Log(LOG)))
    urls = f"log {LOG.vkey} {_LONG}\nwitness a {KEYS[0].vkey} http://[::1]:8080/w?x=1#y\nquorum a\n"
    far = Policy((Witness("a", KEYS[0], "http://[::1]:8080/w?x=1#y"),), (), "a")
    yield Read("addresses", urls, Trust(Log(LOG, _LONG), far))
    yield from _names()
    yield from _chains()


def _names() -> Iterator[Read]:
    """Names are octets: nothing is folded, and what is no text is a name too."""
    text = f"{HEAD}witness K {KEYS[0].vkey}\nwitness \u212a {KEYS[1].vkey}\nquorum K\n"
    kelvin = Policy((Witness("K", KEYS[0]), Witness("\u212a", KEYS[1])), (), "K")
    yield Read("names that look alike", text, Trust(Log(LOG), kelvin), (((0,), True), ((1,), False)))
    opaque = "\udcff\xa0"
    text = f"{HEAD}witness {opaque} {KEYS[0].vkey}\ngroup \u7ec4 all {opaque}\nquorum \u7ec4\n"
    policy = Policy((Witness(opaque, KEYS[0]),), (Group("\u7ec4", 1, (opaque,)),), "\u7ec4")
    yield Read("names that are no ASCII, or no text", text, Trust(Log(LOG), policy), (((0,), True), ((), False)))
    yield Read("a log's name in Chinese", f"log {_CHINESE.vkey}\n{END}", Trust(Log(_CHINESE)))
    two = f"{HEAD}witness constructor {KEYS[0].vkey}\nwitness __proto__ {KEYS[1].vkey}\n"
    pair = (Witness("constructor", KEYS[0]), Witness("__proto__", KEYS[1]))
    group = Group("toString", 2, ("constructor", "__proto__"))
    text = f"{two}group toString all constructor __proto__\nquorum toString\n"
    known = Trust(Log(LOG), Policy(pair, (group,), "toString"))
    yield Read("names that a language knows", text, known, (((0, 1), True), ((0,), False), ((), False)))


def _chains() -> Iterator[Read]:
    rpcs = ("https://a.example", "http://b.example:8545/x")
    text = f"#chain 5 {ADDRESS.lower()}\n{HEAD}{END} #chain\t1 {OTHERS[0]} {rpcs[0]}  {rpcs[1]} \n#chain 5 {ADDRESS}\n"
    moves = Chain(5, ADDRESS), Chain(1, OTHERS[0], rpcs), Chain(5, ADDRESS)
    yield Read("several chain lines are moves in order, one of them back", text, Trust(Log(LOG), chains=moves))
    forms = [*OTHERS, *(one.lower() for one in OTHERS), *("0x" + one[2:].upper() for one in OTHERS)]
    text = "".join(f"#chain {at} {form}\n" for at, form in enumerate(forms, start=1))
    chains = tuple(Chain(at, one) for at, one in enumerate(OTHERS * 3, start=1))
    yield Read("contracts in every case that holds", text + HEAD + END, Trust(Log(LOG), chains=chains))
    eight = tuple(f"http://{at}.example" for at in range(8))
    text = f"{HEAD}{END}#chain {2**63 - 1} {ADDRESS} {' '.join(eight)}\n"
    yield Read(
        "the largest chain id, eight endpoints", text, Trust(Log(LOG), chains=(Chain(2**63 - 1, ADDRESS, eight),))
    )


def refused() -> Iterator[Refused]:
    """Files that are refused."""
    yield from (Refused(name, text, *fault) for name, (text, fault) in _REFUSED.items())
    yield Refused("as large as is read", "#\n", "trust-no-log", None, MAX_TRUST // 2)
    yield Refused("larger than is read", "#", "trust-size", None, MAX_TRUST + 1)
    yield from (
        Refused(f"byte {octet:#04x}", f"{HEAD}# {chr(octet)}\n{END}", "trust-octets", 2) for octet in _FORBIDDEN
    )
    for said in ("0", "4", "-1", "+2", "02", "2.0", "most", "All", "9" * 40, "\u0662"):
        yield Refused(f"threshold {said}", f"{X}group g {said} x1 x2 x3\n", "trust-threshold", 4)
    for line in _NO_CHAIN:
        yield Refused(f"chain line {line!r}", f"{HEAD}{END}{line}\n", "trust-chain", 3)
    for url in _NO_URL:
        yield Refused(f"address {url[:30]!r}", f"log {LOG.vkey} {url}\n{END}", "trust-url", 1)


_FORBIDDEN = (0x00, 0x08, 0x0B, 0x0C, 0x1B, 0x1F, 0x7F)
_LARGE = Signer("n" * 1000, ED25519, bytes(32)).verifier
_MANY = [Signer(f"m{at}", COSIGNATURE, bytes([at, 1]) * 16).verifier for at in range(64)]
_REFUSED = {
    "nothing": ("", ("trust-no-log", None)),
    "no log": (END, ("trust-no-log", None)),
    "no quorum": (HEAD, ("trust-no-quorum", None)),
    "two quorums": (HEAD + END + END, ("trust-two-quorums", 3)),
    "two logs": (HEAD + HEAD + END, ("trust-two-logs", 2)),
    "unknown line": (HEAD + "policy none\n" + END, ("trust-unknown-line", 2)),
    "a word in capitals": (HEAD + "Quorum none\n", ("trust-unknown-line", 2)),
    "a word that a language knows": (HEAD + "constructor none\n", ("trust-unknown-line", 2)),
    "byte order mark": ("\ufeff" + HEAD + END, ("trust-unknown-line", 1)),
    "a blank of another kind": (f"log\u00a0{LOG.vkey}\n{END}", ("trust-unknown-line", 1)),
    "carriage returns": (f"{HEAD}{END}".replace("\n", "\r\n"), ("trust-octets", 1)),
    "cut": (HEAD + END[:-1], ("trust-cut", 2)),
    "log without key": ("log\n" + END, ("trust-items", 1)),
    "log with too much": (f"log {LOG.vkey} http://a http://b\n" + END, ("trust-items", 1)),
    "witness without name": (f"witness {KEYS[0].vkey}\n", ("trust-items", 1)),
    "empty group": (HEAD + X + "group g all\n", ("trust-items", 5)),
    "quorum of two": (HEAD + X + "quorum x1 x2\n", ("trust-items", 5)),
    "quorum of nothing": (HEAD + "quorum\n", ("trust-items", 2)),
    "log key that is none": ("log abc\n", ("trust-key", 1)),
    "log key with a wrong id": (HEAD.replace("log.example+", "lug.example+"), ("trust-key", 1)),
    "log key with an id in capitals": (HEAD.replace(LOG.key_id.hex(), LOG.key_id.hex().upper()), ("trust-key", 1)),
    "log with a witness's key": (f"log {KEYS[0].vkey}\n", ("trust-key", 1)),
    "witness with a log's key": (f"witness a {LOG.vkey}\n", ("trust-key", 1)),
    "key with a blank of another kind": (HEAD[:-1] + "\u00a0\n", ("trust-key", 1)),
    "key after a byte order mark": (HEAD.replace(" ", " \ufeff", 1), ("trust-key", 1)),
    "key of no UTF-8": ("log \udcff+00000000+AA==\n", ("trust-key", 1)),
    "key of more than 1,024 characters": (f"log {_LARGE.vkey}\n", ("trust-key", 1)),
    "a key goes before an address": ("log abc ftp://a\n", ("trust-key", 1)),
    "witness called none": (f"witness none {KEYS[0].vkey}\n", ("trust-name", 1)),
    "group called none": (HEAD + X + "group none any x1\n", ("trust-name", 5)),
    "two witnesses of a name": (f"{X}witness x1 {KEYS[4].vkey}\n", ("trust-name-twice", 4)),
    "group of a witness's name": (X + "group x1 any x2\n", ("trust-name-twice", 4)),
    "one key under two names": (f"{X}witness z {witness(1, 'z.example').vkey}\n", ("trust-key-twice", 4)),
    "one key twice": (f"{X}witness z {KEYS[0].vkey}\n", ("trust-key-twice", 4)),
    "unknown member": (X + "group g any x1 x9\n", ("trust-unknown-member", 4)),
    "a member that a language knows": (X + "group g any x1 __proto__\n", ("trust-unknown-member", 4)),
    "member of a later line": ("group g any x1\n" + X, ("trust-unknown-member", 1)),
    "member of itself": (X + "group g any x1 g\n", ("trust-unknown-member", 4)),
    "none as a member": (X + "group g any none\n", ("trust-unknown-member", 4)),
    "member twice": (X + "group g 2 x1 x1\n", ("trust-member-twice", 4)),
    "member of two groups": (X + "group g any x1\ngroup h any x1 x2\n", ("trust-member-twice", 5)),
    "unknown quorum": (HEAD + X + "quorum x4\n", ("trust-unknown-member", 5)),
    "quorum before its witness": ("quorum x1\n" + X, ("trust-unknown-member", 1)),
    "more witnesses than a note has room for": (
        "".join(f"witness m{at} {key.vkey}\n" for at, key in enumerate(_MANY)),
        ("trust-too-many", 64),
    ),
    "more groups than are read": (
        "".join(f"witness m{at} {key.vkey}\n" for at, key in enumerate(_MANY[:1]))
        + "".join(f"group g{at} any {f'g{at - 1}' if at else 'm0'}\n" for at in range(65)),
        ("trust-too-many", 66),
    ),
    "chains without end": (
        HEAD + END + "".join(f"#chain {at} {ADDRESS}\n" for at in range(1, 40)),
        ("trust-too-many", 19),
    ),
    "endpoints without end": (f"{HEAD}{END}#chain 1 {ADDRESS}{' http://a' * 9}\n", ("trust-too-many", 3)),
    "a chain's address": (f"{HEAD}{END}#chain 1 {ADDRESS} file:///etc/passwd\n", ("trust-url", 3)),
    "chain twice": (f"{HEAD}{END}#chain 1 {ADDRESS}\n#chain 1 {ADDRESS.lower()}\n", ("trust-chain-twice", 4)),
}  # fmt: skip
_NO_CHAIN = (
    "#chain", "#chain 1", f"#chain {ADDRESS}", f"#chain 0 {ADDRESS}", f"#chain 01 {ADDRESS}",
    f"#chain {2**63} {ADDRESS}", f"#chain -1 {ADDRESS}", f"#chain 0x1 {ADDRESS}", f"#Chain 1 {ADDRESS}",
    f"#CHAIN 1 {ADDRESS}", f"#chains 1 {ADDRESS}", f"#chain: 1 {ADDRESS}", "#chain 1 0x12", f"#chain 1 {ADDRESS[2:]}",
    f"#chain 1 0X{ADDRESS[2:]}", f"#chain 1 {ADDRESS[:-1]}D", f"#chain 1 {ADDRESS.swapcase().replace('X', 'x')}",
    f"#chain 1 {ADDRESS}00", f"#chain 1 {ADDRESS[:-1]}g", "#chain of custody", f"  #chain\u00a01 {ADDRESS}",
    f"#chain \u0661 {ADDRESS}",
)  # fmt: skip
_NO_URL = (
    "ftp://a", "https://a:b@c", "https:a", "https://", "https:///x", "HTTPS://a", "a.example", "https://a\\b",
    "https://a/x@y", f"{_LONG}p", "https://a/" + "\u8def" * 664,
)  # fmt: skip


def octets(text: str) -> str:
    """Write a text so that each character is one octet, which JSON can hold and any language take apart."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def as_json(trust: Trust) -> dict[str, Any]:
    """What a file says; names and addresses are octets, numbers of chains texts."""
    policy = trust.policy
    return {
        "log": {"vkey": octets(trust.log.verifier.vkey), "url": _or_none(trust.log.url)},
        "witnesses": [
            {"name": octets(one.name), "vkey": octets(one.verifier.vkey), "url": _or_none(one.url)}
            for one in policy.witnesses
        ],
        "groups": [
            {"name": octets(one.name), "threshold": one.threshold, "members": [octets(name) for name in one.members]}
            for one in policy.groups
        ],
        "quorum": octets(policy.quorum),
        "chains": [
            {"id": str(one.chain_id), "contract": one.contract, "rpcs": [octets(rpc) for rpc in one.rpcs]}
            for one in trust.chains
        ],
    }


def _or_none(text: str | None) -> str | None:
    return None if text is None else octets(text)


def as_vectors() -> dict[str, list[object]]:
    """What `tests/vectors/trust.json` holds. Each character of a text is one octet."""
    return {
        "read": [
            {"name": one.name, "text": octets(one.text), "trust": as_json(one.trust), "signed": one.signed}
            for one in read()
        ],
        "refused": [
            {"name": one.name, "text": octets(one.text), "times": one.times, "fault": one.fault, "line": one.line}
            for one in refused()
        ],
    }
