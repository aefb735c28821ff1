"""What a monitor tells: alerts that begin and end, each told once, and never more of them than a person can read."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from registry.printable import printable

MAX_ALERTS: Final = 100
"""For one log at one time; those that refute come first, and one more says how many there are."""
MAX_SENTENCE: Final = 400

CODES: Final = {
    "split-view": "the log signed two histories; the evidence is in the file",
    "rule": "a leaf of the log breaks a rule; the evidence is in the file",
    "replay": "a leaf of the log is not what the leaves before it make; it is in the file",
    "anchor": "the contract holds another tree than the log; the evidence is in the file",
    "figures": "frontier or ended grams on the chain are not those of the leaves",
    "contract-broken": "the contract was convicted and takes no checkpoint any more",
    "log-unreachable": "the log does not answer, or not with its files",
    "checkpoint": "what stands at the log's address is no checkpoint that its key signed",
    "files": "the log's files do not make the tree that it signed",
    "went-back": "the log shows an older checkpoint than before",
    "too-large": "the log claims more leaves than are followed",
    "checkpoint-late": "the log's checkpoint has not changed for too long",
    "anchor-late": "leaves have waited too long to be anchored",
    "ahead": "somebody has a signed checkpoint whose leaves the log does not give",
    "anchor-ahead": "the contract holds a larger tree than the log gives",
    "witness-unreachable": "a witness does not answer",
    "witness-false": "what a witness gives is nothing that it cosigned, or not what the leaves make",
    "witness-signature": "what a witness gives the contract is not its signature of what the leaves make",
    "witness-silent": "a witness has cosigned nothing new for too long",
    "chain-unreachable": "a node of the chain does not answer, or is one of another chain",
    "chain-false": "what stands at the contract's address is another contract, or a node contradicts itself",
    "chain-behind": "the chain's head is lower than it was",
    "endpoints-disagree": "two nodes of the chain do not tell the same",
    "taken-back": "a reorganisation took an anchor back",
    "verdict": "the contract's verdict is not what the two leaves prove",
    "receipt": "a receipt cannot be read, or does not hold",
    "receipt-dropped": "a leaf that the log gave a receipt for is not in its tree",
    "receipts": "there are more receipts than are looked at",
    "state": "the monitor's own folder cannot be written",
    "defect": "a defect of the monitor's own",
    "more": "there are more alerts than are told",
}
"""The stable codes of alerts."""
REFUTES: Final = frozenset({"split-view", "rule", "replay", "anchor", "figures", "contract-broken", "receipt-dropped"})
"""Those that prove that somebody who signs is false; the others say what could not be checked, or is late."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that is not as it should be; `subject` tells apart several of one code."""

    code: str
    subject: str
    sentence: str

    @property
    def is_refuted(self) -> bool:
        """Whether it is proven false."""
        return self.code in REFUTES

    def __str__(self) -> str:
        """Say code, subject and sentence in one line that can be printed."""
        return f"{self.code}{self.subject and f' ({short_line(self.subject)})'}: {short_line(self.sentence)}"


def short_line(said: str) -> str:
    """Make a line, and not a long one, of what may be a stranger's words."""
    line = printable(said)
    return line if len(line) <= MAX_SENTENCE else f"{line[: MAX_SENTENCE - 3]}..."


class AlertBook:
    """The alerts of one log that hold now."""

    def __init__(self) -> None:
        """Begin with none, so that after a restart all that hold are told again."""
        self.active: dict[tuple[str, str], Alert] = {}

    def update(self, alerts: Iterable[Alert]) -> tuple[list[Alert], list[Alert]]:
        """Take what holds now; give those that began and those that ended."""
        found = {(alert.code, alert.subject): alert for alert in alerts}
        ordered = sorted(found.values(), key=lambda alert: (not alert.is_refuted, alert.code, alert.subject))
        if len(ordered) > MAX_ALERTS:
            ordered = [*ordered[: MAX_ALERTS - 1], Alert("more", "", f"{len(ordered)} alerts hold at once")]
        now = {(alert.code, alert.subject): alert for alert in ordered}
        began = [alert for key, alert in now.items() if key not in self.active]
        ended = [alert for key, alert in self.active.items() if key not in now]
        self.active = now
        return began, ended
