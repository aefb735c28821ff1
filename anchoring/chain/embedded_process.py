"""Start the embedded chain as a process of its own, and end it.

The chain computes in Python; in its own process it takes no time from the requests of ours. It ends with us however
we end: its standard input is a pipe that we hold, and the system closes it.
"""

import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from anchoring.errors import Unreachable

_NEEDED = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "GRAMLEDGER_ENVIRONMENT"})
"""What the chain is told of our environment: no key, no password, no address of anybody's."""
START_SECONDS = 30
STOP_SECONDS = 10


class EmbeddedChainProcess:
    """A running embedded chain; a context manager that stops it.

    `rpc_url` and `chain_id` say where it is, `warning` is the sentence to show to the person who started it.
    """

    def __init__(
        self, folder: Path, *, port: int = 0, prefund: Sequence[str] = (), final_depth: int | None = None
    ) -> None:
        """Start the chain in its own `folder`; the addresses `prefund` hold ether if the chain begins now.

        Raises Unreachable with the chain's own sentence if it does not start: the folder is in use, its state is
        damaged or of another version, the port is taken, the environment is production.
        """
        self._command = [sys.executable, "-m", "anchoring.chain.embedded_server", "--owned"]
        self._command += ["--data", str(folder)]
        self._command += [word for address in prefund for word in ("--prefund", address)]
        self._command += [] if final_depth is None else ["--final-depth", str(final_depth)]
        self._launch(port)
        self.warning = self._said()

    def _launch(self, port: int) -> None:
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  # a file, because a pipe nobody reads fills up
        self._process = subprocess.Popen(
            [*self._command, "--port", str(port)],
            env={name: value for name, value in os.environ.items() if name in _NEEDED or name.startswith("PYTHON")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            start_new_session=True,  # Ctrl-C is for us; the chain ends after us, so that we can finish with it
        )
        try:
            announced = json.loads(self._first_line())
        except ValueError as error:
            last_words = self._last_words()
            self.stop()
            raise Unreachable(last_words) from error
        self.rpc_url: str = announced["rpc"]
        self.chain_id: int = announced["chain_id"]
        self.pid = self._process.pid

    def revive(self) -> None:
        """Start the chain again at its old address if it was killed; harmless while it runs. Raises Unreachable."""
        if self._process.poll() is not None:
            self.stop()
            self._launch(urlsplit(self.rpc_url).port or 0)

    def _first_line(self) -> bytes:
        out = self._process.stdout
        if out is None or not select.select([out], [], [], START_SECONDS)[0]:
            return b""
        return out.readline()

    def _said(self) -> str:
        self._stderr.seek(0)
        return self._stderr.read(65_536).decode(errors="replace").strip()

    def _last_words(self) -> str:
        lines = self._said().splitlines() or [f"it said nothing for {START_SECONDS} seconds."]
        return f"The embedded chain did not start: {lines[-1]}"

    def stop(self) -> None:
        """End the chain after the call that is under way; harmless when it has ended."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()  # loses nothing: each step is durable or absent
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._stderr.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
