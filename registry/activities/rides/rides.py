"""Rides to grams: read a platform's file, judge every ride, and hand back what stands and what was refused.

Nothing here touches the database, but for what is asked through `Issued.find_orders`; `issue.py` takes over with the
batch. The same file, records and knowledge give the same batch, on every machine and engine.
"""

# mypy: disable-error-code="import-untyped"
import csv
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from ibis.backends import BaseBackend

from registry.activities.rides.judgement import Ledger, Terms, bounds, judge
from registry.activities.rides.overlap import Span, resolve
from registry.activities.rides.reasons import Reason, sentence
from registry.activities.rides.ridefile import read_ride_file
from registry.engine.backend import engine
from registry.errors import Invalid
from registry.methodologies.record import Methodology, Window, program
from registry.policies.rides import RidePolicy


class Ride(NamedTuple):
    """A ride that stands. `row` is its line in the file, the header being line 1; times are Unix milliseconds."""

    row: int
    order_id: str
    bike_id: str
    user_id: str
    account_id: int
    starts_at_ms: int
    ends_at_ms: int
    distance_m: int
    quantity_g: int


class Reject(NamedTuple):
    """A row that was refused, with its stable reason and a sentence; `order_id` as far as it could be read."""

    row: int
    order_id: str | None
    reason: Reason
    sentence: str


class Met(NamedTuple):
    """Whom and what a file is about: accounts and bicycles, from its first ride's start to its last one's end."""

    accounts: Collection[int]
    bicycles: Collection[str]
    from_ms: int
    until_ms: int


class Spans(NamedTuple):
    """When riders (by account) and bicycles were at what was issued, of whatever scenario (R19)."""

    riders: Collection[tuple[int, int, int]] = ()
    bicycles: Collection[tuple[str, int, int]] = ()


class Issued(NamedTuple):
    """What was issued before, as far as it can meet the file: each picks it out by what the file has."""

    find_orders: Callable[[Sequence[str]], Collection[str]] = lambda _orders: ()
    find_spans: Callable[[Met], Spans] = lambda _met: Spans()


@dataclass(frozen=True, slots=True)
class Batch:
    """A file of rides, judged. Rides and rejects are in the order of the file; `input_sha256`, 32 bytes, is of it."""

    accepted: Sequence[Ride]
    rejects: Sequence[Reject]
    input_sha256: bytes

    @property
    def rows(self) -> int:
        """How many rides were in the file."""
        return len(self.accepted) + len(self.rejects)

    @property
    def quantity_g(self) -> int:
        """Grams of all rides that stand."""
        return sum(ride.quantity_g for ride in self.accepted)

    def rejected_by_reason(self) -> dict[Reason, int]:
        """Count the rejects, most frequent first."""
        return dict(Counter(reject.reason for reject in self.rejects).most_common())


def read_rides(
    path: Path,
    methodology: Methodology,
    scenario: Window,
    policy: RidePolicy,
    *,
    consented: Mapping[str, int],
    issued: date,
    known: Issued = Issued(),  # noqa: B008 - an immutable value
    backend: BaseBackend | None = None,
) -> Batch:
    """Read and judge the CSV file at `path`.

    `consented` maps a platform's user to the account, for those who consented and only those (R4). `scenario` is the
    window in which the source is approved; the methodology's own validity holds beside it; `issued` is the day of
    issuance. Raises `Invalid` for a file that is unreadable as a whole, and for a methodology that is not computed
    from rides. `backend` is a DuckDB; in one that was given stays a view `rides_...` of a file that is gone; lend one
    that is closed afterwards.
    """
    windows = (scenario, methodology.validity)
    terms = Terms(program(methodology), windows, policy, issued)
    with tempfile.TemporaryDirectory(prefix="rides-") as folder, engine(backend) as running:
        source = read_ride_file(path, Path(folder) / "rows.parquet", policy)
        rows = running.read_parquet(source.path, table_name=f"rides_{uuid4().hex}")
        orders = known.find_orders(_values(source.path, "order_id"))
        spans = known.find_spans(_met(source.path, consented, running.to_pyarrow(bounds(rows, policy))))
        ledger = Ledger.of(consented, list(orders), list(spans.riders), list(spans.bicycles))
        judged = running.to_pyarrow(judge(rows, terms, ledger).order_by("row"))
    return _batch(judged, policy, source.sha256)


def _met(rows: Path, consented: Mapping[str, int], bounds: pa.Table) -> Met:
    accounts = {consented[user] for user in _values(rows, "user_id") if user in consented}
    times = bounds.to_pylist()[0]
    return Met(accounts, _values(rows, "bike_id"), times["from_ms"] or 0, times["until_ms"] or 0)


def _values(rows: Path, column: str) -> list[str]:
    values: list[str] = pq.read_table(rows, columns=[column])[column].unique().drop_null().to_pylist()
    return values


def write_rejects(batch: Batch, path: Path) -> None:
    """Write the rejects as CSV (`row, orderid, reason, sentence`), every value quoted. Raises `Invalid`."""
    try:
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerow(("row", "orderid", "reason", "sentence"))
            for reject in batch.rejects:
                writer.writerow((reject.row, _inert(reject.order_id or ""), reject.reason, reject.sentence))
    except OSError as error:
        raise Invalid(f"The rejects cannot be written to {path.name}: {error.strerror or error}.") from error


def _inert(value: str) -> str:
    """Keep a spreadsheet from running a value that a hostile file brought (`=cmd|...`)."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@")) else value


def _batch(judged: pa.Table, policy: RidePolicy, input_sha256: bytes) -> Batch:
    contended = judged.filter(judged["contended"])
    spans: Iterable[Span] = _tuples(contended.select(["starts_at_ms", "row", "ends_at_ms", "account_id", "bike_id"]))
    yields = resolve(spans)
    stands = pc.and_(
        pc.is_null(judged["reason"]),
        pc.invert(pc.is_in(judged["row"], value_set=pa.array(yields, pa.int64()))),
    )
    accepted = tuple(map(Ride._make, _tuples(judged.filter(stands).select(list(Ride._fields)))))
    refused = judged.filter(pc.invert(stands)).select(["row", "order_id", "reason", "detail"])
    rejects = tuple(_reject(row, yields, policy) for row in _tuples(refused))
    return Batch(accepted, rejects, input_sha256)


def _reject(refused: tuple[Any, ...], yields: Mapping[int, int], policy: RidePolicy) -> Reject:
    row, order_id, code, detail = refused
    reason = Reason(code or Reason.OVERLAPPING)
    return Reject(row, order_id, reason, sentence(reason, detail or str(yields.get(row)), policy))


def _tuples(table: pa.Table) -> "zip[tuple[Any, ...]]":
    return zip(*(column.to_pylist() for column in table.columns), strict=True)
