"""Files of batches at rest: what was written is read from any byte on, and the disk has none of it."""

import os
from itertools import pairwise
from random import Random

from registry.accounts.vault import Vault
from registry.issuance.atrest import SALT_BYTES, clear, reader, write_at, writer

VAULT = Vault(bytes(32))


def test_parts_in_any_order_are_the_file_read_from_any_byte_on(tmp_path):
    random = Random(7)
    content, file = random.randbytes(700_001), tmp_path / "reported"
    cuts = [0, *sorted(random.sample(range(1, len(content)), 20)), len(content)]
    parts = [(first, content[first:end]) for first, end in pairwise(cuts)]
    random.shuffle(parts)
    descriptor = os.open(file, os.O_CREAT | os.O_RDWR, 0o600)
    for first, part in [*parts, parts[0]]:
        write_at(VAULT, descriptor, first, part)
    os.close(descriptor)
    with reader(VAULT, file) as opened:
        for at in (0, 1, 15, 16, 17, 262_143, 500_000, len(content) - 1, len(content)):
            opened.seek(at)
            assert opened.read(1_000) == content[at : at + 1_000]
    with clear(VAULT, file) as there:
        assert there.read_bytes() == content
    assert not there.exists()
    with clear(Vault(bytes(31) + b"1"), file) as other:
        assert other.read_bytes() != content


def test_what_is_written_line_by_line_is_read_so_and_two_files_of_it_are_unlike(tmp_path):
    lines = [b"%d \xe5\xbc\xa0\xe4\xb8\x89\n" % number for number in range(50_000)]
    files = [tmp_path / name for name in ("one", "other")]
    for file in files:
        with file.open("wb") as out, writer(VAULT, out) as sealed:
            sealed.writelines(lines)
        with reader(VAULT, file) as opened:
            assert opened.readlines() == lines
            opened.seek(len(lines[0]))
            assert (opened.readline(), opened.tell()) == (lines[1], len(lines[0]) + len(lines[1]))
        assert "张三".encode() not in file.read_bytes()
        assert file.stat().st_size == SALT_BYTES + sum(map(len, lines))
    one, other = (file.read_bytes()[SALT_BYTES:] for file in files)
    assert sum(a == b for a, b in zip(one, other, strict=True)) < len(one) // 100
