"""Roots, proofs and their verification against the RFC's own recursive definitions and hostile input."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring import merkle

KNOWN_LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
KNOWN_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(2**70), max_value=2**70),
    st.floats(),
    st.text(max_size=3),
    st.binary(min_size=31, max_size=33),
    st.lists(st.one_of(st.none(), st.integers(), st.binary(min_size=31, max_size=33)), max_size=4),
)


def leaves(count):
    return [merkle.leaf_hash(number.to_bytes(2)) for number in range(count)]


def naive_root(hashes):
    """MTH as RFC 9162, 2.1.1 writes it."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return sha256(b"\x01" + naive_root(hashes[:split]) + naive_root(hashes[split:])).digest()


@pytest.mark.parametrize("size", range(9))
def test_roots_of_the_known_leaves(size):
    hashes = [merkle.leaf_hash(bytes.fromhex(leaf)) for leaf in KNOWN_LEAVES[:size]]
    assert merkle.root(hashes).hex() == KNOWN_ROOTS[size]


@pytest.mark.parametrize("size", range(1, 34))
def test_every_proof_verifies_and_the_root_is_the_rfcs(size):
    hashes = leaves(size)
    root = merkle.root(hashes)
    assert root == naive_root(hashes)
    for index, leaf in enumerate(hashes):
        proof = merkle.inclusion_proof(index, hashes)
        assert merkle.verify_inclusion(index, size, leaf, proof, root)
    for size1 in range(size + 1):
        proof = merkle.consistency_proof(size1, hashes)
        assert merkle.verify_consistency(size1, size, naive_root(hashes[:size1]), root, proof)


@given(st.integers(1, 300), st.data())
def test_an_inclusion_proof_proves_nothing_else(size, data):
    hashes = leaves(size)
    index, other = (data.draw(st.integers(0, size - 1)) for _ in range(2))
    root, proof = merkle.root(hashes), merkle.inclusion_proof(index, hashes)
    assert merkle.verify_inclusion(index, size, hashes[other], proof, root) is (index == other)
    assert merkle.verify_inclusion(other, size, hashes[index], proof, root) is (index == other)
    assert not merkle.verify_inclusion(index, size, hashes[index], [*proof, root], root)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        flipped = bytes([proof[at][0] ^ 1]) + proof[at][1:]
        changed = [*proof[:at], flipped, *proof[at + 1 :]]
        assert not merkle.verify_inclusion(index, size, hashes[index], changed, root)
        assert not merkle.verify_inclusion(index, size, hashes[index], proof[:at] + proof[at + 1 :], root)


@given(st.integers(2, 300), st.data())
def test_a_consistency_proof_proves_nothing_else(size2, data):
    hashes = leaves(size2)
    size1 = data.draw(st.integers(1, size2 - 1))
    root1, root2 = merkle.root(hashes[:size1]), merkle.root(hashes)
    proof = merkle.consistency_proof(size1, hashes)
    assert merkle.verify_consistency(size1, size2, root1, root2, proof)
    rewritten = merkle.root([merkle.leaf_hash(b"rewritten"), *hashes[1:size1]])
    assert not merkle.verify_consistency(size1, size2, rewritten, root2, proof)
    assert not merkle.verify_consistency(size1, size2, root1, rewritten, proof)
    assert not merkle.verify_consistency(size1, size2, root1, root2, [*proof, root1])
    at = data.draw(st.integers(0, len(proof) - 1))
    assert not merkle.verify_consistency(size1, size2, root1, root2, proof[:at] + proof[at + 1 :])


def test_the_empty_tree_is_a_prefix_of_every_tree_with_nothing_to_prove():
    root = merkle.root(leaves(3))
    assert merkle.verify_consistency(0, 3, merkle.EMPTY_ROOT, root, [])
    assert merkle.verify_consistency(0, 0, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, ())
    assert not merkle.verify_consistency(0, 0, root, root, [])
    assert not merkle.verify_consistency(0, 3, root, root, [])
    assert not merkle.verify_consistency(0, 3, merkle.EMPTY_ROOT, root, [root])


@given(ANYTHING, ANYTHING, ANYTHING, ANYTHING, ANYTHING)
def test_anything_at_all_has_an_answer_and_types_out_of_place_are_false(one, two, three, four, five):
    assert type(merkle.verify_inclusion(one, two, three, four, five)) is bool
    assert type(merkle.verify_consistency(one, two, three, four, five)) is bool
    for wrong in (None, "1", 1.0, True, b"\x00" * 32):
        assert merkle.verify_inclusion(wrong, two, three, four, five) is False
        assert merkle.verify_consistency(one, wrong, three, four, five) is False
    for wrong in (None, "00" * 32, 7, bytes(31), bytes(33)):
        assert merkle.verify_inclusion(one, two, wrong, four, five) is False
        assert merkle.verify_consistency(one, two, three, wrong, five) is False
        assert merkle.verify_inclusion(one, two, three, [wrong], five) is False


@pytest.mark.parametrize(("index", "size"), [(-1, 1), (2, 1), (0, 0), (2**64 - 1, 2**64), (0, 2**70), (True, 2)])
def test_numbers_outside_the_tree_are_false(index, size):
    (leaf,) = leaves(1)
    assert not merkle.verify_inclusion(index, size, leaf, [], leaf)
    assert not merkle.verify_consistency(index, size, leaf, leaf, [])


def test_the_largest_tree_is_verified_and_a_longer_proof_is_not_read():
    (leaf,) = leaves(1)
    index, size = 2**64 - 2, 2**64 - 1
    root, proof = leaf, []
    for _ in range(63):
        proof.append(leaf)
        root = merkle.node_hash(leaf, root)
    assert merkle.verify_inclusion(index, size, leaf, proof, root)
    assert not merkle.verify_inclusion(index, size, leaf, [leaf] * 66, root)
    assert not merkle.verify_inclusion(index, size, leaf, iter(proof), root)


@given(st.lists(st.integers(0, 40), max_size=6))
def test_a_compact_range_grows_to_the_same_root_however_it_is_fed(batches):
    hashes = leaves(sum(batches))
    edge, start = merkle.CompactRange(), 0
    for batch in batches:
        edge.extend(hashes[start : start + batch])
        start += batch
        resumed = merkle.CompactRange(edge.size, edge.peaks)
        assert resumed.root() == edge.root() == naive_root(hashes[:start])
        assert len(edge.peaks) == edge.size.bit_count()
    copied = edge.copy()
    copied.append(merkle.EMPTY_ROOT)
    assert edge.root() == naive_root(hashes)
    assert copied.root() == naive_root([*hashes, merkle.EMPTY_ROOT])


def test_a_compact_range_refuses_peaks_of_another_size_and_one_leaf_too_many():
    with pytest.raises(ValueError, match="other peaks"):
        merkle.CompactRange(3, leaves(1))
    full = merkle.CompactRange(2**64 - 1, leaves(64))
    with pytest.raises(ValueError, match="at most"):
        full.append(merkle.EMPTY_ROOT)
    assert full.size == 2**64 - 1


@pytest.mark.parametrize("index", [-1, 3])
def test_no_proof_of_what_is_not_there(index):
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion_proof(index, leaves(3))
    with pytest.raises(ValueError, match="no prefix"):
        merkle.consistency_proof(index + (index > 0), leaves(3))
