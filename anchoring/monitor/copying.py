"""Follows the tree of one log: every leaf is fetched, and believed once all of them make a root that the log signed."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from anchoring.conviction import Entry
from anchoring.errors import AnchoringError, Malformed, Refuted, Unreachable
from anchoring.merkle import EMPTY_ROOT
from anchoring.monitor.evidence import Prefix, prefix_of
from anchoring.monitor.memory import MAX_NOTES, Memory, Tree
from anchoring.monitor.mirror import Mirror
from anchoring.monitor.sightings import Sighting
from anchoring.tree.builder import leaves_of
from anchoring.tree.documents import records_among, served_file
from anchoring.tree.fetching import LeafFetcher
from anchoring.tree.tiles import (
    ENTRY_BYTES,
    TILE_WIDTH,
    Source,
    TileReader,
    entries_path,
    inclusion_proof,
    root_at,
    tile_width,
)
from registry.evidence.public import RULE, Faulty, read_documents

MEMORY_TILES: Final = 256


class Split(Exception):
    """The log signed a tree that does not continue ours; `prefix` is what it has in place of ours."""

    def __init__(self, prefix: Prefix) -> None:
        """Take the proof."""
        super().__init__("another history")
        self.prefix = prefix


class LogCopy:
    """The mirror of one log, and the tree in `memory` that it holds."""

    def __init__(self, folder: Path, source: Source, memory: Memory) -> None:
        """Go on from `memory`. Raises Malformed when the mirror lacks what it says."""
        self._memory, self._source = memory, source
        self.mirror = Mirror(folder)
        if not self.mirror.holds(memory.tree.size):
            self.mirror.close()
            raise Malformed(f"{folder} lacks leaves that were seen; restore it from a backup, or begin anew.")
        self._fetcher = LeafFetcher(source)
        self._reader = TileReader(self.mirror, MEMORY_TILES)

    def close(self) -> None:
        """Stop fetching and close the files."""
        self._fetcher.close()
        self.mirror.close()

    @property
    def size(self) -> int:
        """Leaves."""
        return self._memory.tree.size

    def advance(self, seen: Sighting, now_ms: int, check_time: Callable[[], None]) -> None:
        """Fetch the leaves up to a larger signed tree, and make it ours.

        Raises Split when it does not continue ours and the log's tiles prove it, Refuted when what the log serves is
        not the tree that it signed, Unreachable or Malformed when it does not give its files.
        """
        edge = self._memory.tree.edge()
        while edge.size < seen.tree.size:
            check_time()
            leaves = self._fetcher.fetch(edge.size, seen.tree.size)
            edge.extend(self.mirror.write(edge.size, leaves))
        if edge.root() != seen.tree.root:
            self._diagnose(seen)
        self._copy_documents(seen.tree.size, check_time)
        self.mirror.sync()
        self._memory.tree = Tree(
            size=edge.size,
            root=edge.root().hex(),
            peaks=[peak.hex() for peak in edge.peaks],
            note=seen.signed.decode(),
            since_ms=now_ms,
        )
        self.remember(seen)

    def _copy_documents(self, size: int, check_time: Callable[[], None]) -> None:
        """Copy the documents of the records among the new leaves, which are believed by now.

        Raises Refuted for one that its leaf does not bind, or that is missing: what is served beside the leaves proves
        nothing against the log, and may be right the next time.
        """
        for n in range(self.size // TILE_WIDTH, -(-size // TILE_WIDTH)):
            width = tile_width(0, n, size)
            bundle = self.mirror.read(entries_path(n, width), width * ENTRY_BYTES)
            records = records_among(leaves_of(bundle, width), n * TILE_WIDTH)
            if records:
                check_time()
                data = served_file(self._source, n, width, records)
                faulty = next((one for one in read_documents(data, records) if isinstance(one, Faulty)), None)
                if faulty is not None:
                    raise Refuted(f"leaf {faulty.index}: {RULE}: {faulty.sentence}")
                self.mirror.write_documents(n, data)

    def remember(self, seen: Sighting) -> None:
        """Keep a checkpoint that agreed, among the last ones."""
        notes = [kept for kept in self._memory.notes if kept[0] != seen.tree.size]
        self._memory.notes = [*notes, (seen.tree.size, seen.signed.decode())][-MAX_NOTES:]

    def root_at(self, size: int) -> bytes:
        """Give the root of our first `size` leaves."""
        return root_at(self._reader, size, within=self.size) if size else EMPTY_ROOT

    def prefix(self, size: int, seen: Sighting) -> Prefix:
        """Give the prefix of `size` leaves of the tree of a sighting that is ours."""
        return prefix_of(self._reader, size, seen.tree)

    def entry(self, index: int, size: int) -> Entry:
        """Give one of our leaves, with its proof in our first `size` leaves."""
        return Entry(self.mirror.leaf(index), index, inclusion_proof(self._reader, index, size, within=self.size))

    def _diagnose(self, seen: Sighting) -> None:
        """Say why leaves do not make the signed root: it is another history, or the files are not the tree's."""
        ours = self._memory.tree
        with suppress(AnchoringError):
            prefix = prefix_of(TileReader(self._source), ours.size, seen.tree) if ours.size else None
            if prefix is not None and prefix.root.hex() != ours.root:
                raise Split(prefix)
        raise Refuted(f"the leaves that the log serves do not make the root it signed for {seen.tree.size} leaves")


def out_of_time(seconds: int) -> Unreachable:
    """Say that a log takes too long."""
    return Unreachable(f"The log takes more than {seconds} s for its leaves; it is asked again.")
