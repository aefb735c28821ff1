"""Officers who decide, rightly and wrongly, in a registry and in the model of it, while the clock moves both ways."""

import re
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from anchoring.auditing.audit import audit
from anchoring.tree.sources import DirectorySource
from api.installation.officers import CENTRE
from registry.activities.activities import Activity
from registry.clock import rfc3339
from registry.decisions import motions
from registry.decisions.recording import By, prepare
from registry.errors import DecisionRefused, Forbidden, NotFound, RegistryError
from registry.issuance.issue import issue
from registry.issuance.report import Report
from registry.ledger.ledger import Amount
from registry.methodologies import deciding as methodologies
from registry.methodologies.published import enact
from registry.methodologies.shelf import find
from registry.points.points import convert
from registry.policies.policies import in_force, propose_policy, publish_proposed, withdraw_proposed
from registry.policies.versions import in_force_at
from registry.procedure.decision import Officer, Record
from registry.sources import deciding as sources
from registry.sources.approval import apply_for
from registry.sources.given import NOTHING, Given
from registry.sources.sources import NewSource, get_source
from tests.programme.model import DAY, MINUTE, OFFICERS, Motion, day_of, end_of
from tests.programme.planted import planted
from tests.programme.stage import BEHAVIOUR, RIDES, Stage, values
from tests.programme.supply import Supplying
from tests.support.backups import LOG, publisher_of
from tests.support.decided import book_of, write_book
from tests.support.hasty import MOMENTARY
from tests.support.scheme import VALID
from tests.support.synthetic_log import VKEY

_BUS = find("bus")
BUS = replace(_BUS, computation=replace(_BUS.computation, examples=_BUS.computation.examples[:1]))
"""One example, for each is run by three engines."""
HOUR = 60 * MINUTE
MOVES = (1, MINUTE, 61 * MINUTE, DAY, 4 * DAY, 9 * DAY, 366 * DAY, -MINUTE, -50 * MINUTE, -5 * HOUR, -2 * DAY)
"""What the clock moves by: a day and over, over a year, and back, by more than a log takes too."""
_UNLOGGED = """
    SELECT m.id, m.kind, m.at_ms, s.* FROM movements m LEFT JOIN set_aside s ON s.movement_id = m.id
    WHERE NOT EXISTS (SELECT FROM log_entries l WHERE l.movement_id = m.id)
"""
officers = st.sampled_from(OFFICERS)
bureau = st.sampled_from([("bureau", number) for number in (1, 2, 3)])
STEPS_OF = {
    "methodology": ("evaluate", "publish", "refuse", "revise", "withdraw"),
    "source": ("accept", "review", "open_publicity", "object", "answer", "publish", "connect", "start", "warn", "mend",
               "find", "clear", "change_devices", "verify_devices", "renew", "exclude", "end", "refuse"),
}  # fmt: skip


class Programme(Supplying, RuleBasedStateMachine):
    """One city's decisions, from a database of its own; `stage` has its template."""

    stage: Stage
    counts: ClassVar[Counter[str]]
    """What became of what was tried, in all cities: a rule, an error, or done."""

    def __init__(self) -> None:
        super().__init__()
        self.scheme, self.city, self._away = self.stage.begin()
        self.clock, self.ledger = self.scheme.clock, self.scheme.ledger
        self._open = ExitStack()
        folder = tempfile.TemporaryDirectory(prefix="gl-programme-", dir=MOMENTARY)
        self.folder = Path(self._open.enter_context(folder))
        self.publisher = publisher_of(self.scheme.database, self.folder / "log", self.clock)
        self.person, self.has_failed = self.scheme.person(), False
        self.references = iter(range(10**6))
        self.begin_supply(self.folder)

    # the clock

    @rule(by=st.sampled_from(MOVES))
    def the_clock_moves(self, by):
        self.clock.now = max(self.clock.now + by, self.stage.scheme.clock.now, self._logged() - 59 * MINUTE)

    @rule(before=st.booleans())
    def the_clock_comes_to_midnight(self, before):
        self.clock.now = end_of(day_of(self.clock.now)) - before

    def _logged(self):
        """The newest time in the log: it takes nothing that is an hour before."""
        with self.scheme.database.reading() as tx:
            newest = "SELECT coalesce(max(at_ms), 0) FROM movements JOIN log_entries ON movement_id = id"
            return tx.execute(sa.text(newest)).scalar_one()

    # policies

    @rule(data=st.data(), actor=bureau, after=st.sampled_from([-DAY, 0, MINUTE, 90 * MINUTE, 3 * DAY, 400 * DAY]))
    def a_policy_is_proposed(self, data, actor, after):
        name, value = data.draw(st.sampled_from(values()))
        at = (self.clock.now + after) // MINUTE * MINUTE
        said = self.city.propose(name, value, at, actor, self.clock.now)

        def act(tx):
            case = propose_policy(tx, self.ledger, name, value, at, By(Officer(*actor)))
            return motions.move(tx, case, "publish", Officer(*actor), self.clock())

        self._move(act, said, Motion(("policy", name), "publish", actor))

    @rule(data=st.data(), actor=officers)
    def somebody_publishes_by_themselves(self, data, actor):
        """Past the motions: the rules refuse it by themselves."""
        proposed = [name for name in self.city.versions if self.city.state(("policy", name)) == "proposed"]
        name = data.draw(st.sampled_from([*sorted(proposed), "points"]))
        state = self.city.state(("policy", name))
        said = "SECOND" if state == "proposed" and actor[0] == "bureau" else "ACTOR" if state == "proposed" else None

        def act(tx):
            case = tx.execute(sa.text("SELECT number FROM cases WHERE about = :name"), {"name": name}).scalar_one()
            publish_proposed(tx, self.ledger, case, By(Officer(*actor), Officer(*actor)))

        self._agree(act, said or "STATE_OF_CASE")

    # motions

    @precondition(lambda self: self.city.motions)
    @rule(data=st.data(), officer=officers, is_rightful=st.sampled_from([True, True, True, False]))
    def a_motion_is_approved(self, data, officer, is_rightful):
        number = data.draw(st.sampled_from(sorted(self.city.motions)))
        motion = self.city.motions[number]
        if is_rightful:
            step = self.city.step(motion.case, motion.decision, self.clock.now) or {}
            may = [one for one in OFFICERS if one[0] in step.get("second", ["bureau"]) and one != motion.mover]
            officer = data.draw(st.sampled_from(may))
        said = self.city.approve(motion, officer, self.clock.now)

        def act(tx):
            moved, choose = motions.take_up(tx, number), self._chooses(officer)
            if motion.case[0] == "policy":
                second = motions.approver(tx, choose, frozenset({"bureau"}), moved.mover)
                publish_proposed(tx, self.ledger, moved.case, moved.by(second))
            else:
                room = methodologies if motion.case[0] == "methodology" else sources
                _, second = room.approve_moved(tx, self.ledger, moved, choose)
            motions.end(tx, number, second, self.clock(), approved=True)

        if self._agree(act, said):
            del self.city.motions[number]

    @precondition(lambda self: self.city.motions)
    @rule(data=st.data())
    def a_motion_is_withdrawn(self, data):
        number = data.draw(st.sampled_from(sorted(self.city.motions)))
        motion = self.city.motions.pop(number)
        if motion.case[0] == "policy":
            self.city.withdraw(motion.case[1], motion.mover, self.clock.now)

        def act(tx):
            moved = motions.take_up(tx, number)
            if motion.case[0] == "policy":
                withdraw_proposed(tx, self.ledger, moved.case, By(moved.mover))
            motions.end(tx, number, moved.mover, self.clock(), approved=False)

        self._agree(act, "")

    # methodologies and sources

    @precondition(lambda self: len(self.city.texts) < 4)
    @rule(version=st.sampled_from([1, 1, 2]), text=st.sampled_from(["2024-03", "2024-03", "2024-04"]))
    def a_methodology_is_submitted(self, version, text):
        said = self.city.submit(BUS.key, version, text, ("centre", 1), self.clock.now)
        methodology = replace(BUS, version=version, published=text)
        self._agree(lambda tx: methodologies.submit(tx, self.ledger, methodology, By(Officer("centre", 1))), said)

    @rule(data=st.data(), officer=officers, reason=st.sampled_from([None, "doubtful"]))
    def it_is_decided(self, data, officer, reason):
        cases = sorted(case for case in self.city.cases if case[0] != "policy")
        on_their_way = [case for case in cases if self.city.state(case) not in {"live", "published"}]
        case = data.draw(st.sampled_from([*on_their_way * 3, *cases]))
        likely = [step for step in STEPS_OF[case[0]] if self.city.step(case, step, self.clock.now)]
        decision = data.draw(st.sampled_from([*likely, *likely, *STEPS_OF[case[0]]]))
        step = self.city.step(case, decision, self.clock.now)
        if step is not None and data.draw(st.integers(0, 3)):
            officer = data.draw(st.sampled_from([one for one in OFFICERS if one[0] in step["by"]]))
        said, waits = self.city.decide(case, decision, officer, reason, self.clock.now)
        room = methodologies if case[0] == "methodology" else sources

        def act(tx):
            asked = tx, self.ledger, self._number(tx, case), decision, self._chooses(officer), reason
            return room.decide_or_move(*asked, *self._given(case, decision))[1]

        if waits:
            self._move(act, said, Motion(case, decision, officer, reason))
        else:
            self._agree(act, said)

    @rule(code=st.sampled_from([RIDES, BUS.key]), version=st.sampled_from([1, 1, 2]))
    def a_source_is_applied_for(self, code, version):
        new = NewSource("scenario", "公交", "Bus", self.scheme.source.applicant_id, code, version, *VALID)

        def act(tx):
            return apply_for(tx, self.ledger, new, By(Officer("centre", 1))).id

        number = 1 + max(case[1] for case in self.city.cases if case[0] == "source")
        said = self.city.apply(number, code, version, ("centre", 1), self.clock.now)
        given = self._agree(act, said)
        if said == "" and given != number:  # a number of an application that was refused is not given again
            self.city.cases["source", given] = self.city.cases.pop(("source", number))

    @rule(code=st.sampled_from([RIDES, BEHAVIOUR]))
    def a_version_is_published_once_more(self, code):
        """Past the motions: `revise` to the version that is there, with another text."""
        case = "methodology", code
        methodology = replace(self.stage.methodologies[code], published="2026-11")

        def act(tx):
            pending = prepare(tx, self.ledger, Record.METHODOLOGY, self._number(tx, case))
            enact(tx, pending, methodology, "revise", "published", By(Officer("bureau", 1), Officer("bureau", 3)))

        self._agree(act, "PREVIOUS")

    # what rests on them

    @rule(data=st.data(), grams=st.integers(1, 1000))
    def grams_are_issued(self, data, grams):
        number = data.draw(st.sampled_from(sorted(case[1] for case in self.city.cases if case[0] == "source")))
        said = self.city.issue(number, self.clock.now)
        begins = self.stage.scheme.clock.now + 3 * HOUR * next(self.references)

        def act(tx):
            source = get_source(tx, number)
            used = in_force(tx, self.ledger, "points", self.clock())
            activity = Activity(f"act {begins}", self.person, begins, begins + HOUR, grams)
            issue(tx, self.ledger, Report(source, [activity], policies=[used]), CENTRE)

        self._agree(act, said)

    @rule()
    def grams_are_converted(self):
        if not self.scheme.holdings(self.person).get(1):
            return
        with self.scheme.database.transaction() as tx:
            (done,) = convert(tx, self.ledger, self.person, Amount(1)).movements
        self.city.converted.append(done.movement.at)
        assert done.movement.until == self.city.points_until(done.movement.at)

    @rule(data=st.data())
    def what_is_in_force_is_asked(self, data):
        name = data.draw(st.sampled_from(sorted({name for name, _ in values()})))
        times = [at + by for at, _ in self.city.versions.get(name, []) for by in (-1, 0)]
        at = data.draw(st.sampled_from([self.clock.now, *times]))
        with self.scheme.database.transaction() as tx:
            try:
                found = in_force(tx, self.ledger, name, at).value
            except NotFound:
                found = None
        assert found == self.city.in_force(name, at), (name, rfc3339(at))

    @rule()
    def the_log_is_published(self):
        self.publisher.publish()

    # how it is held

    def _given(self, case, decision):
        """What an officer gives beside the step: a renewal is for a year more."""
        if case[0] != "source":
            return ()
        return (Given(valid_until_ms=VALID[1] + 365 * DAY) if decision == "renew" else NOTHING,)

    def _chooses(self, officer):
        def choose(authorities):
            if officer[0] not in authorities:
                raise Forbidden(f"{officer} is of none of these.")
            return Officer(*officer)

        return choose

    def _number(self, tx, case):
        if case[0] == "source":
            return f"S-{case[1]}"
        about = "SELECT number FROM cases WHERE about = :about AND number ~ '^M'"
        return tx.execute(sa.text(about), {"about": case[1]}).scalar_one()

    def _move(self, act, said, motion):
        number = self._agree(act, said)
        if said == "":
            self.city.motions[number] = motion

    def _agree(self, act, said):
        """Do it; what comes of it is what the model says. Gives what the act gives, or True."""
        try:
            with self.scheme.database.transaction() as tx:
                given, outcome = act(tx), ""
        except RegistryError as error:
            rule_ = re.search(r"breaks ([A-Z_]+), that", str(error))
            given, outcome = None, rule_[1] if rule_ and isinstance(error, DecisionRefused) else error.code
        self.has_failed = self.has_failed or outcome != said
        self.counts[outcome or "done"] += 1
        assert outcome == said, (outcome, said)
        return None if said else True if given is None else given

    def teardown(self) -> None:
        try:
            if not self.has_failed:
                self.supply_holds()
                self._come_to_rest()
        finally:
            self._open.close()
            self._away()

    def _come_to_rest(self) -> None:
        """All of it is in the log; an audit finds nothing, and then each breach that is added, by leaf and rule."""
        with self.scheme.database.reading() as tx:
            newest = tx.execute(sa.text("SELECT max(at_ms) FROM movements")).scalar_one()
        self.clock.now = max(self.clock.now, newest) + MINUTE
        size = self.publisher.publish()
        self.counts["cities"] += 1
        log = DirectorySource(self.folder / "log")
        report = audit(log, LOG.verifier.vkey, None)
        assert report.holds, report.faults
        with self.scheme.database.reading() as tx:
            unlogged = tx.execute(sa.text(_UNLOGGED)).all()
            assert unlogged == [], (size, unlogged)
            for at in sorted({self.clock.now, *(at for of in self.city.versions.values() for at, _ in of)}):
                shown = {version.name: version.value for version in in_force_at(tx, at)}
                said = {name: self.city.in_force(name, at) for name in self.city.versions}
                assert shown == {name: value for name, value in said.items() if value is not None}, rfc3339(at)
        book = book_of(log, LOG.verifier.vkey)
        expected = planted(book, self.city)
        write_book(self.folder / "planted", book)
        report = audit(DirectorySource(self.folder / "planted"), VKEY, None)
        assert [(fault.leaf, fault.code) for fault in report.faults] == expected, report.faults
