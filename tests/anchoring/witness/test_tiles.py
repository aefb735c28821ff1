"""What is cosigned can be proven: every new tile of hashes that the log serves is that of its leaves."""

import pytest

from anchoring.tree.tiles import new_tiles
from tests.support.dying import SMALL
from tests.support.synthetic_log import lawful_leaves
from tests.support.witnessing import Grown, witness_in

LEAVES = lawful_leaves(2000, cohort=10)
GROWTHS = [(0, 1), (0, 600), (300, 900), (511, 513), (255, 2000)]


@pytest.mark.parametrize(("old", "new"), GROWTHS)
def test_a_false_tile_of_hashes_is_refused_by_its_name(tmp_path, old, new):
    log = Grown(tmp_path / "log")
    with witness_in(tmp_path / "state", log.folder, batch=SMALL) as witness:
        if old:
            assert witness.add_checkpoint(log.request(0, log.grow(LEAVES[:old]))).status == 200
        request = log.request(old, log.grow(LEAVES[old:new]))
        tiles = list(new_tiles(old, new))
        for tile in dict.fromkeys([*tiles[:2], *tiles[-4:]]):
            file = log.folder / tile.path
            true = file.read_bytes()
            for place in (0, len(true) - 1):
                file.write_bytes(true[:place] + bytes([true[place] ^ 1]) + true[place + 1 :])
                answer = witness.add_checkpoint(request)
                assert answer.status == 422
                # Where a tile is needed before its own leaves are read, the sentence is about the proof.
                is_named = answer.body.startswith(f"{tile.path}: ".encode())
                assert is_named or (new > 256 and b"no consistency proof" in answer.body)
            file.write_bytes(true[:-1])
            assert witness.add_checkpoint(request).status == 503
            file.unlink()
            assert witness.add_checkpoint(request).status == 503
            file.write_bytes(true)
        assert witness.add_checkpoint(request).status == 200


def test_old_leaves_of_a_new_bundle_are_still_what_they_were(tmp_path):
    """The new bundle begins with other leaves than the old one: nobody could fetch those that were cosigned."""
    log = Grown(tmp_path / "log")
    with witness_in(tmp_path / "state", log.folder) as witness:
        witness.add_checkpoint(log.request(0, log.grow(LEAVES[:300])))
        request = log.request(300, log.grow(LEAVES[300:400]))
        bundle = log.folder / "tile/entries/001.p/144"
        true = bundle.read_bytes()
        bundle.write_bytes(true[:100] + bytes([true[100] ^ 1]) + true[101:])
        answer = witness.add_checkpoint(request)
        assert answer.status == 422
        assert b"tile/entries/001.p/144: its first 44 leaves are not those" in answer.body
        bundle.write_bytes(true)
        assert witness.add_checkpoint(request).status == 200
