"""The trust file: what is read, what is refused with which code and line, and that writing and reading agree.

The golden files are those that the verifier in the browser reads too.
"""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring.errors import Malformed
from anchoring.trust.file import Chain, Log, Trust, TrustFault
from anchoring.trust.policy import Group, Policy, Witness, k_of
from anchoring.trust.reading import read
from anchoring.trust.writing import write
from tests.support.trust_files import ADDRESS, KEYS, LOG, NESTED, as_json, witness

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "trust.json").read_text())
REFUSED = VECTORS["refused"]


@pytest.mark.parametrize("file", VECTORS["read"], ids=lambda file: file["name"])
def test_a_golden_file_is_read(file):
    trust = read(file["text"].encode("latin-1"))
    assert as_json(trust) == file["trust"]
    for signed, met in file["signed"]:
        assert trust.policy.is_met([trust.policy.witnesses[at].verifier for at in signed]) is met
    assert read(write(trust)) == trust


@pytest.mark.parametrize("file", REFUSED, ids=lambda file: file["name"])
def test_a_golden_file_is_refused_by_line_and_code(file):
    with pytest.raises(TrustFault) as caught:
        read(file["text"].encode("latin-1") * file["times"])
    assert (caught.value.fault, caught.value.line) == (file["fault"], file["line"])
    where = "The trust file" if file["line"] is None else f"The trust file, line {file['line']}"
    assert str(caught.value).startswith(f"{where}: ")
    assert str(caught.value).endswith(f" [{file['fault']}]")


def test_every_code_of_the_design_has_a_golden_file():
    design = (Path(__file__).parents[3] / "docs" / "design.md").read_text()
    section = design.partition("\n## 10. ")[2].partition("\n## ")[0]
    assert {file["fault"] for file in REFUSED} == set(re.findall(r"`(trust-[a-z-]+)`", section))


def test_what_a_file_says_commands_no_terminal():
    with pytest.raises(TrustFault) as caught:
        read("\u202egnitset 1\n".encode())
    assert "\u202e" not in str(caught.value)


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
