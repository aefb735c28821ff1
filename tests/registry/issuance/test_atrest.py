"""Files of batches at rest: what was written is read from any byte on; what was altered, moved or cut is not read."""

from itertools import pairwise
from random import Random

import pytest

from registry.accounts.vault import Vault
from registry.errors import NotFound
from registry.issuance.atrest import PIECE_BYTES, SALT_BYTES, TAG_BYTES, clear, reader, write_part, writer
from registry.issuance.listing import Abnormal, read_page, write_listing

VAULT, OTHER = Vault(bytes(32)), Vault(bytes(31) + b"1")
SEALED = PIECE_BYTES + TAG_BYTES


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "7" / "reported"
    made.mkdir(parents=True)
    return made


def test_parts_in_any_order_are_the_file_and_none_lies_there_alike_twice(folder):
    random = Random(7)
    content = random.randbytes(700_001)
    cuts = [0, *sorted(random.sample(range(1, len(content)), 20)), len(content)]
    parts = [(first, content[first:end]) for first, end in pairwise(cuts)]
    random.shuffle(parts)
    for first, part in parts:
        write_part(VAULT, folder, first, b"other bytes, before a crash")
        before = (folder / str(first)).read_bytes()
        write_part(VAULT, folder, first, part)
        assert before[:12] != (folder / str(first)).read_bytes()[:12], "a nonce of its own"
    write_part(VAULT, folder, cuts[1] + 1, b"of a part that was never noted")
    with clear(VAULT, folder, len(content)) as there:
        assert there.read_bytes() == content
    assert not there.exists()


@pytest.mark.parametrize("what", ["flipped", "cut", "emptied", "gone", "another's", "of another key"])
def test_a_part_that_is_not_as_it_was_written_is_not_read(folder, what):
    write_part(VAULT, folder, 0, b"a" * 100)
    write_part(VAULT, folder, 100, b"b" * 100)
    file, vault = folder / "100", VAULT
    sealed = file.read_bytes()
    match what:
        case "flipped":
            file.write_bytes(sealed[:50] + bytes([sealed[50] ^ 1]) + sealed[51:])
        case "cut":
            file.write_bytes(sealed[:-1])
        case "emptied":
            file.write_bytes(b"")
        case "gone":
            file.unlink()
        case "another's":
            file.write_bytes((folder / "0").read_bytes())
        case "of another key":
            vault = OTHER
    with pytest.raises(NotFound), clear(vault, folder, 200):
        raise AssertionError("it was read")


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES, 300_001])
def test_what_is_written_piece_by_piece_is_read_from_any_byte_on(folder, size):
    content, file = Random(size).randbytes(size), folder / "list"
    with file.open("wb") as out, writer(VAULT, out, file) as sealed:
        for first in range(0, size, 7_001):
            sealed.write(content[first : first + 7_001])
    with reader(VAULT, file) as opened:
        assert opened.read() == content
        for at in {0, 1, size // 2, PIECE_BYTES - 1, PIECE_BYTES, max(0, size - 1), size, size + 9}:
            opened.seek(at)
            assert opened.read(1_000) == content[at : at + 1_000]
    pieces = max(1, -(-size // PIECE_BYTES))
    assert file.stat().st_size == SALT_BYTES + size + pieces * TAG_BYTES


ALTERED = {
    "a byte of the second piece": lambda sealed: (
        sealed[: SALT_BYTES + SEALED + 9] + b"x" + sealed[SALT_BYTES + SEALED + 10 :]
    ),
    "two pieces in another order": lambda sealed: (
        sealed[:SALT_BYTES]
        + sealed[SALT_BYTES + SEALED : SALT_BYTES + 2 * SEALED]
        + sealed[SALT_BYTES : SALT_BYTES + SEALED]
        + sealed[SALT_BYTES + 2 * SEALED :]
    ),
    "cut after a piece": lambda sealed: sealed[: SALT_BYTES + 2 * SEALED],
    "cut within one": lambda sealed: sealed[:-20],
    "one more piece": lambda sealed: sealed + sealed[SALT_BYTES : SALT_BYTES + SEALED],
    "another salt": lambda sealed: bytes(SALT_BYTES) + sealed[SALT_BYTES:],
    "nothing": lambda _sealed: b"",
}  # fmt: skip


@pytest.mark.parametrize("how", ALTERED)
def test_a_list_that_was_altered_is_refused_and_not_read(folder, how):
    file = folder / "abnormal.jsonl"
    rows = [Abnormal(row, f"S-{row}", "missing", "缺少", "张三 " * 9) for row in range(3_000)]
    write_listing(VAULT, file, iter(rows))
    sealed = file.read_bytes()
    assert "张三".encode() not in sealed
    assert read_page(VAULT, file, None, 2).items == rows[:2]
    file.write_bytes(ALTERED[how](sealed))
    with pytest.raises(NotFound, match="not as this registry wrote it"), reader(VAULT, file) as opened:
        opened.read()
    file.write_bytes(sealed)
    moved = file.with_name("another")
    file.rename(moved)
    with pytest.raises(NotFound):
        read_page(VAULT, moved, None, 2)
