"""The decisions of a synthetic log: a programme before all else, and for each cohort an issuance and a correction.

Nobody decided anything. Salts follow from what is said, so that the same log is made each time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any, Final

from api.installation.officers import OFFICERS
from registry.evidence.canonical import canonical
from registry.evidence.document import SALT_BYTES, seal
from registry.evidence.public import text_of
from registry.ledger.movement import Kind
from registry.procedure.decision import (
    KINDS,
    PREFIXES,
    Content,
    Correction,
    Decision,
    Lot,
    MethodologyVersion,
    Officer,
    Opinion,
    PolicyText,
    Record,
    SourceTerms,
)
from registry.procedure.fields import NONE, Range
from registry.procedure.table import shipped_value
from registry.procedure.writing import values_of

KIND_OF: Final = {record: Kind(kind) for kind, record in KINDS.items()}
MINUTE_MS: Final = 60_000

VALIDITY_YEARS: Final = 1
POLICIES: Final[Mapping[str, Any]] = {
    "points": {"validity_years": VALIDITY_YEARS},
    "publicity": {"source": 0},
    **{
        f"procedure/{record}": shipped_value(record)
        for record in (Record.METHODOLOGY, Record.SOURCE, Record.ISSUANCE, Record.CORRECTION)
    },
}
"""Of life cycles those that its decisions are of."""
_TO_LIVE: Final = (
    ("apply", "applied", "centre", None),
    ("accept", "accepted", "centre", None),
    ("review", "reviewed", "centre", "exchange"),
    ("open_publicity", "publicity", "centre", None),
    ("publish", "published", "centre", "exchange"),
    ("connect", "connected", "exchange", None),
    ("start", "live", "centre", "exchange"),
)
"""What becomes of a scenario: a decision, where it leads, whose it is, and of whom the second who approves."""
OF_SCENARIO: Final = len(_TO_LIVE)
LENGTH: Final = 2 * len(POLICIES) + 3 + OF_SCENARIO
"""Leaves of a programme: each policy twice, a methodology's three decisions, a source's seven."""
OF_COHORT: Final = 4
"""Leaves of a cohort's decisions: an issuance and a correction, each proposed and decided."""
ALWAYS: Final[Range] = (0, 250_000_000_000_000)
_NO_SOURCE: Final = SourceTerms(None, None, None, None)


@dataclass(frozen=True, slots=True)
class Written:
    """A record: its kind, its time (Unix milliseconds), its evidence (32 bytes) and the text of its document."""

    kind: Kind
    at: int
    evidence: bytes
    text: str


OPINION: Final = Opinion(Officer("expert", 1), "for", "illustrative", "0" * 64)
"""As many as the shipped life cycle of a methodology asks for."""


_HASHES: Final = {"connect": ("contract_sha256", "devices_sha256"), "start": ("trial_sha256",)}
"""What the shipped life cycle of a source asks for."""


@dataclass(frozen=True, slots=True)
class Programme:
    """The decisions that come first, and the digests (hex) of those by which lots are issued."""

    records: tuple[Written, ...]
    source: str
    methodology: str


class _Book:
    """Decisions that are being written, each the next of its case, a minute after the one before it."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.records: list[Written] = []
        self._last: dict[str, tuple[str, str]] = {}

    def decide(
        self, case: str, decision: str, to_state: str, by: str, content: Content, second: str | None = None,
    ) -> str:  # fmt: skip
        """Write a decision; its digest in hex. Publicity opens and is over a millisecond later."""
        record = next(one for one in Record if case.startswith(PREFIXES[one]))
        previous, state = self._last.get(case, (None, NONE))
        self.at += MINUTE_MS
        said = Decision(
            record, case, decision, state, to_state, previous, self.at, OFFICERS[by].actor,
            None if second is None else OFFICERS[second].second, None, (),
            (self.at, self.at + 1) if decision == "open_publicity" else None, content,
            (OPINION,) if decision == "evaluate" else (),
        )  # fmt: skip
        written = write(said, _HASHES.get(decision, ()))
        self.records.append(written)
        self._last[case] = written.evidence.hex(), to_state
        return written.evidence.hex()

    def bring_live(self, case: str, terms: SourceTerms) -> str:
        """Write all decisions from a scenario's application to its start; the last one's digest in hex."""
        for decision, to_state, by, second in _TO_LIVE:
            digest = self.decide(case, decision, to_state, by, terms, second)
        return digest


def write(decision: Decision, hashes: Sequence[str] = ()) -> Written:
    """Write a decision's record, with the names of what else it says by a SHA-256."""
    values = values_of(decision) | dict.fromkeys(hashes, "0" * 64)
    seed = canonical(values)
    salts = b"".join(sha256(seed + bytes([place])).digest()[:SALT_BYTES] for place in range(len(values)))
    sealed = seal(values, lambda _: salts)
    kind = KIND_OF[decision.record]
    return Written(kind, decision.at, sealed.digest, text_of(sealed.fields, sealed.fields, kind))


@cache
def programme(until: int, seed: int) -> Programme:
    """Write a programme whose last decision is of this time: policies, a methodology of class I, a scenario of it.

    Another seed makes other records, from the first one on.
    """
    book = _Book(until - LENGTH * MINUTE_MS)
    for number, (name, value) in enumerate(POLICIES.items(), 1):
        remark = {"seed": seed} if name == "points" else {}
        policy = PolicyText(name, canonical({**value, **remark}).decode(), 0)
        book.decide(f"P-{number}", "propose", "proposed", "bureau", policy)
        book.decide(f"P-{number}", "publish", "published", "bureau", policy, "bureau")
    version = MethodologyVersion("SYNTHETIC", 1, "I", "scenario", None)
    for decision, to_state in (("submit", "submitted"), ("evaluate", "evaluated")):
        book.decide("M-1", decision, to_state, "centre", version)
    defined = MethodologyVersion("SYNTHETIC", 1, "I", "scenario", "{}")
    methodology = book.decide("M-1", "publish", "published", "bureau", defined, "bureau")
    terms = SourceTerms("scenario", methodology, *ALWAYS)
    source = book.bring_live("S-1", terms)
    return Programme(tuple(book.records), source, methodology)


def scenarios(of: Programme, count: int) -> list[Written]:
    """Write the decisions that bring so many more scenarios to where they issue, from number 2 on, behind a programme.

    They are `OF_SCENARIO` each, a minute apart.
    """
    book = _Book(of.records[-1].at)
    for number in range(2, 2 + count):
        book.bring_live(f"S-{number}", SourceTerms("scenario", of.methodology, *ALWAYS))
    return book.records


def of_cohort(of: Programme, number: int, at: int, grams: Range, accounts: int, voided_g: int) -> list[Written]:
    """Write the decisions on a cohort, from number 1 on: its lot, and that so many grams of it are voided."""
    book = _Book(at - OF_COHORT * MINUTE_MS)
    first, end = grams
    lot = Lot(of.source, of.methodology, (), first, end, accounts, (at, at + MINUTE_MS), bytes(32).hex(), accounts, ())
    book.decide(f"I-{number}", "propose", "proposed", "centre", None)
    digest = book.decide(f"I-{number}", "issue", "issued", "centre", lot, "centre")
    book.decide(f"C-{number}", "propose", "proposed", "centre", None)
    order = Correction(digest, (grams,), voided_g, end - first - voided_g)
    book.decide(f"C-{number}", "order", "ordered", "centre", order, "centre")
    return book.records


def application(number: int, at: int) -> Written:
    """Write an application of which nothing came, from number 2 on."""
    actor = OFFICERS["centre"].actor
    case = f"S-{number}"
    return write(
        Decision(Record.SOURCE, case, "apply", NONE, "applied", None, at, actor, None, None, (), None, _NO_SOURCE)
    )
