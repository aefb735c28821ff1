"""What is brought from outside runs nothing while it is installed, and works together."""

import sys
from pathlib import Path

import ibis
from eth_keys.backends import get_backend

ROOT = Path(__file__).parents[1]


def test_packages_of_npm_run_nothing_while_they_are_installed():
    folders = {path.parent for part in ("contracts", "tests") for path in (ROOT / part).glob("**/package.json")}
    ours = {folder for folder in folders if "node_modules" not in folder.parts}
    assert ours
    for folder in ours:
        assert "ignore-scripts=true" in (folder / ".npmrc").read_text().splitlines(), folder
    installs = [line for line in (ROOT / "scripts" / "test").read_text().splitlines() if "npm ci" in line]
    assert installs
    assert all("npm ci --ignore-scripts " in line for line in installs)


def test_what_is_dropped_by_ibis_is_dropped_by_its_name():
    """Ibis 12.0 beside sqlglot 30.18 or newer sends `DROP VIEW` and no name."""
    backend = ibis.duckdb.connect()
    backend.raw_sql("CREATE TABLE kept (a INTEGER)")
    backend.raw_sql("CREATE VIEW seen AS SELECT a FROM kept")
    backend.drop_view("seen")
    backend.drop_table("kept")
    assert backend.con.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)


def test_the_chains_signatures_are_made_by_a_library_of_constant_time():
    """libsecp256k1, but for Pythons that it is not built for: there Python computes them, a hundred times as slowly."""
    built = sys.version_info < (3, 14)
    assert type(get_backend()).__name__ == ("CoinCurveECCBackend" if built else "NativeECCBackend")
