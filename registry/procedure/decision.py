"""A decision in typed values (docs/design.md, section 11)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from registry.ledger.movement import Kind
from registry.procedure.fields import Range


class Record(StrEnum):
    """Records of which the decisions of a case are made, by the name that `record` and the life cycles have."""

    POLICY = "policy"
    METHODOLOGY = "methodology"
    SOURCE = "source"
    ISSUANCE = "issuance"
    CORRECTION = "correction"
    PROVIDER = "provider"
    FINDING = "finding"


KINDS: Final[dict[int, Record]] = {
    Kind.POLICY: Record.POLICY,
    Kind.METHODOLOGY: Record.METHODOLOGY,
    Kind.SOURCE: Record.SOURCE,
    Kind.ISSUANCE: Record.ISSUANCE,
    Kind.CORRECTION: Record.CORRECTION,
    Kind.PROVIDER: Record.PROVIDER,
    Kind.FINDING: Record.FINDING,
}
"""Kind of a leaf -> what it records."""
STATEMENTS: Final = frozenset({Kind.STATE, Kind.MOVE, Kind.HOLDER})
"""Records that stand by themselves: they have a document and no case."""
PREFIXES: Final = {record: f"{record[0].upper()}-" for record in Record} | {Record.PROVIDER: "B-"}
"""What a case's number begins with: B- is of a benefit provider's."""
EFFECTIVE: Final = {
    Record.POLICY: "published",
    Record.METHODOLOGY: "published",
    Record.SOURCE: "published",
    Record.ISSUANCE: "issued",
    Record.CORRECTION: "ordered",
    Record.PROVIDER: "live",
    Record.FINDING: "in-force",
}
"""The state at which a decision takes effect. What takes effect once (a definition, a lot, its correction) is said by
the decision that leads there, and by it alone."""
LIVE: Final = "live"
"""The state of a source that issues."""
LIFTED: Final = "lifted"
"""The state of a finding that bars nobody any more, although its term is not over."""
BEHAVIOUR: Final = "behaviour"
"""The kind of a source that is recognised, and issues nothing unless a policy lets it (R52)."""
SOURCE_KINDS: Final = ("project", "scenario", BEHAVIOUR)
CLASSES: Final = ("I", "II")


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A policy: its name, its value (RFC 8785 text) and the time from which it holds (Unix milliseconds)."""

    name: str
    value: str
    in_force: int


@dataclass(frozen=True, slots=True)
class MethodologyVersion:
    """A version of a methodology; `definition` (RFC 8785 text) in the decision that publishes it, else None."""

    code: str
    version: int
    methodology_class: str
    kind: str
    definition: str | None


@dataclass(frozen=True, slots=True)
class SourceTerms:
    """What a source is approved for; None while unknown.

    `methodology` is the digest (hex) of the decision that published it, the validity half open, Unix milliseconds.
    """

    kind: str | None
    methodology: str | None
    valid_from: int | None
    valid_until: int | None


@dataclass(frozen=True, slots=True)
class Lot:
    """What an issuance issues: grams `[first_g, end_g)` in `accounts` ISSUEs, for a period (Unix milliseconds).

    `source`, `methodology` and `policies` are digests (hex) of decisions; `refused` is (reason, count).
    """

    source: str
    methodology: str
    policies: tuple[str, ...]
    first_g: int
    end_g: int
    accounts: int
    period: Range
    inputs_sha256: str
    accepted: int
    refused: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Correction:
    """What is wrong of a lot: `ranges` in original numbers, of which `voided_g` are voided and the rest is gone.

    `lot` is the digest (hex) of the decision that issued it.
    """

    lot: str
    ranges: tuple[Range, ...]
    voided_g: int
    shortfall_g: int


@dataclass(frozen=True, slots=True)
class Sanction:
    """What was found about somebody who takes part, and until when it holds (Unix milliseconds).

    `party` is `expert:3`, `service-body:2`, or a keyed digest (hex) of an account: never a name, never its number.
    """

    party: str
    finding: str
    bars: bool
    until: int


STANCES: Final = ("for", "against", "conditions")
"""What an opinion says of what it is about; on `conditions`, its text says which."""
POOL: Final = ("expert", "service-body")
"""Who gives opinions."""
MAX_OPINIONS: Final = 32
"""As many as a decision names, and a life cycle may ask for."""


@dataclass(frozen=True, slots=True)
class Mending:
    """Until when what was found of a source is to be mended (Unix milliseconds); None: it is."""

    until: int | None


Content = PolicyText | MethodologyVersion | SourceTerms | Lot | Correction | Sanction | None


@dataclass(frozen=True, slots=True)
class Officer:
    """Who acted: an authority and the number of its officer, never a name."""

    authority: str
    number: int

    def __str__(self) -> str:
        """Write it as the documents do: `centre:7`."""
        return f"{self.authority}:{self.number}"


@dataclass(frozen=True, slots=True)
class Opinion:
    """An opinion that a decision rests on: whose, its stance, a word, and the digest (hex) of its document."""

    who: Officer
    stance: str
    reason: str
    digest: str

    def __str__(self) -> str:
        """Write it as the documents do: `expert:3 for sound-baseline 0f...`."""
        return f"{self.who} {self.stance} {self.reason} {self.digest}"


@dataclass(frozen=True, slots=True)
class Decision:
    """A step of a case. `previous` and `documents` are digests in hex, times Unix milliseconds."""

    record: Record
    case: str
    decision: str
    from_state: str
    to_state: str
    previous: str | None
    at: int
    actor: Officer
    second: Officer | None
    reason: str | None
    documents: tuple[str, ...]
    publicity: Range | None
    content: Content
    opinions: tuple[Opinion, ...] = ()
    mending: Mending | None = None
    """Of a source, where a finding sets a time to mend it, or says that it is mended."""
    hashes: frozenset[str] = frozenset()
    """Names of the other fields that are disclosed and are a SHA-256 in hex."""

    @property
    def takes_effect(self) -> bool:
        """Whether it leads to the state at which its record takes effect."""
        return self.to_state == EFFECTIVE[self.record]
