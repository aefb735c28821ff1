"""What `anchor` costs, whole transactions with two of three signatures, at sizes that no test can grow a log to.

The proofs are synthetic: any nodes make a valid proof between the two roots that follow from them. Gas is no timing; it
is the same on every machine. Figures: pytest -s tests/contracts/test_gas.py
"""

from hashlib import sha256

import pytest

LIMIT = 120_000
FULL = 0xF1F2F3F4F5F6F7F8  # call data costs least where it is zero, so numbers without a zero byte


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
