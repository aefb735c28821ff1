"""A published log written from the definitions of tlog-tiles alone, to compare our readers and writers with."""

from hashlib import sha256
from pathlib import Path

WIDTH = 256


def leaves(count: int) -> list[bytes]:
    """Make different leaves of 114 bytes."""
    return [b"\x01" + number.to_bytes(113) for number in range(count)]


def leaf_hashes(count: int) -> list[bytes]:
    """Hash `leaves(count)`."""
    return [sha256(b"\x00" + leaf).digest() for leaf in leaves(count)]


def tree_hash(hashes: list[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, over leaf hashes."""
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256(b"").digest()
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return sha256(b"\x01" + tree_hash(hashes[:split]) + tree_hash(hashes[split:])).digest()


def number_path(number: int, width: int) -> str:
    """Write a tile's number in groups of three digits, and its width if it is partial."""
    digits = str(number).zfill(-(-len(str(number)) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return path if width == WIDTH else f"{path}.p/{width}"


def files(size: int) -> dict[str, bytes]:
    """Every tile and bundle, partial ones too, of the tree over `leaves(size)`, by path."""
    found: dict[str, bytes] = {}
    data, level, hashes = leaves(size), 0, leaf_hashes(size)
    while hashes:
        for number in range(-(-len(hashes) // WIDTH)):
            at = slice(number * WIDTH, (number + 1) * WIDTH)
            name = number_path(number, len(hashes[at]))
            found[f"tile/{level}/{name}"] = b"".join(hashes[at])
            if level == 0:
                found[f"tile/entries/{name}"] = b"".join(len(leaf).to_bytes(2) + leaf for leaf in data[at])
        full = len(hashes) // WIDTH
        hashes = [tree_hash(hashes[number * WIDTH : (number + 1) * WIDTH]) for number in range(full)]
        level += 1
    return found


def publish(folder: Path, size: int) -> None:
    """Write `files(size)` into a folder."""
    for path, data in files(size).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
