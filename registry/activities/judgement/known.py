"""What the registry knows, as far as it can meet a file: whose names are whose, what was issued, what was under way."""

# mypy: disable-error-code="import-untyped"
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import ibis
import pyarrow as pa
from ibis import Table

FOREVER_MS: Final = 1 << 52


class Link(NamedTuple):
    """Whose account a platform's user, a card, a plate or a meter was, `[from_ms, until_ms)`."""

    name: str
    account_id: int
    from_ms: int = -FOREVER_MS
    until_ms: int = FOREVER_MS


class Met(NamedTuple):
    """Whom and what a file is about, from its first activity's start to its last one's end (Unix milliseconds).

    `things` gives the names that the file has by their place among the profile's things; `accounts` are of persons who
    are there themselves.
    """

    accounts: Collection[int]
    things: Sequence[Collection[str]]
    from_ms: int
    until_ms: int


class Busy(NamedTuple):
    """When persons (by account) and things (by place among the profile's, and name) were at what was issued (R19)."""

    persons: Collection[tuple[int, int, int]] = ()
    things: Collection[tuple[int, str, int, int]] = ()


def _no_links(_names: Sequence[str]) -> Iterable[Link]:
    return ()


def _nothing_reported(_references: Sequence[str]) -> Collection[str]:
    return ()


def _nobody_busy(_met: Met) -> Busy:
    return Busy()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known: each function is asked once, for what the file has.

    `attributes` is what is known of subjects by date, as a methodology asks for it (`docs/methodologies.md`).
    """

    find_links: Callable[[Sequence[str]], Iterable[Link]] = _no_links
    find_reported: Callable[[Sequence[str]], Collection[str]] = _nothing_reported
    find_busy: Callable[[Met], Busy] = _nobody_busy
    attributes: Mapping[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    find_caught: Callable[[Sequence[str]], Collection[str]] = _nothing_reported
    """Of references, those that a rule against abuse caught before (R50)."""


def table_of(**columns: tuple[Iterable[object], pa.DataType]) -> Table:
    """Make a table from values."""
    return ibis.memtable(pa.table({name: pa.array(list(values), kind) for name, (values, kind) in columns.items()}))


def links_table(links: Sequence[Link]) -> Table:
    """Make a table of links."""
    names, accounts, since, until = zip(*links, strict=True) if links else ((), (), (), ())
    return table_of(
        name=(names, pa.string()),
        account_id=(accounts, pa.int64()),
        from_ms=(since, pa.int64()),
        until_ms=(until, pa.int64()),
    )


def spans_table(key: pa.DataType, spans: Iterable[tuple[object, int, int]]) -> Table:
    """Make a table of spans: `whose`, `starts_ms`, `ends_ms`."""
    found = list(spans)
    whose, starts, ends = zip(*found, strict=True) if found else ((), (), ())
    return table_of(whose=(whose, key), starts_ms=(starts, pa.int64()), ends_ms=(ends, pa.int64()))


def meets(rows: Table, spans: Table, key: str) -> Table:
    """Give the `row`s of which an issued span of the same was under way.

    A window instead of a join by inequality: the work stays n log n however many activities one person or thing has.
    """
    no_number = ibis.null("int64")
    ends = rows.filter(rows[key].notnull() & rows.ends_ms.notnull()).select(
        row="row", whose=key, at="ends_ms", begins_ms="begins_ms", is_span=ibis.literal(False), until_ms=no_number
    )
    begins = spans.select(
        row=no_number,
        whose="whose",
        at="starts_ms",
        begins_ms=no_number,
        is_span=ibis.literal(True),
        until_ms="ends_ms",
    )
    events = ends.union(begins)
    # At one moment an activity's end comes before a span's begin: half open, they only touch.
    so_far = ibis.cumulative_window(group_by="whose", order_by=["at", "is_span"])
    events = events.mutate(known_until_ms=events.until_ms.max().over(so_far))
    met = ~events.is_span & (events.known_until_ms > events.begins_ms).fill_null(False)
    return events.filter(met).select("row")
