"""What `anchor` and `convict` cost, whole transactions, at sizes that no test can grow a log to.

The proofs are synthetic: any nodes make a valid proof between the two roots that follow from them. Gas is no timing; it
is the same on every machine. Figures: pytest -s tests/contracts/test_gas.py
"""

from dataclasses import replace
from hashlib import sha256

import pytest

from anchoring.leaf import encode
from anchoring.merkle import leaf_hash
from registry.ledger.movement import NO_TAG, Kind, Movement, Target
from registry.ledger.rules import Rule

LIMIT = 120_000
CONVICT_LIMIT = 165_000
FULL = 0xF1F2F3F4F5F6F7F8  # call data costs least where it is zero, so numbers without a zero byte
MOST = 0x71F2F3F4F5F6F7F8  # below 2^63, as grams are


def word(number):
    """A node without a zero byte, another for each number."""
    return bytes(byte or 1 for byte in sha256(number.to_bytes(8)).digest())


def node(left, right):
    return sha256(b"\x01" + left + right).digest()


def synthetic(size1, size2):
    """Two roots and the consistency proof between them, bottom up, in the form of RFC 9162, 2.1.4.2."""
    old = new = word(0)
    path = [] if size1 & (size1 - 1) == 0 else [old]
    first, last = size1 - 1, size2 - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    while last:
        if first & 1:
            path.append(word(len(path) + 1))
            old, new = node(path[-1], old), node(path[-1], new)
        elif first != last:
            path.append(word(len(path) + 1))
            new = node(new, path[-1])
        first, last = first >> 1, last >> 1
    return old, new, path


def cost(anchoring, size1, size2):
    old, new, path = synthetic(size1, size2)
    anchoring.anchor({"size": size1, "root": old, "frontier": FULL, "ended": FULL - 2**40}, [])
    return len(path), anchoring.anchor({"size": size2, "root": new, "frontier": FULL + 1, "ended": FULL}, path)


@pytest.mark.parametrize("bits", [10, 20, 24, 32, 40, 44])
def test_anchor_stays_under_the_limit(anchoring, bits):
    words, gas = cost(anchoring, 2**bits - 1, 2**bits)  # the worst growth, see test_worstGrowth in Merkle.t.sol
    print(f"size 2^{bits}: {words} proof nodes, {gas:,} gas")  # noqa: T201
    assert gas <= LIMIT


def test_largest_size_is_the_last_measured(anchoring):
    assert anchoring.contract.functions.MAX_SIZE().call() == 2**44


def test_first_anchor(anchoring):
    gas = anchoring.anchor({"size": 2**44, "root": word(1), "frontier": FULL, "ended": FULL}, [])
    print(f"first checkpoint: {gas:,} gas")  # noqa: T201
    assert gas <= LIMIT


def halves(bits, left, right, *, are_neighbours=False):
    """A root over 2^bits leaves, and the proofs of the last leaf of each half: each ends in the other half.

    Of neighbours the second is the first leaf of its half.
    """
    paths = [[word(number) for number in range(start, start + bits - 1)] for start in (1, 1001)]
    tops = [leaf_hash(left), leaf_hash(right)]
    for side, path in enumerate(paths):
        for sibling in path:
            tops[side] = node(tops[side], sibling) if side and are_neighbours else node(sibling, tops[side])
    paths[0].append(tops[1])
    paths[1].append(tops[0])
    return node(*tops), paths


def accused_of(rule, parent_index):
    """A leaf that breaks the rule against the one at `parent_index`, and that one, with as few zero bytes as can be."""
    tags = {"from_tag": word(1)[:20], "to_tag": word(2)[:20], "evidence": word(3)}
    spent = {"first": MOST, "last": MOST + 1000, "until": 2**47 - 1}
    one = Movement(kind=Kind.REDEEM, form=2, flags=6, purpose=0, parent=parent_index, at=2**46 - 1, **spent, **tags)
    if rule is Rule.OVERLAP:
        return replace(one, parent=parent_index - 1), replace(one, parent=parent_index - 1, first=MOST + 1)
    if rule in (Rule.GATHERED, Rule.ISSUE_OVERLAP):
        bundle = replace(one, kind=Kind.BUNDLE, form=1, parent=None, until=0, from_tag=NO_TAG)
        if rule is Rule.ISSUE_OVERLAP:
            return bundle, replace(bundle, first=MOST + 1)
        target = Target(MOST, MOST + 1001).tag
        return bundle, replace(one, kind=Kind.GATHER, form=0, parent=parent_index - 1, until=0, to_tag=target)
    if rule is Rule.EXPIRY:
        parent = replace(one, kind=Kind.CONVERT, flags=14, until=2**46 - 2, to_tag=tags["from_tag"])
        return replace(one, until=parent.until), parent
    parent = replace(one, form=1, kind=Kind.TRANSFER, purpose=3, until=0, to_tag=tags["from_tag"])
    return replace(one, kind=Kind.CANCEL, form=0, purpose=20, until=0, to_tag=NO_TAG), parent


@pytest.mark.parametrize("rule", [Rule.OVERLAP, Rule.EXPIRY, Rule.CLASS_I, Rule.GATHERED, Rule.ISSUE_OVERLAP])
@pytest.mark.parametrize("bits", [10, 20, 24, 32, 40, 44])
def test_convict_stays_under_its_limit(anchoring, bits, rule):
    are_neighbours = rule is Rule.GATHERED
    size, other = 2**bits, 2 ** (bits - 1) - 1
    accused = other + 1 if are_neighbours else size - 1
    child, beside = map(encode, accused_of(rule, other))
    root, (path, accused_path) = halves(bits, beside, child, are_neighbours=are_neighbours)
    anchoring.anchor({"size": size, "root": root, "frontier": FULL + 1, "ended": FULL}, [])
    entries = (child, accused, accused_path), (beside, other, path)
    sent = anchoring.contract.functions.convict(size, *entries).transact({"from": anchoring.web3.eth.accounts[0]})
    gas = anchoring.web3.eth.wait_for_transaction_receipt(sent)["gasUsed"]
    print(f"convict, size 2^{bits}, {rule.name}: {gas:,} gas")  # noqa: T201
    assert anchoring.contract.functions.verdict().call() == [size, accused, other, rule]
    assert gas <= CONVICT_LIMIT
