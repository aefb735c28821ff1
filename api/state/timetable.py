"""When the state of all grams is recorded: once a day, and when the centre asks."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from anchoring.publishing.epochs import Epochs
from registry.clock import in_shanghai

NEVER: Final = "never"
RETRY_S: Final = 600
"""After a state that could not be recorded: publication must not wait for the same failure every second."""
_WISH: Final = "wanted"


def last_moment(state_at: str, now_ms: int) -> int:
    """Say when the clock in Shanghai last showed `state_at`, `HH:MM`, in Unix milliseconds; -1 for `never`."""
    if state_at == NEVER:
        return -1
    hour, minute = map(int, state_at.split(":"))
    now = in_shanghai(now_ms)
    today = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return int((today if today <= now else today - timedelta(days=1)).timestamp()) * 1000


def wish(folder: Path) -> None:
    """Ask whoever keeps the timetable for an epoch, soon; asked twice before it is made, it is made once."""
    folder.mkdir(exist_ok=True)
    (folder / _WISH).touch()


class Timetable:
    """Makes epochs in the supervisor, between two publications."""

    def __init__(self, epochs: Epochs, state_at: str, clock: Callable[[], int]) -> None:
        """Keep the timetable of a log; `state_at` is `HH:MM` or `never`, `clock` gives Unix milliseconds."""
        self._epochs, self._state_at, self._clock = epochs, state_at, clock
        self._wish, self._not_before = epochs.folder / _WISH, 0.0

    def keep(self) -> bool:
        """Make an epoch if the day's moment has passed since the last one, or somebody asked; say whether it was.

        A log begins its days with its first checkpoint, so that none is due at once. Raises as `Epochs.make`, and then
        does nothing for a while.
        """
        is_wished = self._wish.exists()
        if time.monotonic() < self._not_before or not (is_wished or self._is_due()):
            return False
        self._not_before = time.monotonic() + RETRY_S
        # Taken before the epoch is made: who asks while it is made asks for the next one.
        self._wish.unlink(missing_ok=True)
        try:
            made = self._epochs.make() is not None
        except BaseException:
            if is_wished:
                self._wish.touch()
            raise
        self._not_before = 0.0
        return made

    def _is_due(self) -> bool:
        last = self._epochs.last()
        before = self._epochs.begun() if last is None else last.at
        return before is not None and before < last_moment(self._state_at, self._clock())
