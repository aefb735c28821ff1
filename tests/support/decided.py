"""Logs of decisions in folders, as a publisher writes them."""

from pathlib import Path

from anchoring.tree.builder import TileBuilder
from api.bench.synthetic_log import write_log
from registry.evidence.public import line_of, text_of
from tests.support.decisions import Book
from tests.support.states import leaves_of


def leaves_in(book: Book):
    return leaves_of([entry.movement for entry in book.entries])


def lines_in(book: Book) -> dict[int, bytes]:
    """The documents that there are, index -> line."""
    return {
        entry.leaf: line_of(entry.leaf, text_of(entry.document.fields, entry.document.fields, entry.movement.kind))
        for entry in book.entries
        if entry.document is not None
    }


def write_book(folder: Path, book: Book) -> None:
    """Write a log and its checkpoint."""
    write_log(folder, leaves_in(book), documents=lines_in(book))


class GrownBook:
    """A log that grows by what a book had up to some leaf; partial tiles stay."""

    def __init__(self, folder: Path, book: Book) -> None:
        self.folder, self.book = folder, book
        self.builder = TileBuilder(0, [], b"")

    def grow(self, size: int) -> None:
        """Publish the leaves up to `size`."""
        leaves, lines = leaves_in(self.book)[self.builder.size : size], lines_in(self.book)
        for path, data in (*self.builder.extend(leaves, lines), *self.builder.partials()):
            file = self.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
