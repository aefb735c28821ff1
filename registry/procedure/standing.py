"""What lawful decisions made so far, and each rule about one more.

A decision is held against the one before it in its case, what it rests on, and the policies in force.
"""

from dataclasses import replace
from typing import Final

from registry.evidence.public import Document
from registry.ledger.movement import Flag, Movement
from registry.procedure import days, values
from registry.procedure import document as documents
from registry.procedure.bars import Bars
from registry.procedure.cases import Case, Cases, Published
from registry.procedure.decision import (
    BEHAVIOUR,
    KINDS,
    LIVE,
    Correction,
    Decision,
    Lot,
    MethodologyVersion,
    PolicyText,
    Record,
    Sanction,
    SourceTerms,
)
from registry.procedure.fields import NONE, Unreadable, shown
from registry.procedure.lots import Corrections, Lots, OpenLot
from registry.procedure.policies import Policies
from registry.procedure.rule import Broken, Rule
from registry.procedure.table import Step
from registry.procedure.values import Value

PUBLISHED: Final = "published"
MARKS: Final = {"project": Flag(0), "scenario": Flag.SCENARIO, "behaviour": Flag.SCENARIO}
"""Kind of a source -> the mark of what it reduces."""


class Standing:
    """Cases, policies, lots and corrections as the log made them."""

    def __init__(self) -> None:
        """Begin with nothing decided."""
        self.cases = Cases()
        self.policies = Policies()
        self.lots = Lots()
        self.corrections = Corrections()
        self.bars = Bars()

    def decide(self, leaf: int, movement: Movement, document: Document) -> None:
        """Take a decision, or leave all as it was and raise `Broken` for the first rule that it breaks."""
        decision = _read(movement, document)
        case = self.cases.get(decision.case)
        _check_previous(decision, case)
        self._check_versions(decision, case)
        step = self._step(decision, case)
        _check_officers(decision, step, case)
        self._check_wait(decision, step, case)
        self._check_needs(decision, step)
        value = self._check_policy(decision)
        match decision.content:
            case Lot() as lot:
                self._check_lot(lot)
            case Correction() as correction:
                self._check_correction(correction)
        self._take(leaf, movement.evidence.hex(), decision, value)

    def recall(self, leaf: int, digest: str, decision: Decision) -> None:
        """Take a decision that was judged before, although what it rested on has moved on, or is not known here.

        Whoever decides about one case recalls it and those that it names, each from its first decision. Raises
        `Unreadable` when the value of a policy cannot be read by this program.
        """
        match decision.content:
            case PolicyText() as policy:
                self.policies.take(decision, policy, digest, values.parse(policy.name, policy.value))
            case Lot() as lot:
                self.lots.recall(lot, digest)
        self._take_finding(decision)
        self.cases.take(decision, leaf, digest)

    def _check_versions(self, decision: Decision, case: Case | None) -> None:
        """Hold a methodology's versions to one chain: one case a code, one code a case, numbers that only grow."""
        version = decision.content
        if not isinstance(version, MethodologyVersion):
            return
        known = self.cases.of_code(version.code)
        if known is not None and known.number != decision.case:
            raise Broken(Rule.PREVIOUS, f"{version.code} is decided in case {known.number}")
        if case is None or case.version is None:
            return
        if version.code != case.version.code:
            raise Broken(Rule.PREVIOUS, f"case {case.number} is of {case.version.code}, not of {version.code}")
        if decision.takes_effect and version.version <= case.published:
            raise Broken(
                Rule.PREVIOUS,
                f"version {case.published} of {version.code} is published, and {version.version} is no later",
            )

    def _step(self, decision: Decision, case: Case | None) -> Step:
        state = NONE if case is None else case.state
        if decision.from_state != state:
            raise Broken(Rule.STATE_OF_CASE, f"case {decision.case} stands at {state}, not at {decision.from_state}")
        table = self.policies.table(decision.record, decision.at)
        if table is None:
            raise Broken(Rule.STATE_OF_CASE, f"no life cycle of a {decision.record} is in force")
        kind = getattr(decision.content, "kind", None)
        step = table.step(decision.decision, decision.from_state, decision.to_state, kind)
        if step is None:
            way = f"{decision.decision} from {decision.from_state} to {decision.to_state}"
            raise Broken(Rule.STATE_OF_CASE, f"the life cycle in force has no {way}")
        return step

    def _check_wait(self, decision: Decision, step: Step, case: Case | None) -> None:
        self._check_publicity(decision, step)
        if step.after_publicity:
            ends = None if case is None else case.publicity_until
            if ends is None or decision.at < ends:
                raise Broken(
                    Rule.WAIT, "there was no publicity" if ends is None else f"publicity lasts to {shown(ends)}"
                )
        if step.after_working_days and case is not None:
            ends = self.policies.end_of_working_days(case.at, step.after_working_days, decision.at)
            if decision.at < ends:
                raise Broken(Rule.WAIT, f"{decision.decision} waits to {shown(ends)}")
        self._check_mending(decision, step, case)
        _check_term(decision)
        if step.in_last_months:
            _check_renewal(decision, step, case)
        if case is not None and case.is_approved:
            _check_terms(decision, step, case)

    def _check_publicity(self, decision: Decision, step: Step) -> None:
        if step.opens_publicity and decision.publicity is None:
            raise Broken(Rule.WAIT, f"{decision.decision} opens publicity, and says not how long")
        if decision.publicity is not None and not step.opens_publicity:
            raise Broken(Rule.WAIT, f"{decision.decision} opens no publicity")
        if decision.publicity is not None:
            opened, until = decision.publicity
            if opened < decision.at:
                raise Broken(Rule.WAIT, "publicity begins before it was decided")
            end = self.policies.publicity_end(decision.record, opened, decision.at)
            if until < end:
                raise Broken(Rule.WAIT, f"publicity lasts to {shown(end)} at least, not to {shown(until)}")

    def _check_mending(self, decision: Decision, step: Step, case: Case | None) -> None:
        """Hold the time to mend what was found: said where it is set or met, long enough, and not over."""
        mending = decision.mending
        if (mending is not None) != (step.sets_deadline > 0 or step.meets_deadline):
            said = "says not until when to mend" if mending is None else "says until when to mend, and may not"
            raise Broken(Rule.WAIT, f"{decision.decision} {said}")
        if mending is not None and (mending.until is None) != step.meets_deadline:
            raise Broken(Rule.WAIT, f"{decision.decision} says of what was found what another decision says")
        if mending is not None and mending.until is not None:
            end = self.policies.end_of_working_days(decision.at, step.sets_deadline, decision.at)
            if mending.until < end:
                raise Broken(Rule.WAIT, f"there is time to mend to {shown(end)} at least")
        if step.in_deadline and case is not None and case.mend_until is not None and decision.at >= case.mend_until:
            raise Broken(Rule.WAIT, f"what was found was to be mended by {shown(case.mend_until)}")

    def _check_needs(self, decision: Decision, step: Step) -> None:
        others = self._named(decision)
        for record, states in step.needs.items():
            other = others.get(record)
            if other is None:
                raise Broken(Rule.NEEDS, f"{decision.decision} needs a {record}, and names none")
            if other.state not in states:
                raise Broken(
                    Rule.NEEDS, f"{other.number} stands at {other.state}, not at {' or '.join(sorted(states))}"
                )
        _check_said(decision, step)
        self._check_opinions(decision)

    def _check_opinions(self, decision: Decision) -> None:
        """Hold out the opinion of who is barred (R74)."""
        for opinion in decision.opinions:
            until = self.bars.until(str(opinion.who), decision.at)
            if until is not None:
                raise Broken(Rule.NEEDS, f"{opinion.who} is barred to {shown(until)}, and gives no opinion")

    def _named(self, decision: Decision) -> dict[Record, Case]:
        """Find the cases that a decision names, each as it must stand for any decision that names it."""
        others: dict[Record, Case] = {}
        match decision.content:
            case SourceTerms() as terms:
                if terms.methodology is not None:
                    others[Record.METHODOLOGY] = self._approved(terms).case
                if decision.to_state in {PUBLISHED, LIVE} and None in {terms.methodology, terms.kind}:
                    raise Broken(Rule.NEEDS, f"a source that is {decision.to_state} has a methodology and a kind")
            case Lot() as lot:
                source, methodology = self._issuing(lot)
                if source.mend_until is not None and decision.at >= source.mend_until:
                    found = f"what was found was to be mended by {shown(source.mend_until)}"
                    raise Broken(Rule.NEEDS, f"{source.number} is suspended: {found}")
                others |= {Record.SOURCE: source, Record.METHODOLOGY: methodology.case}
            case Correction() as correction:
                others[Record.ISSUANCE] = self._issued(correction)
        return others

    def _approved(self, terms: SourceTerms) -> Published:
        """Find the methodology that a source names."""
        published = self.cases.published(terms.methodology or NONE)
        if published is None:
            raise Broken(Rule.NEEDS, "its methodology is no decision before it that published one")
        if terms.kind is not None and terms.kind != published.version.kind:
            raise Broken(Rule.NEEDS, f"its methodology is for a {published.version.kind}, not for a {terms.kind}")
        return published

    def _issuing(self, lot: Lot) -> tuple[Case, Published]:
        """Find the live source of a lot, and its methodology."""
        source = self.cases.source(lot.source)
        if source is None or source.terms is None:
            raise Broken(Rule.NEEDS, "its source is not the last decision of one")
        if source.state != LIVE:
            raise Broken(Rule.NEEDS, f"its source {source.number} stands at {source.state}, not at {LIVE}")
        if source.terms.methodology != lot.methodology:
            raise Broken(Rule.NEEDS, f"its methodology is not the one that {source.number} names")
        methodology = self._approved(source.terms)
        if methodology.case.state != PUBLISHED:
            number, state = methodology.case.number, methodology.case.state
            raise Broken(Rule.NEEDS, f"{number} stands at {state}, not at {PUBLISHED}")
        return source, methodology

    def _issued(self, correction: Correction) -> Case:
        issuance = self.cases.issuance(correction.lot)
        if issuance is None:
            raise Broken(Rule.NEEDS, "its lot is no decision before it that issued one")
        return issuance

    def _check_policy(self, decision: Decision) -> Value:
        match decision.content:
            case PolicyText() as policy:
                return self.policies.check(decision, policy)
            case Lot() as lot:
                for digest in lot.policies:
                    used = self.policies.of(digest)
                    if used is None:
                        raise Broken(Rule.POLICY, f"{digest} published no policy")
                    if self.policies.in_force(used.name, decision.at) is not used:
                        raise Broken(Rule.POLICY, f"another version of {used.name} is in force")
                _, methodology = self._issuing(lot)
                code = methodology.version.code
                if methodology.version.kind == BEHAVIOUR and not self.policies.issues(code, decision.at):
                    raise Broken(Rule.POLICY, f"no policy in force lets the behaviour {code} issue")
        return None

    def _check_lot(self, lot: Lot) -> None:
        self.lots.check(lot)
        source, _ = self._issuing(lot)
        terms = source.terms
        if terms is None or terms.valid_from is None or terms.valid_until is None:
            raise Broken(Rule.LOT, "its source is approved for no time")
        if not terms.valid_from <= lot.period[0] < lot.period[1] <= terms.valid_until:
            approved = f"{shown(terms.valid_from)} to {shown(terms.valid_until)}"
            raise Broken(Rule.LOT, f"its period is not all in {approved}, for which {source.number} is approved")
        if terms.kind == "project" and (other := source.periods.overlapping(*lot.period)) is not None:
            raise Broken(Rule.LOT, f"{source.number} has a lot for {shown(other[0])} to {shown(other[1])}")

    def _check_correction(self, correction: Correction) -> None:
        self.corrections.check(correction, self.lots.of(correction.lot) or (0, 0))

    def _take(self, leaf: int, digest: str, decision: Decision, value: Value) -> None:
        match decision.content:
            case PolicyText() as policy:
                self.policies.take(decision, policy, digest, value)
            case Lot() as lot:
                self._take_lot(leaf, digest, decision.at, lot)
            case Correction() as correction:
                self.corrections.take(correction, leaf)
        self._take_finding(decision)
        self.cases.take(decision, leaf, digest)

    def _take_finding(self, decision: Decision) -> None:
        if decision.record is Record.FINDING:
            self.bars.take(decision)

    def _take_lot(self, leaf: int, digest: str, at: int, lot: Lot) -> None:
        source, methodology = self._issuing(lot)
        version = methodology.version
        marks = MARKS[version.kind] | (Flag.CLASS_I if version.methodology_class == "I" else Flag(0))
        if version.kind == "project":
            source.periods.add(*lot.period)
        self.lots.take(lot, digest, OpenLot(leaf, at, lot.first_g, lot.end_g, lot.accounts, int(marks)))


def _read(movement: Movement, document: Document) -> Decision:
    """Read what a document says. It is the leaf's own, so that it binds what is read."""
    try:
        decision = documents.parse(KINDS[movement.kind], document.fields)
    except Unreadable as error:
        raise Broken(Rule.DOCUMENT, str(error)) from error
    if decision.at != movement.at:
        raise Broken(Rule.DOCUMENT, f"it says {shown(decision.at)}, its leaf {shown(movement.at)}")
    return decision


def _check_previous(decision: Decision, case: Case | None) -> None:
    if case is None:
        if decision.previous is not None:
            raise Broken(Rule.PREVIOUS, f"there is no decision of case {decision.case} before it")
        return
    if decision.previous is None:
        raise Broken(Rule.PREVIOUS, f"case {decision.case} was begun at leaf {case.leaf} or before")
    if decision.previous != case.digest:
        raise Broken(Rule.PREVIOUS, f"the last decision of case {decision.case} is that of leaf {case.leaf}")
    if decision.at < case.at:
        raise Broken(Rule.PREVIOUS, f"it is earlier than leaf {case.leaf}, the decision before it")


def _check_said(decision: Decision, step: Step) -> None:
    if len(decision.opinions) < step.opinions:
        asked = f"{step.opinions} of experts or service bodies"
        raise Broken(Rule.NEEDS, f"{decision.decision} needs opinions, {asked}, and names {len(decision.opinions)}")
    if step.gives_reason and decision.reason is None:
        raise Broken(Rule.NEEDS, f"{decision.decision} gives a reason")
    for name in step.says:
        if name not in decision.hashes:
            raise Broken(Rule.NEEDS, f"{decision.decision} says {name}, a SHA-256")


def _check_term(decision: Decision) -> None:
    sanction = decision.content
    if isinstance(sanction, Sanction) and sanction.until <= decision.at:
        raise Broken(Rule.WAIT, f"it holds to {shown(sanction.until)}, which is over")


def _check_renewal(decision: Decision, step: Step, case: Case | None) -> None:
    ends = None if case is None or case.terms is None else case.terms.valid_until
    if ends is None:
        raise Broken(Rule.WAIT, "no approval has an end before which it is renewed")
    begins = days.months_before(ends, step.in_last_months)
    if not begins <= decision.at < ends:
        raise Broken(Rule.WAIT, f"an approval is renewed from {shown(begins)} to {shown(ends)}")
    renewed = decision.content.valid_until if isinstance(decision.content, SourceTerms) else None
    if renewed is None or renewed <= ends:
        raise Broken(Rule.WAIT, f"the approval would not end later than {shown(ends)}")


def _check_terms(decision: Decision, step: Step, case: Case) -> None:
    """Hold what was approved to what it was: a renewal alone changes when it ends, and under which version."""
    terms, before = decision.content, case.terms
    if isinstance(terms, SourceTerms) and isinstance(before, SourceTerms):
        if step.in_last_months:
            terms = replace(terms, valid_until=before.valid_until, methodology=before.methodology)
        if terms != before:
            raise Broken(Rule.WAIT, f"{decision.decision} changes what {case.number} is approved for")


def _check_officers(decision: Decision, step: Step, case: Case | None) -> None:
    if decision.actor.authority not in step.by:
        said = f"{decision.decision} is for {' or '.join(sorted(step.by))}"
        raise Broken(Rule.ACTOR, f"{said}, not for {decision.actor}")
    if decision.record is Record.FINDING and case is not None:
        _check_apart(decision, case)
    if decision.second is None:
        if step.second:
            raise Broken(Rule.SECOND, f"nobody approved it; {' or '.join(sorted(step.second))} must")
        return
    if step.second and decision.second.authority not in step.second:
        raise Broken(Rule.SECOND, f"{' or '.join(sorted(step.second))} must approve it, not {decision.second}")
    if decision.second == decision.actor:
        raise Broken(Rule.SECOND, f"{decision.second} approved a decision of its own")
    if case is not None and decision.second == case.actor:
        raise Broken(Rule.SECOND, f"{decision.second} approved a proposal of its own in {case.number}")


def _check_apart(decision: Decision, case: Case) -> None:
    """Hold apart who finds and who answers the appeal."""
    for officer in (decision.actor, decision.second):
        if officer is not None and officer in (case.actor, case.second):
            raise Broken(Rule.SECOND, f"{officer} had a part in the decision of {case.number} before")
