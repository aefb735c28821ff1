"""What is told of the witnesses: the supervisor asks them, and writes for the HTTP workers who fails since when."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

import structlog

from anchoring.errors import Altered, AnchoringError, Behind, Malformed, Refuted, Unwitnessed
from anchoring.publishing.publisher import Publisher
from anchoring.quorum import Health
from registry.errors import RegistryError

log = structlog.get_logger()
FIRST_PAUSE_S: Final = 0.5
LAST_PAUSE_S: Final = 30.0
"""How long the log waits before it asks again, doubled each time that too few have cosigned."""
UNTOLD: Final = "The registry's own log says why."
"""Instead of a sentence that may name this machine's folders."""


@dataclass(frozen=True, slots=True)
class Told:
    """`waiting_since_ms` is since when too few cosign, `failing_since_ms` by name since when one fails.

    `stopped_since_ms` is since when the log cannot be published for another reason, `stopped` a sentence that says why.
    `ahead_since_ms` is since when our clock is ahead of the witnesses'.
    """

    waiting_since_ms: int | None = None
    failing_since_ms: Mapping[str, int] = field(default_factory=dict)
    stopped_since_ms: int | None = None
    stopped: str | None = None
    ahead_since_ms: int | None = None


class Witnessing:
    """A small file in the data folder."""

    def __init__(self, path: Path) -> None:
        """Keep it at `path`."""
        self._path = path

    def read(self) -> Told:
        """Read what was told last; nothing, when nothing was."""
        try:
            said: dict[str, Any] = json.loads(self._path.read_bytes())
            return Told(**{one.name: said[one.name] for one in fields(Told)})
        except (OSError, ValueError, KeyError, TypeError):
            return Told()

    def tell(self, told: Told) -> None:
        """Replace it: readers see the old or the new one."""
        beside = self._path.with_suffix(".tmp")
        beside.write_text(json.dumps(asdict(told)), encoding="ascii")
        beside.rename(self._path)


class Publishing:
    """Publishes turn by turn, less often while too few witnesses cosign, and says which of them fail."""

    def __init__(self, publisher: Publisher, witnessing: Witnessing, clock: Callable[[], int]) -> None:
        """Publish with `publisher`; `clock` gives Unix milliseconds."""
        self._publisher, self._witnessing, self._clock = publisher, witnessing, clock
        self._pause_s, self._due_s = 0.0, 0.0
        self._told: Told | None = None
        self._known: dict[str, Health] = {}

    def turn(self) -> bool:
        """Publish, unless it is too early to ask the witnesses again; whether all is public now.

        What fails is logged, and tried again at the next turn. Raises Behind when no turn will succeed.
        """
        if time.monotonic() < self._due_s:
            return False
        is_public = waits = False
        stopped: str | None = None
        try:
            self._publisher.publish()
            is_public = True
        except Unwitnessed as error:
            waits = True
            log.error("the log waits for witnesses", detail=str(error))  # noqa: TRY400  (the sentence says it all)
        except Behind:
            raise
        except (Refuted, Malformed) as error:
            stopped = str(error) if isinstance(error, Altered) else UNTOLD
            log.error("the log stands still", detail=str(error))  # noqa: TRY400
        except (AnchoringError, RegistryError, OSError) as error:
            log.error("will be tried again", work="publish", detail=str(error))  # noqa: TRY400
        except Exception:
            # Whatever somebody wrote into the database: readers and acts go on, and so does the next turn.
            stopped = UNTOLD
            log.exception("a defect; will be tried again", work="publish")
        self._pause_s = min(max(2 * self._pause_s, FIRST_PAUSE_S), LAST_PAUSE_S) if waits else 0.0
        self._due_s = time.monotonic() + self._pause_s
        self._tell(waits=waits, stopped=stopped)
        return is_public

    def _tell(self, *, waits: bool, stopped: str | None) -> None:
        """Log each witness that begins to fail or answers again, and write down what changed."""
        health = {one.name: one for one in self._publisher.cosigners.health}
        for name, one in health.items():
            before = self._known.get(name, Health(name)).failing_since_ms
            if one.failing_since_ms is not None and before is None:
                log.warning("a witness fails", witness=name, detail=one.reason)
            elif one.failing_since_ms is None and before is not None:
                log.info("a witness cosigns again", witness=name, failed_since_ms=before)
        self._known = health
        old = self._told or Told()
        failing = {name: one.failing_since_ms for name, one in health.items() if one.failing_since_ms is not None}
        told = Told(
            (old.waiting_since_ms or self._clock()) if waits else None,
            failing,
            (old.stopped_since_ms or self._clock()) if stopped else None,
            stopped,
            (old.ahead_since_ms or self._clock()) if self._publisher.is_ahead else None,
        )
        if told.ahead_since_ms is not None and old.ahead_since_ms is None:
            log.error("the clock of this machine is ahead of the witnesses'; what it dates later than they take waits")
        if told != self._told:
            self._witnessing.tell(told)
            self._told = told
