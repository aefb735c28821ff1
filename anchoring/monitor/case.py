"""What is known of one log in the course of a round, for the steps of it to share."""

from dataclasses import dataclass, field

from anchoring.monitor.alerts import Alert
from anchoring.monitor.config import LogConfig
from anchoring.monitor.copying import LogCopy
from anchoring.monitor.judging import Judging
from anchoring.monitor.keeping import Keeping
from anchoring.monitor.memory import Memory
from anchoring.monitor.sightings import Sighting, read_sighting


@dataclass(slots=True)
class Case:
    """One log: what was given, what is remembered, what was copied and judged, and the alerts of this round."""

    config: LogConfig
    memory: Memory
    copy: LogCopy
    judging: Judging
    keeping: Keeping
    alerts: list[Alert] = field(default_factory=list)

    def alert(self, code: str, subject: str, said: object) -> None:
        """Put an alert into this round's."""
        self.alerts.append(Alert(code, subject, str(said)))

    @property
    def own_note(self) -> bytes:
        """Our last tree, as the log signed it."""
        return (self.memory.tree.note or "").encode()

    def read(self, signed: bytes, where: str = "the log") -> Sighting:
        """Read a checkpoint that was kept."""
        return read_sighting(signed, self.config.vkey, [one.vkey for one in self.config.witnesses], where)
