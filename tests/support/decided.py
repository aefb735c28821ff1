"""Logs of decisions in folders, as a publisher writes them."""

from pathlib import Path

from anchoring.checkpoint import open_checkpoint
from anchoring.leaf import decode
from anchoring.tree import builder
from anchoring.tree.builder import TileBuilder
from anchoring.tree.documents import records_among, served_documents
from anchoring.tree.sources import Source
from anchoring.tree.tiles import TILE_WIDTH, TileReader, tile_width
from api.bench.synthetic_log import write_log
from registry.evidence.public import line_of, text_of
from registry.procedure.replay import Entry
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


def book_of(source: Source, vkey: str) -> Book:
    """Read a published log back into a book, to go on with it: each case by its last decision, and whose it is."""
    book, size = Book(), open_checkpoint(source.read("checkpoint", 1 << 16), vkey).checkpoint.size
    reader, book.case_of = TileReader(source), {}
    for n in range(-(-size // TILE_WIDTH)):
        width = tile_width(0, n, size)
        leaves = builder.leaves_of(reader.bundle(n, width), width)
        records = records_among(leaves, n * TILE_WIDTH)
        documents = {one.leaf.index: one for one in served_documents(source, n, width, records)}
        for index, leaf in enumerate(leaves, n * TILE_WIDTH):
            book.entries.append(Entry(index, decode(leaf.tobytes()), documents.get(index)))
    for entry in book.entries:
        says = entry.document.values if entry.document else {}
        if "case" in says:
            book.last[says["case"]] = entry.movement.evidence.hex(), says["to"]
            book.case_of[says.get("name", says.get("code"))] = says["case"]
    return book


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
