"""The edge of a growing tree: the tiles it makes are those of the definition, from any size to any other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchoring.errors import Refuted
from anchoring.merkle import CompactRange, root
from anchoring.tree.tiles import new_tiles, tile_path
from anchoring.witness.edge import TreeEdge
from tests.support.tree import files, leaf_hashes

SIZE = 66_200
"""More than a tile of level 1 holds, so that there are three levels."""
HASHES = leaf_hashes(SIZE)
FILES = {size: files(size) for size in (600, SIZE)}


def edge_at(size: int) -> TreeEdge:
    tree = CompactRange()
    tree.extend(HASHES[:size])
    return TreeEdge(size, tree.peaks)


def grown(old: int, new: int, cut: int):
    edge = edge_at(old)
    first = old - old % 256
    assert edge.recall(HASHES[first:old])
    made = [*edge.extend(HASHES[old:cut]), *edge.extend(HASHES[cut:new])]
    return edge, [*made, *edge.partials()]


@pytest.mark.parametrize("new", FILES)
@pytest.mark.parametrize("old", [0, 1, 255, 256, 257, 300, 512, 599, 65_536, 65_537, 65_800])
def test_every_new_tile_is_made(old, new):
    if old >= new:
        old = new - 1
    edge, made = grown(old, new, (old + new) // 2)
    assert (edge.root(), edge.size) == (root(HASHES[:new]), new)
    tiles = {(tile.level, tile.n, tile.width) for tile in made}
    assert len(tiles) == len(made)
    assert {tuple(tile) for tile in new_tiles(old, new)} <= tiles <= {tuple(tile) for tile in new_tiles(0, new)}
    for tile in made:
        tile.check(FILES[new][tile_path(tile.level, tile.n, tile.width)])


@given(st.data())
def test_another_byte_anywhere_is_found(data):
    old = data.draw(st.integers(0, 599))
    _, made = grown(old, 600, old)
    tile = data.draw(st.sampled_from(made))
    path = tile_path(tile.level, tile.n, tile.width)
    false = bytearray(FILES[600][path])
    place = data.draw(st.integers(0, len(false) - 1))
    false[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Refuted) as said:
        tile.check(bytes(false))
    assert str(said.value).startswith(f"{path}: ")
    if place // 32 >= tile.old:
        assert f"its hash {place // 32} " in str(said.value)


@given(st.integers(1, 600), st.integers(0, 255), st.integers(0, 2))
def test_leaves_before_the_edge_must_be_those_of_before(size, place, change):
    edge, old = edge_at(size), HASHES[size - size % 256 : size]
    false = [list(old), old[:-1], [*old, bytes(32)]][change]
    if change == 0 and old:
        false[place % len(old)] = bytes(32)
    assert edge.recall(false) == (false == old)
