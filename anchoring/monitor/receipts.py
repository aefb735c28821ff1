"""Receipts that a monitor was given: each must stay in the log at its index, in every tree from its own on."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from anchoring.errors import AnchoringError
from anchoring.merkle import leaf_hash, verify_inclusion
from anchoring.monitor.alerts import Alert, short_line
from anchoring.monitor.copying import LogCopy
from anchoring.monitor.sightings import Sighting, read_sighting
from anchoring.receipt import MAX_RECEIPT, SUFFIX
from anchoring.tree.sources import read_file
from anchoring.verify import STOPS, Outcome, verify_receipt

MAX_RECEIPTS: Final = 10_000
MAX_TOLD: Final = 20
"""Receipts that are told by name; of the others, how many."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A receipt that holds by itself: the leaf's bytes, its index, and the size of the tree that it is in."""

    leaf: bytes
    index: int
    size: int


class Receipts:
    """The receipts in a folder, to which more may be added at any time."""

    def __init__(self, folder: Path, vkey: str) -> None:
        """Look into `folder` at each `look`; it need not exist yet."""
        self._folder, self._vkey = folder, vkey
        self._known: dict[str, tuple[tuple[int, int], _Held | str]] = {}

    @property
    def held(self) -> dict[str, _Held]:
        """Those that hold by themselves, by file."""
        return {name: held for name, (_, held) in self._known.items() if isinstance(held, _Held)}

    def look(self, alerts: list[Alert]) -> list[Sighting]:
        """Read what is new or changed, give the checkpoints in it, and put what does not hold into `alerts`."""
        found, seen = {}, []
        for name, stamp in self._files(alerts):
            before = self._known.get(name)
            if before is not None and before[0] == stamp:
                found[name] = before
                continue
            held, sighting = self._read(name)
            found[name] = (stamp, held)
            seen += [sighting] if sighting is not None else []
        self._known = found
        wrong = [(name, said) for name, (_, said) in found.items() if isinstance(said, str)]
        alerts += [Alert("receipt", name, said) for name, said in wrong[:MAX_TOLD]]
        if len(wrong) > MAX_TOLD:
            alerts.append(Alert("receipt", "others", f"{len(wrong) - MAX_TOLD} more receipts do not hold"))
        return seen

    def check(self, copy: LogCopy, size: int) -> list[str]:
        """Give the files whose leaf is not in our first `size` leaves at its index, of those it should be in."""
        if not size:
            return []
        root = copy.root_at(size)
        return [
            name for name, held in self.held.items() if held.size <= size and not self._is_in(copy, held, size, root)
        ]

    def _is_in(self, copy: LogCopy, held: _Held, size: int, root: bytes) -> bool:
        path = copy.entry(held.index, size).path
        return verify_inclusion(held.index, size, leaf_hash(held.leaf), list(path), root)

    def _files(self, alerts: list[Alert]) -> Iterator[tuple[str, tuple[int, int]]]:
        count = 0
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    if not entry.name.endswith(SUFFIX):
                        continue
                    count += 1
                    if count > MAX_RECEIPTS:
                        alerts.append(Alert("receipts", "", f"only {MAX_RECEIPTS} receipts are looked at"))
                        return
                    status = entry.stat()
                    yield entry.name, (status.st_mtime_ns, status.st_size)
        except FileNotFoundError:
            return
        except OSError as error:
            alerts.append(Alert("receipts", "", f"the folder of receipts cannot be read: {error.strerror}"))

    def _read(self, name: str) -> tuple[_Held | str, Sighting | None]:
        try:
            data = read_file(self._folder / name, MAX_RECEIPT)
        except OSError as error:
            return f"it cannot be read: {error.strerror}", None
        found = verify_receipt(data, self._vkey)
        if found.outcome is not Outcome.HOLDS or found.receipt is None or found.checkpoint is None:
            wrong = next(step for step in found.steps if step.outcome in STOPS)
            return f"step {wrong.number} does not hold: {wrong.detail}", None
        try:
            seen = read_sighting(found.receipt.checkpoint_text, self._vkey, (), f"receipt {short_line(name)}")
        except AnchoringError as error:
            return str(error), None
        return _Held(found.receipt.leaf, found.receipt.index, seen.tree.size), seen
