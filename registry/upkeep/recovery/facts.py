"""What the public documents of decisions give back to a database that was set back.

The cases themselves with all that was decided of them; policies, methodologies and sources; of a lot its number, source
and methodology, and the days that it is about. What is withheld comes back with the whole document
(`registry.upkeep.recovery.evidence`).
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from registry.decisions.recalled import case_deciding
from registry.decisions.recording import return_decision
from registry.errors import Invalid
from registry.evidence.document import Fields
from registry.methodologies.published import return_methodology, version_published
from registry.policies.policies import return_policy
from registry.procedure import document as documents
from registry.procedure.decision import KINDS, Decision, Lot, MethodologyVersion, PolicyText, SourceTerms
from registry.procedure.fields import Unreadable
from registry.sources.returned import return_public_source


@dataclass(frozen=True, slots=True)
class LotFacts:
    """What the log says of the lot of grams `[first_g, end_g)`; the period is in whole days, Unix milliseconds."""

    first_g: int
    end_g: int
    issued_ms: int
    lot: int
    source: int
    methodology: str
    methodology_version: int
    period_from_ms: int
    period_until_ms: int


def read_decision(kind: int, fields: Fields) -> Decision | None:
    """Read the decision that a record is; None for a statement, and for what this program cannot read."""
    try:
        return documents.parse(KINDS[kind], fields) if kind in KINDS else None
    except Unreadable:
        return None


class Decided:
    """The decisions that a recovery takes, in the order of the log; those of its batch are not in the database yet."""

    def __init__(self) -> None:
        """Begin with none."""
        self._cases: dict[str, str] = {}
        self._versions: dict[str, tuple[str, int]] = {}

    def take(self, tx: sa.Connection, decision: Decision, evidence: bytes, number: int, fields: Fields) -> None:
        """Have again what a decision made, the movement `number`; nothing where something that it needs is lacking.

        What is there already stays as it is.
        """
        self.know(decision, evidence)
        return_decision(tx, decision, number)
        match decision.content:
            case PolicyText() as policy if decision.takes_effect:
                return_policy(tx, policy, evidence)
            case MethodologyVersion() as version if decision.takes_effect:
                try:
                    return_methodology(tx, version, evidence)
                except Invalid:
                    return  # of a record that only a later program can read; `gram recover` counts it as lost
            case SourceTerms():
                if facts := self.source_facts(tx, decision, fields):
                    return_public_source(tx, facts)

    def know(self, decision: Decision, evidence: bytes) -> None:
        """Know which decision this is when others name it by its digest."""
        self._cases[evidence.hex()] = decision.case
        if isinstance(decision.content, MethodologyVersion):
            self._versions[evidence.hex()] = decision.content.code, decision.content.version

    def source_facts(self, tx: sa.Connection, decision: Decision, fields: Fields) -> dict[str, Any] | None:
        """Say what a decision on a source tells of it; None when it does not tell all."""
        terms = decision.content
        names = [fields.get(name) for name in ("name_zh", "name_en")]
        if not isinstance(terms, SourceTerms) or terms.methodology is None or not all(map(_is_text, names)):
            return None
        version = self._version(tx, terms.methodology)
        if version is None or None in {terms.kind, terms.valid_from, terms.valid_until}:
            return None
        return {
            "source": _number(decision.case),
            "kind": terms.kind,
            "name_zh": fields["name_zh"][1],
            "name_en": fields["name_en"][1],
            "methodology_code": version[0],
            "methodology_version": version[1],
            "valid_from_ms": terms.valid_from,
            "valid_until_ms": terms.valid_until,
        }

    def lot_facts(self, tx: sa.Connection, decision: Decision) -> LotFacts | None:
        """Say what the decision that issued a lot tells of it; None for any other."""
        lot = decision.content
        if not isinstance(lot, Lot):
            return None
        source = self._cases.get(lot.source) or case_deciding(tx, bytes.fromhex(lot.source))
        version = self._version(tx, lot.methodology)
        if source is None or version is None:
            return None
        of = _number(decision.case), _number(source)
        return LotFacts(lot.first_g, lot.end_g, decision.at, *of, *version, *lot.period)

    def _version(self, tx: sa.Connection, digest: str) -> tuple[str, int] | None:
        return self._versions.get(digest) or version_published(tx, bytes.fromhex(digest))


def _number(case: str) -> int:
    return int(case.partition("-")[2])


def _is_text(shown: object) -> bool:
    return isinstance(shown, list) and isinstance(shown[1], str)
