"""The bicycle's methodology as data against the same formula written by hand in DuckDB's SQL, in turns."""

# mypy: disable-error-code="import-untyped"
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import ibis

from api.bench.figures import Figure
from api.bench.processes import own_peak_bytes
from registry.engine.backend import engine
from registry.engine.compiling import compute
from registry.methodologies.record import program
from registry.methodologies.shelf import find

SHARE: Final = 0.7
"""Of the speed of SQL that is written by hand, at least."""
MOST_BYTES: Final = 4_000_000_000
_ROUNDS: Final = 5
_METHODOLOGY: Final = "SHCER02020032024II"

_MADE: Final = """
    CREATE TABLE rides AS SELECT i AS row,
        CAST(120790000 + hash(i) % 1410000 AS BIGINT) AS m_start_x,
        CAST(30600000 + hash(i + 1) % 1300000 AS BIGINT) AS m_start_y,
        CAST(120800000 + hash(i + 2) % 1400000 AS BIGINT) AS m_end_x,
        CAST(30600000 + hash(i + 3) % 1300000 AS BIGINT) AS m_end_y
    FROM range({activities}) t(i)
"""
_BY_HAND: Final = """
    SELECT row,
        CASE WHEN inside THEN metres * 97 // 1000 ELSE 0 END AS grams,
        CASE WHEN NOT inside THEN 'in_area' WHEN metres * 97 // 1000 <= 0 THEN 'no-reduction' END AS reason
    FROM (
        SELECT row, inside, CAST(floor(sqrt((east * east + north * north) // 100000000)) AS BIGINT) AS metres
        FROM (
            SELECT row,
                greatest(abs(m_start_x - m_end_x) - 1002, 0) * 942 AS east,
                greatest(abs(m_start_y - m_end_y) - 1002, 0) * 1105 AS north,
                m_start_x BETWEEN 120800000 AND 122200000 AND m_end_x BETWEEN 120800000 AND 122200000
                    AND m_start_y BETWEEN 30600000 AND 31900000 AND m_end_y BETWEEN 30600000 AND 31900000 AS inside
            FROM rides
        )
    )
"""
"""Whole numbers too, as somebody would write it who knows that floats are not exact; they would be slower as well."""
_DIFFER: Final = """
    SELECT count(*) FROM data JOIN hand USING (row)
    WHERE (data.grams, data.reason) IS DISTINCT FROM (hand.grams, hand.reason)
"""


def measure(folder: Path, activities: int) -> list[Figure]:
    """Compute so many rides both ways, in turns; the best of each counts, whatever else slows the machine."""
    with engine(ibis.duckdb.connect(folder / "rides.duckdb", memory_limit="3GB")) as running:
        _run(running, _MADE.format(activities=activities))
        computed = compute(program(find(_METHODOLOGY)), running.table("rides"), "duckdb", date(2026, 11, 1))
        as_data = computed.table.select("row", "grams", "reason")
        ways = {"data": str(ibis.to_sql(as_data, dialect="duckdb")), "hand": _BY_HAND}
        best = dict.fromkeys(ways, float("inf"))
        for _ in range(_ROUNDS):
            for name, query in ways.items():
                begun = perf_counter()
                _run(running, f"CREATE OR REPLACE TABLE {name} AS {query}")
                best[name] = min(best[name], perf_counter() - begun)
        differing = _run(running, _DIFFER)[0][0]
        running.disconnect()
    speed = {name: activities / seconds for name, seconds in best.items()}
    by_hand = "the same formula written by hand in DuckDB's SQL"
    return [
        Figure(
            f"{activities:,} activities by the methodology as data",
            speed["data"] / 1e6,
            "M/s",
            SHARE * speed["hand"] / 1e6,
            yardstick=by_hand,
            yardstick_value=speed["hand"] / 1e6,
        ),
        Figure("activities whose grams differ", differing, "", 0, at_most=True),
        Figure("peak memory", own_peak_bytes() / 1e6, "MB", MOST_BYTES / 1e6, at_most=True),
    ]


def _run(running: Any, query: str) -> list[Any]:
    rows: list[Any] = running.raw_sql(query).fetchall()
    return rows
