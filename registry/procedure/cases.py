"""What the log decided of each case so far: memory follows the cases and what was published, not the leaves."""

from dataclasses import dataclass, replace

from registry.procedure.decision import Decision, MethodologyVersion, Officer, Record, SourceTerms
from registry.procedure.ranges import Ranges


@dataclass(slots=True, eq=False)
class Case:
    """How a case stands: by its last decision, of which `digest` is the evidence in hex and `leaf` the index."""

    record: Record
    number: str
    state: str
    leaf: int
    digest: str
    at: int
    actor: Officer
    second: Officer | None
    publicity_until: int | None
    """The end of its longest publicity, Unix milliseconds."""
    is_approved: bool
    """Of a source: whether it was published, after which its terms change by a renewal alone."""
    mend_until: int | None
    """Of a source: until when what was found is to be mended, Unix milliseconds; None where nothing is."""
    terms: SourceTerms | None
    """Of a source."""
    version: MethodologyVersion | None
    """Of a methodology, as its last decision says it, without the definition."""
    published: int
    """Of a methodology: the number of the version that was published last, 0 before the first."""
    periods: Ranges
    """Of a source: the times for which lots of a project were issued."""


@dataclass(frozen=True, slots=True)
class Published:
    """A methodology's version, and the case that it was published in."""

    case: Case
    version: MethodologyVersion


class Cases:
    """All cases, by number; sources by their last decision, methodologies by those that published them."""

    def __init__(self) -> None:
        """Begin with none."""
        self._by_number: dict[str, Case] = {}
        self._sources: dict[str, Case] = {}
        self._published: dict[str, Published] = {}
        self._by_code: dict[str, Case] = {}
        self._issuances: dict[str, Case] = {}

    def get(self, number: str) -> Case | None:
        """Find a case by its number."""
        return self._by_number.get(number)

    def source(self, digest: str) -> Case | None:
        """Find the source whose last decision this is."""
        return self._sources.get(digest)

    def published(self, digest: str) -> Published | None:
        """Find the methodology that a decision published."""
        return self._published.get(digest)

    def of_code(self, code: str) -> Case | None:
        """Find the case of a methodology's code."""
        return self._by_code.get(code)

    def issuance(self, digest: str) -> Case | None:
        """Find the issuance that a decision made."""
        return self._issuances.get(digest)

    def take(self, decision: Decision, leaf: int, digest: str) -> None:
        """Take a decision that was judged."""
        case = self._by_number.get(decision.case)
        if case is None:
            case = Case(
                decision.record, decision.case, decision.to_state, leaf, digest, decision.at, decision.actor,
                decision.second, None, False, None, None, None, 0, Ranges(),
            )  # fmt: skip
            self._by_number[decision.case] = case
        self._sources.pop(case.digest, None)
        case.state, case.leaf, case.digest = decision.to_state, leaf, digest
        case.at, case.actor, case.second = decision.at, decision.actor, decision.second
        if decision.publicity is not None:
            case.publicity_until = max(case.publicity_until or 0, decision.publicity[1])
        if decision.mending is not None:
            # While something is to be mended another finding makes it no later.
            until, open_until = decision.mending.until, case.mend_until
            case.mend_until = until if until is None or open_until is None else min(until, open_until)
        self._index(case, decision)

    def _index(self, case: Case, decision: Decision) -> None:
        match decision.content:
            case SourceTerms() as terms:
                case.terms = terms
                case.is_approved = case.is_approved or decision.takes_effect
                self._sources[case.digest] = case
            case MethodologyVersion() as version:
                # The definition may have a megabyte, and no rule reads it.
                case.version = replace(version, definition=None)
                self._by_code[version.code] = case
                if decision.takes_effect:
                    case.published = version.version
                    self._published[case.digest] = Published(case, case.version)
        if decision.record is Record.ISSUANCE and decision.takes_effect:
            self._issuances[case.digest] = case
