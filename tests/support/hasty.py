"""A database of a moment: no test cuts the power, so none waits for the disk."""

from pathlib import Path

import psycopg

_MEMORY = Path("/dev/shm")  # noqa: S108  (files of a moment)
MOMENTARY = _MEMORY if _MEMORY.is_dir() else None
"""Where such files lie in memory, on machines that have that; None for where temporary files go."""

# Commits are still written before they are answered: tests kill servers, and what was answered stands then.
_HASTY = ("fsync = off", "full_page_writes = off", "autovacuum = off")


def hasten(admin: psycopg.Connection) -> None:
    """Let a server that the tests started promise nothing. `admin` is a superuser, in autocommit."""
    for setting in _HASTY:
        admin.execute(f"ALTER SYSTEM SET {setting}")
    admin.execute("SELECT pg_reload_conf()")
