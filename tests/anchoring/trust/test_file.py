"""The trust file: what is read, what is refused with which code and line, and that writing and reading agree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring.errors import Malformed
from anchoring.note import COSIGNATURE, ED25519, Signer
from anchoring.trust.file import Chain, Log, Trust, TrustFault
from anchoring.trust.policy import Group, Policy, Witness, k_of
from anchoring.trust.reading import read
from anchoring.trust.writing import write


def witness(number, name=None):
    return Signer(name or f"w{number}.example", COSIGNATURE, bytes([number]) * 32).verifier


LOG = Signer("log.example", ED25519, bytes(32)).verifier
KEYS = [witness(number) for number in range(1, 7)]
ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
X = "".join(f"witness x{at} {KEYS[at - 1].vkey}\n" for at in (1, 2, 3))
Y = "".join(f"witness y{at} {KEYS[at + 2].vkey}\n" for at in (1, 2, 3))
HEAD = f"log {LOG.vkey}\n"
NESTED = f"{HEAD}{X}group X 2 x1 x2 x3\n{Y}group Y any y1 y2 y3\ngroup both all X Y\nquorum both\n"


def refusal(text):
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    with pytest.raises(TrustFault) as caught:
        read(data)
    assert f"[{caught.value.fault}]" in str(caught.value)
    if caught.value.line is not None:
        assert f"line {caught.value.line}:" in str(caught.value)
    return caught.value.fault, caught.value.line


def test_the_example_of_the_specification_is_read():
    trust = read(NESTED.encode())
    assert trust.log == Log(LOG)
    assert trust.policy.quorum == "both"
    assert trust.policy.groups[1] == Group("Y", 1, ("y1", "y2", "y3"))
    assert trust.policy.groups[2] == Group("both", 2, ("X", "Y"))


@pytest.mark.parametrize(
    ("signed", "met"),
    [((0, 1, 3), True), ((0, 3, 4, 5), False), ((0, 1, 2), False), ((1, 2, 5), True), ((), False), (range(6), True)],
)
def test_a_nested_quorum_is_met_as_the_specification_says(signed, met):
    assert read(NESTED.encode()).policy.is_met([KEYS[at] for at in signed]) is met


def test_quorum_none_and_a_single_witness():
    assert read(f"{HEAD}quorum none\n".encode()).policy.is_met([])
    single = read(f"{HEAD}{X}quorum x2\n".encode()).policy
    assert single.is_met([KEYS[1]])
    assert not single.is_met([KEYS[0], KEYS[2]])


def test_blanks_comments_and_the_order_of_lines_are_the_specifications():
    log = f" log {LOG.vkey}\thttps://log.example/log \n #chain 1 {ADDRESS}\n"
    text = f"\t\n # a remark\n{X}  quorum\tx1  \n#another\n{log}"
    trust = read(text.encode())
    assert trust.log.url == "https://log.example/log"
    assert trust.chains == (Chain(1, ADDRESS),)


def test_chain_lines_are_the_logs_moves_in_order():
    other = "0x" + "11" * 20
    text = (
        f"{HEAD}quorum none\n#chain 1 {ADDRESS.lower()}\n#chain 5 {other} https://a.example http://b.example:8545/x\n"
    )
    assert read(text.encode()).chains == (
        Chain(1, ADDRESS),
        Chain(5, other, ("https://a.example", "http://b.example:8545/x")),
    )


END = "quorum none\n"
REFUSED = {
    "nothing": ("", ("trust-no-log", None)),
    "no log": (END, ("trust-no-log", None)),
    "no quorum": (HEAD, ("trust-no-quorum", None)),
    "two quorums": (HEAD + END + END, ("trust-two-quorums", 3)),
    "two logs": (HEAD + HEAD + END, ("trust-two-logs", 2)),
    "unknown line": (HEAD + "policy none\n" + END, ("trust-unknown-line", 2)),
    "a word in capitals": (HEAD + "Quorum none\n", ("trust-unknown-line", 2)),
    "byte order mark": ("\ufeff" + HEAD + END, ("trust-unknown-line", 1)),
    "carriage returns": (f"{HEAD}{END}".replace("\n", "\r\n"), ("trust-octets", 1)),
    "a zero byte": (HEAD + "# \0\n" + END, ("trust-octets", 2)),
    "escape": (HEAD + "# \x1b[2J\n" + END, ("trust-octets", 2)),
    "delete": (HEAD + "# \x7f\n" + END, ("trust-octets", 2)),
    "cut": (HEAD + END[:-1], ("trust-cut", 2)),
    "too large": ("#" * 300_000 + "\n", ("trust-size", None)),
    "log without key": ("log\n" + END, ("trust-items", 1)),
    "log with too much": (f"log {LOG.vkey} http://a http://b\n" + END, ("trust-items", 1)),
    "witness without name": (f"witness {KEYS[0].vkey}\n", ("trust-items", 1)),
    "empty group": (HEAD + X + "group g all\n", ("trust-items", 5)),
    "quorum of two": (HEAD + X + "quorum x1 x2\n", ("trust-items", 5)),
    "log key that is none": ("log abc\n", ("trust-key", 1)),
    "log key with a wrong id": (HEAD.replace("log.example+", "lug.example+"), ("trust-key", 1)),
    "log with a witness's key": (f"log {KEYS[0].vkey}\n", ("trust-key", 1)),
    "witness with a log's key": (f"witness a {LOG.vkey}\n", ("trust-key", 1)),
    "key with a blank of another kind": (HEAD[:-1] + "\u00a0\n", ("trust-key", 1)),
    "key of no UTF-8": (b"log \xff+00000000+AA==\n", ("trust-key", 1)),
    "address of another scheme": (f"log {LOG.vkey} ftp://a\n", ("trust-url", 1)),
    "address with a password": (f"log {LOG.vkey} https://a:b@c\n", ("trust-url", 1)),
    "witness called none": (f"witness none {KEYS[0].vkey}\n", ("trust-name", 1)),
    "group called none": (HEAD + X + "group none any x1\n", ("trust-name", 5)),
    "two witnesses of a name": (f"{X}witness x1 {KEYS[4].vkey}\n", ("trust-name-twice", 4)),
    "group of a witness's name": (X + "group x1 any x2\n", ("trust-name-twice", 4)),
    "one key under two names": (f"{X}witness z {witness(1, 'z.example').vkey}\n", ("trust-key-twice", 4)),
    "unknown member": (X + "group g any x1 x9\n", ("trust-unknown-member", 4)),
    "member of a later line": ("group g any x1\n" + X, ("trust-unknown-member", 1)),
    "member of itself": (X + "group g any x1 g\n", ("trust-unknown-member", 4)),
    "none as a member": (X + "group g any none\n", ("trust-unknown-member", 4)),
    "member twice": (X + "group g 2 x1 x1\n", ("trust-member-twice", 4)),
    "member of two groups": (X + "group g any x1\ngroup h any x1 x2\n", ("trust-member-twice", 5)),
    "unknown quorum": (HEAD + X + "quorum x4\n", ("trust-unknown-member", 5)),
    "quorum before its witness": ("quorum x1\n" + X, ("trust-unknown-member", 1)),
    **{
        f"threshold {said}": (f"{X}group g {said} x1 x2 x3\n", ("trust-threshold", 4))
        for said in ("0", "4", "-1", "+2", "02", "2.0", "most", "9" * 40, "\u0662")
    },
    **{
        f"chain {number}": (f"{HEAD}{END}{line}\n", ("trust-chain", 3))
        for number, line in enumerate(
            [
                "#chain", "#chain 1", f"#chain {ADDRESS}", f"#chain 0 {ADDRESS}", f"#chain 01 {ADDRESS}",
                f"#chain {2**63} {ADDRESS}", f"#chain -1 {ADDRESS}", f"#chain 0x1 {ADDRESS}", f"#Chain 1 {ADDRESS}",
                f"#chains 1 {ADDRESS}", f"#chain: 1 {ADDRESS}", "#chain 1 0x12", f"#chain 1 {ADDRESS[2:]}",
                f"#chain 1 {ADDRESS[:-1]}D", f"#chain 1 {ADDRESS}00", "#chain of custody", f"  #chain\u00a01 {ADDRESS}",
            ]
        )
    },
    "chain's address": (f"{HEAD}{END}#chain 1 {ADDRESS} file:///etc/passwd\n", ("trust-url", 3)),
    "chain twice": (f"{HEAD}{END}#chain 1 {ADDRESS}\n#chain 1 {ADDRESS.lower()}\n", ("trust-chain-twice", 4)),
    "chains without end": (
        HEAD + END + "".join(f"#chain {n} {ADDRESS}\n" for n in range(1, 40)),
        ("trust-too-many", 19),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_by_line_and_code(name):
    text, fault = REFUSED[name]
    assert refusal(text) == fault


def test_a_remark_that_is_no_chain_line_is_passed_over():
    assert read(f"{HEAD}{END}# chain of custody\n##chain 1\n".encode()).chains == ()


def test_what_a_file_says_commands_no_terminal():
    with pytest.raises(TrustFault) as caught:
        read("\u202egnitset 1\n".encode())
    assert "\u202e" not in str(caught.value)


def test_names_are_octets_and_no_letters():
    text = f"witness K {KEYS[0].vkey}\nwitness \u212a {KEYS[1].vkey}\n".encode() + HEAD.encode() + b"quorum K\n"
    assert read(text).policy.is_met([KEYS[0]])
    raw = b"witness \xff " + KEYS[0].vkey.encode() + b"\n" + HEAD.encode() + b"quorum \xff\n"
    assert read(raw).policy.is_met([KEYS[0]])
    assert write(read(raw)).endswith(b"quorum \xff\n")


def test_k_of_n_is_what_a_registry_says_of_its_witnesses():
    policy = k_of([key.vkey for key in KEYS[:3]], 2)
    trust = Trust(Log(LOG, "https://r.example/log"), policy, (Chain(1, ADDRESS, ("https://r.example/chain",)),))
    assert read(write(trust, ("Compare this.",))) == trust
    assert policy.is_met(KEYS[1:3])
    assert not policy.is_met(KEYS[2:4])
    assert policy.needs() == "2 of (w1.example, w2.example, w3.example)"


def test_k_of_counts_a_key_once():
    assert k_of([KEYS[0].vkey] * 2).groups[0].threshold == 1
    with pytest.raises(Malformed, match="under two names"):
        k_of([KEYS[0].vkey, witness(1, "z.example").vkey])


def test_k_of_finds_names_for_witnesses_that_are_called_like_others():
    named = [witness(1, "none"), witness(2, "witnesses"), witness(3, "a"), witness(4, "a")]
    policy = k_of([one.vkey for one in named], 3)
    assert read(write(Trust(Log(LOG), policy))).policy == policy


NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=" \t#\x7f", min_codepoint=33), min_size=1, max_size=8
).filter(lambda name: name != "none")
URLS = st.none() | st.sampled_from(["https://a.example", "http://[::1]:8545/x?y=1", "https://\u4f8b.example/\u8def"])


@st.composite
def trusts(draw):
    count = draw(st.integers(0, 6))
    names = draw(st.lists(NAMES, min_size=count + 3, max_size=count + 3, unique=True))
    witnesses = tuple(Witness(names[at], KEYS[at], draw(URLS)) for at in range(count))
    free, groups = names[:count], []
    for name in names[count:]:
        members = draw(st.lists(st.sampled_from(free), unique=True, min_size=1)) if free else []
        if members:
            groups.append(Group(name, draw(st.integers(1, len(members))), tuple(members)))
            free = [*(one for one in free if one not in members), name]
    quorum = draw(st.sampled_from(["none", *names[:count], *(group.name for group in groups)]))
    places = st.tuples(st.integers(1, 2**63 - 1), st.sampled_from([ADDRESS, "0x" + "22" * 20]))
    chains = draw(st.lists(places, max_size=4, unique=True))
    made = tuple(Chain(*place, tuple(filter(None, [draw(URLS)]))) for place in chains)
    return Trust(Log(LOG, draw(URLS)), Policy(witnesses, tuple(groups), quorum), made)


@given(trusts())
def test_what_is_written_is_read_again(trust):
    assert read(write(trust, ("a remark",))) == trust


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(data):
    try:
        trust = read(data)
    except TrustFault:
        return
    assert read(write(trust)) == trust


@given(st.integers(0, len(NESTED) - 1), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_another_file(at, byte):
    data = bytearray(NESTED.encode())
    data[at] = byte
    try:
        trust = read(bytes(data))
    except TrustFault:
        return
    assert read(write(trust)) == trust


@given(st.sets(st.integers(0, 5)))
def test_more_cosignatures_never_unmeet_a_quorum(signed):
    policy = read(NESTED.encode()).policy
    if policy.is_met([KEYS[at] for at in signed]):
        assert all(policy.is_met([KEYS[at] for at in signed | {more}]) for more in range(6))
    x, y = len(signed & {0, 1, 2}), len(signed & {3, 4, 5})
    assert policy.is_met([KEYS[at] for at in signed]) is (x >= 2 and y >= 1)
