"""Tiles: their paths, what a tree has of them, and proofs from them against proofs over the whole list."""

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring import merkle
from anchoring.errors import Malformed, Unreachable
from anchoring.tree import tiles
from anchoring.tree.tiles import DirectorySource, TileReader
from tests.support import tree

SIZE = 66_000
"""Three levels: 257 full tiles at level 0, one full at level 1, a partial one at each level."""


@functools.cache
def hashes():
    return tree.leaf_hashes(SIZE)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    for size in (1, 255, 256, 700, SIZE):
        tree.publish(folder, size)
    return folder


@pytest.fixture(scope="module")
def reader(log):
    return TileReader(DirectorySource(log))


@pytest.mark.parametrize(
    ("n", "width", "path"),
    [
        (0, None, "000"),
        (0, 256, "000"),
        (0, 0, "000"),
        (999, 1, "999.p/1"),
        (1000, 255, "x001/000.p/255"),
        (1234067, None, "x001/x234/067"),
        (2**64, 7, "x018/x446/x744/x073/x709/x551/616.p/7"),
    ],
)
def test_paths_are_those_of_the_text(n, width, path):
    assert tiles.tile_path(5, n, width) == f"tile/5/{path}"
    assert tiles.entries_path(n, width) == f"tile/entries/{path}"


@pytest.mark.parametrize(
    ("level", "n", "width"), [(-1, 0, None), (64, 0, None), (0, -1, None), (0, 0, 257), (0, 0, -1)]
)
def test_no_path_for_what_is_no_tile(level, n, width):
    with pytest.raises(ValueError, match="no tile has"):
        tiles.tile_path(level, n, width)


def test_the_example_of_seventy_thousand_leaves():
    found = list(tiles.new_tiles(0, 70_000))
    full = [(tile.level, tile.n) for tile in found if tile.width == 256]
    assert full == [*((0, n) for n in range(273)), (1, 0)]
    assert [tile for tile in found if tile.width < 256] == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert [tile.path for tile in tiles.new_tiles(0, 256)] == ["tile/0/000", "tile/1/000.p/1"]


@given(st.integers(0, 1500), st.integers(0, 1500))
def test_what_is_new_and_what_was_there_make_all_there_is(size, more):
    before, after = ({tile.path for tile in tiles.new_tiles(0, it)} for it in (size, size + more))
    assert {tile.path for tile in tiles.new_tiles(size, size + more)} == after - before


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 66_000])
def test_a_trees_files_are_those_of_the_definition(size):
    found = list(tiles.new_tiles(0, size))
    bundles = {tile.entries_path for tile in found if tile.level == 0}
    assert {tile.path for tile in found} | bundles == tree.files(size).keys()


@pytest.mark.parametrize("size", [1, 255, 256, 700, SIZE])
def test_the_root_of_every_published_size(reader, size):
    assert tiles.root_at(reader, size) == merkle.root(hashes()[:size])


@given(size=st.integers(0, SIZE))
def test_the_root_of_any_size_from_the_tiles_of_a_larger_one(reader, size):
    assert tiles.root_at(reader, size, within=SIZE) == merkle.root(hashes()[:size])


@given(index=st.integers(0, SIZE - 1) | st.sampled_from([0, 255, 256, 65_535, 65_536, 65_791, 65_792, SIZE - 1]))
def test_an_inclusion_proof_from_tiles_verifies(reader, index):
    proof = tiles.inclusion_proof(reader, index, SIZE)
    assert merkle.verify_inclusion(index, SIZE, hashes()[index], proof, tiles.root_at(reader, SIZE))


@given(index=st.integers(0, 699))
def test_an_inclusion_proof_from_tiles_is_the_one_over_the_list(reader, index):
    assert tiles.inclusion_proof(reader, index, 700) == merkle.inclusion_proof(index, hashes()[:700])


@given(data=st.data(), size=st.integers(1, 700))
def test_an_inclusion_proof_in_any_size_from_the_tiles_of_a_larger_one(reader, data, size):
    index = data.draw(st.integers(0, size - 1))
    assert tiles.inclusion_proof(reader, index, size, within=SIZE) == merkle.inclusion_proof(index, hashes()[:size])


@given(size1=st.integers(0, SIZE) | st.sampled_from([1, 255, 256, 65_536, 65_792, SIZE]))
def test_a_consistency_proof_from_tiles_verifies(reader, size1):
    proof = tiles.consistency_proof(reader, size1, SIZE)
    root1, root2 = (tiles.root_at(reader, size, within=SIZE) for size in (size1, SIZE))
    assert merkle.verify_consistency(size1, SIZE, root1, root2, proof)


@given(size1=st.integers(0, 700))
def test_a_consistency_proof_from_tiles_is_the_one_over_the_list(reader, size1):
    assert tiles.consistency_proof(reader, size1, 700) == merkle.consistency_proof(size1, hashes()[:700])


def test_a_partial_tile_that_is_gone_is_read_from_the_full_one(tmp_path):
    tree.publish(tmp_path, 256)
    reader = TileReader(DirectorySource(tmp_path))
    assert tiles.root_at(reader, 200) == merkle.root(hashes()[:200])
    assert reader.leaf(199, 200) == tree.leaves(200)[199]
    assert len(reader.bundle(0, 200)) == 200 * 116


def test_a_leaf_is_read_from_its_bundle(reader):
    for index in (0, 255, 256, 65_999):
        assert reader.leaf(index, SIZE) == tree.leaves(index + 1)[index]
    with pytest.raises(ValueError, match="no leaf"):
        reader.leaf(SIZE, SIZE)


def test_a_missing_or_cut_tile_is_told_by_its_name_and_not_remembered(tmp_path):
    tree.publish(tmp_path, 300)
    reader = TileReader(DirectorySource(tmp_path))
    tile = tmp_path / "tile/0/000"
    data = tile.read_bytes()
    tile.write_bytes(data[:-1])
    with pytest.raises(Malformed, match="tile/0/000 has 8191 bytes"):
        tiles.inclusion_proof(reader, 7, 300)
    tile.write_bytes(data + b"x")
    with pytest.raises(Malformed, match="longer than 8192"):
        tiles.inclusion_proof(reader, 7, 300)
    tile.unlink()
    with pytest.raises(Unreachable, match="tile/0/000 cannot be read"):
        tiles.inclusion_proof(reader, 7, 300)
    tile.write_bytes(data)
    assert tiles.inclusion_proof(reader, 7, 300) == merkle.inclusion_proof(7, hashes()[:300])


def test_proofs_of_what_is_not_there_are_refused(reader):
    for index, size in [(-1, 5), (5, 5), (0, 0), (0, 2**64)]:
        with pytest.raises(ValueError, match="no leaf"):
            tiles.inclusion_proof(reader, index, size)
    with pytest.raises(ValueError, match="no leaf"):
        tiles.inclusion_proof(reader, 0, 300, within=299)
    for size1, size2 in [(-1, 5), (6, 5), (0, 2**64)]:
        with pytest.raises(ValueError, match="no prefix"):
            tiles.consistency_proof(reader, size1, size2)
        with pytest.raises(ValueError, match="does not contain"):
            tiles.root_at(reader, size1, size2)
        with pytest.raises(ValueError, match="no tree grows"):
            next(tiles.new_tiles(size1, size2))


@given(st.integers(0, 256))
def test_a_bundle_comes_back(count):
    assert tiles.decode_bundle(tiles.encode_bundle(tree.leaves(count)), count) == tree.leaves(count)


@given(st.integers(1, 5), st.binary(max_size=600))
def test_any_bytes_are_a_bundle_or_malformed(count, data):
    try:
        assert tiles.encode_bundle(tiles.decode_bundle(data, count)) == data
    except Malformed:
        assert len(data) != count * 116 or data[:2] != b"\x00\x72" or count > 1


def test_a_bundle_with_an_entry_of_another_length_is_malformed():
    data = tiles.encode_bundle(tree.leaves(2))
    for spoiled in (data[:116] + b"\x00\x71" + data[118:], data[:-1], data + b"\x00", b""):
        with pytest.raises(Malformed):
            tiles.decode_bundle(spoiled, 2)
    with pytest.raises(ValueError, match="at most 256"):
        tiles.encode_bundle(tree.leaves(257))
    with pytest.raises(ValueError, match="114 bytes"):
        tiles.encode_bundle([bytes(113)])
