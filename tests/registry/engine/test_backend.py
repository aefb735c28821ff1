"""What lends an engine to programs."""

import ibis

from registry.engine.backend import engine


def test_an_engine_shows_no_progress(capfd):
    slow = ibis.duckdb.connect()
    slow.raw_sql("SET progress_bar_time = 0")  # from now on DuckDB shows it, of whatever it runs
    with engine(slow) as running:
        capfd.readouterr()
        running.raw_sql("SELECT 1").fetchall()
    slow.disconnect()
    assert capfd.readouterr() == ("", "")
