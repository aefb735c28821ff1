"""What is out of the ordinary with a registry, since when: for health and every page.

The supervisor notes it in a small file of the data folder, where the HTTP workers read it, and keeps it over restarts.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from api.installation.witnesses import Witnessing
from registry.keyfile import replace_file

CONVICTED, RECOVERING, STOPPED, WAITING, CLOCK = "convicted", "recovering", "stopped", "waiting", "clock"
NAMES: Final = (CONVICTED, RECOVERING, STOPPED, WAITING, CLOCK)
"""The gravest first. What each means is in the explorer's texts, in Chinese and English."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One of NAMES, and since when it was noticed, Unix milliseconds."""

    name: str
    since_ms: int


class Conditions:
    """What holds now, in the order of NAMES."""

    def __init__(self, path: Path, witnessing: Witnessing) -> None:
        """Keep it at `path`; that the log waits or is stopped, or the clock is ahead, is told by `witnessing`."""
        self._path, self._witnessing = path, witnessing

    def read(self) -> list[Condition]:
        """Give what holds; what nobody noted does not."""
        since, told = self._noted(), self._witnessing.read()
        since |= {} if told.waiting_since_ms is None else {WAITING: told.waiting_since_ms}
        since |= {} if told.stopped_since_ms is None else {STOPPED: told.stopped_since_ms}
        since |= {} if told.ahead_since_ms is None else {CLOCK: told.ahead_since_ms}
        return [Condition(name, since[name]) for name in NAMES if name in since]

    def note(self, name: str, clock: Callable[[], int], *, holds: bool) -> None:
        """Note that it begins to hold, or ended. Raises OSError when the disk fails."""
        since = self._noted()
        if holds == (name in since):
            return
        since = since | {name: clock()} if holds else {other: at for other, at in since.items() if other != name}
        replace_file(self._path, json.dumps(since).encode())

    def _noted(self) -> dict[str, int]:
        try:
            said = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        known = said.items() if isinstance(said, dict) else ()
        return {name: at for name, at in known if name in NAMES and type(at) is int}
