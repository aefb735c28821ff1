"""What is caught, appealed for, released, refused, lapses, is issued and corrected, while consent comes and goes.

The model beside it is plain dictionaries. Nothing is judged from a file here: that is tested beside this, and takes a
second each time; all that follows is the registry's own.
"""

from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from registry.decisions import motions
from registry.issuance import batch as batches
from registry.issuance import correction, deciding, quarantine
from registry.issuance.correction import Told, Wrong, propose_correction
from registry.issuance.parts import Place
from registry.issuance.release import begin_release
from registry.issuance.work import Bench, do_next
from registry.policies.activities import Risk
from registry.procedure.decision import Officer
from registry.sources.sources import get_source, give_consent, revoke_consent
from registry.upkeep.consistency import check_tables
from tests.programme.model import CONFLICT, DAY

HOUR = 3_600_000
GRAMS = 100
RISK = Risk(longest_s=3600, clock_resolution_s=0, appeal_days=2, lapse_days=5)
centre = st.sampled_from([("centre", number) for number in (1, 2, 3)])


@dataclass
class Held:
    """Something in quarantine; `hour` is when it was, and an hour and a half long."""

    person: int
    hour: int
    caught: int
    state: str = "waiting"
    appealed: bool = False
    refused_by: tuple | None = None
    appeal_until: int = 0
    outcome: str | None = None


@dataclass
class Supply:
    """Quarantine by number, releases by batch, lots with how many grams of them were issued to whom."""

    held: dict[int, Held] = field(default_factory=dict)
    references: set = field(default_factory=set)
    releases: dict = field(default_factory=dict)
    """Batch -> [numbers, who moved it]; those whose approval is asked for."""
    issued: list = field(default_factory=list)
    """(person, hour) of what was issued."""
    grams: dict = field(default_factory=dict)
    lots: dict = field(default_factory=dict)
    """Lot -> {person: grams} of what was not corrected."""
    corrections: dict = field(default_factory=dict)
    """Case -> (lot, who moved it, motion)."""
    consenting: set = field(default_factory=set)

    def dropped(self, numbers):
        """Number -> why of a release that is judged: no consent, met by what was issued, met by another of it."""
        why, stands = {}, []
        for number in sorted(numbers, key=lambda one: (self.held[one].hour, one)):
            one = self.held[number]
            if one.person not in self.consenting:
                why[number] = "not-consented"
            elif any(one.person == person and abs(one.hour - hour) < 2 for person, hour in self.issued):
                why[number] = "already-issued"
            elif any(one.person == other.person and one.hour - other.hour < 2 for other in stands):
                why[number] = "overlapping"
            else:
                stands.append(one)
        return why


class Supplying:
    """Rules for a city's machine, which gives `scheme`, `ledger`, `city`, `clock`, `counts`, `_agree`, `_chooses`."""

    def begin_supply(self, folder: Path):
        self.supply, self.place = Supply(), Place(folder / "batches")
        self.people = [self.scheme.person(f"Rider {n}") for n in range(2)]
        for person in self.people:
            self._consent(person)
        self.supply.grams = dict.fromkeys(self.people, 0)

    def _consent(self, person):
        with self.scheme.database.transaction() as tx:
            give_consent(tx, self.scheme.ledger.vault, self.scheme.source.id, {f"rider-{person}": person}, self.clock())
        self.supply.consenting.add(person)

    @rule(who=st.integers(0, 1), hour=st.integers(0, 6), again=st.booleans())
    def it_is_caught(self, who, hour, again):
        person, number = self.people[who], next(self.references)
        reference = f"ref-{hour}-{person}" if again else f"ref-{number}"
        begins = self.stage.scheme.clock.now - 400 * DAY + hour * HOUR

        def act(tx):
            source = get_source(tx, self.scheme.source.id)
            new = batches.NewBatch("shanghai-rides", 1, sha256(str(number).encode()).digest(), (begins, begins + HOUR))
            batch = batches.begin_batch(tx, self.ledger, source, new)
            batches.withdraw(tx, batch, self.clock())
            row = {"row": 2, "reference": reference, "account_id": person, "begins_ms": begins, "grams": GRAMS,
                   "ends_ms": begins + 3 * HOUR // 2, "thing_0": f"bike {number}", "why": "too-fast", "zh": "快",
                   "en": "fast"}  # fmt: skip
            quarantine.catch(tx, self.ledger, batch.id, source, [row], RISK)
            found = "SELECT id FROM quarantine WHERE batch_id = :batch"
            return tx.execute(sa.text(found), {"batch": batch.id}).scalar_one_or_none() or -1

        given = self._agree(act, "")
        assert (given == -1) == (reference in self.supply.references), "what was caught is caught for good"
        if given != -1:
            now = self.clock.now
            self.supply.held[given] = Held(person, hour, now, appeal_until=now + 2 * DAY)
            self.supply.references.add(reference)

    @precondition(lambda self: self.supply.held)
    @rule(data=st.data(), who=st.integers(0, 1))
    def it_is_appealed_for(self, data, who):
        number = data.draw(st.sampled_from(sorted(self.supply.held)))
        held, person = self.supply.held[number], self.people[who]
        is_late = self.clock.now > held.appeal_until
        closed = held.state not in {"waiting", "refused"} or held.appealed or is_late
        said = "not-found" if held.person != person else CONFLICT if closed else ""
        self._agree(lambda tx: quarantine.appeal(tx, self.ledger, number, person, "I did.").id, said)
        if not said:
            held.state, held.appealed = "waiting", True

    def _some(self, data):
        waiting = [number for number, one in self.supply.held.items() if one.state == "waiting"]
        likely = sorted(waiting) * 4 or sorted(self.supply.held)
        return data.draw(st.lists(st.sampled_from([*likely, *sorted(self.supply.held)]), min_size=1, max_size=3))

    def _barred(self, numbers, officer):
        some = [self.supply.held[number] for number in numbers]
        return any(one.state != "waiting" or one.refused_by == officer for one in some)

    @precondition(lambda self: self.supply.held)
    @rule(data=st.data(), officer=centre)
    def it_is_refused(self, data, officer):
        numbers = self._some(data)
        said = CONFLICT if self._barred(numbers, officer) else ""
        self._agree(lambda tx: quarantine.refuse(tx, self.ledger, numbers, "No.", Officer(*officer)), said)
        for number in set(numbers) if not said else ():
            one = self.supply.held[number]
            until = one.appeal_until if one.appealed else self.clock.now + one.appeal_until - one.caught
            changed = {"state": "refused", "outcome": "refused", "appeal_until": until, "refused_by": officer}
            self.supply.held[number] = replace(one, **changed)

    @precondition(lambda self: self.supply.held)
    @rule(data=st.data(), officer=centre)
    def it_is_released(self, data, officer):
        numbers = self._some(data)
        said = CONFLICT if self._barred(numbers, officer) else ""
        batch = self._agree(lambda tx: begin_release(tx, self.ledger, numbers, Officer(*officer)).id, said)
        if said:
            return
        self._work()
        for number, why in (dropped := self.supply.dropped(set(numbers))).items():
            self.supply.held[number].state, self.supply.held[number].outcome = "refused", why
            self.supply.held[number].refused_by = self.supply.held[number].refused_by or ("batch", batch)
        left = set(numbers) - set(dropped)
        for number in left:
            self.supply.held[number].state = "releasing"
        if left:
            self.supply.releases[batch] = [left, officer]
        assert self._batch(batch).state == ("proposed" if left else "refused"), self._batch(batch).problem

    @precondition(lambda self: self.supply.releases)
    @rule(data=st.data(), officer=centre, approves=st.sampled_from([True, True, True, False]))
    def a_release_is_decided(self, data, officer, approves):
        batch = data.draw(st.sampled_from(sorted(self.supply.releases)))
        numbers, mover = self.supply.releases[batch]
        case = self._batch(batch).case
        if not approves:
            asked = self.ledger, case, "refuse", self._chooses(officer), "doubtful"
            self._agree(lambda tx: deciding.decide_or_move(tx, *asked)[0], "")
            self._return(batch)
            return

        def act(tx):
            motion = next(one for one in motions.list_open(tx) if one.case == case)
            moved = motions.take_up(tx, motion.id)
            _, second = deciding.approve_moved(tx, self.ledger, moved, self._chooses(officer))
            motions.end(tx, motion.id, second, self.clock(), approved=True)

        said = CONFLICT if officer == mover else ""
        self._agree(act, said)
        if said:
            return
        self._work()
        found = self._batch(batch)
        why = self.supply.dropped(numbers)
        stands, needs = sorted(set(numbers) - set(why)), self.city.needs(self.scheme.source.id, self.clock.now)
        if not stands or needs:
            # Nothing is issued; the officers refuse the case, and all of it waits as before.
            assert (found.state, found.problem["type"]) == (
                "proposed",
                "outdated" if not stands else "decision-refused",
            )
            self.counts["NEEDS" if stands else "outdated"] += 1
            asked = self.ledger, case, "refuse", self._chooses(officer), "doubtful"
            self._agree(lambda tx: deciding.decide_or_move(tx, *asked)[0], "")
            self._return(batch)
            return
        assert found.state == "issued", found.problem
        self.counts["released"] += 1
        del self.supply.releases[batch]
        for number in numbers:
            one = self.supply.held[number]
            one.state, one.outcome = ("refused", why[number]) if number in why else ("released", None)
            one.refused_by = one.refused_by or ("batch", batch)
        lot = self.supply.lots.setdefault(found.lot_id, {})
        for one in (self.supply.held[number] for number in stands):
            self.supply.issued.append((one.person, one.hour))
            self.supply.grams[one.person] += GRAMS
            lot[one.person] = lot.get(one.person, 0) + GRAMS

    def _return(self, batch):
        numbers, _ = self.supply.releases.pop(batch)
        for number in numbers:
            self.supply.held[number].state = "waiting"

    @rule(who=st.integers(0, 1))
    def consent_changes(self, who):
        person = self.people[who]
        if person not in self.supply.consenting:
            self._consent(person)
            return
        self._agree(lambda tx: revoke_consent(tx, self.scheme.source.id, person, self.clock()), "")
        self.supply.consenting.remove(person)

    @rule()
    def quarantine_is_tidied(self):
        with self.scheme.database.transaction() as tx:
            quarantine.tidy(tx, self.clock())
        for one in self.supply.held.values():
            if one.state == "waiting" and not one.appealed and one.caught + 5 * DAY <= self.clock.now:
                one.state, one.outcome = "lapsed", "lapsed"

    @precondition(lambda self: self.supply.lots)
    @rule(data=st.data(), officer=centre)
    def a_lot_is_found_wrong(self, data, officer):
        lot = data.draw(st.sampled_from(sorted(self.supply.lots)))
        is_known = any(of == lot for of, _, _ in self.supply.corrections.values())

        def act(tx):
            span = tx.execute(sa.text("SELECT first_g, last_g FROM lots WHERE id = :lot"), {"lot": lot}).one()
            wrong, told = Wrong(lot, ((span.first_g, span.last_g),)), Told("meter-fault", "It stood still.")
            case = propose_correction(tx, self.ledger, wrong, told, Officer(*officer))
            return case, motions.move(tx, case, "order", Officer(*officer), self.clock())

        if is_known:
            return
        said = "" if self.supply.lots[lot] else CONFLICT
        given = self._agree(act, said)
        if not said:
            self.supply.corrections[given[0]] = lot, officer, given[1]

    @precondition(lambda self: self.supply.corrections)
    @rule(data=st.data(), officer=centre)
    def a_correction_is_approved(self, data, officer):
        case = data.draw(st.sampled_from(sorted(self.supply.corrections)))
        lot, mover, number = self.supply.corrections[case]

        def act(tx):
            moved = motions.take_up(tx, number)
            _, second = correction.approve_moved(tx, self.ledger, moved, self._chooses(officer))
            motions.end(tx, number, second, self.clock(), approved=True)

        said = CONFLICT if officer == mover else ""
        self._agree(act, said)
        if not said:
            del self.supply.corrections[case]
            for person, grams in self.supply.lots[lot].items():
                self.supply.grams[person] -= grams
            self.supply.lots[lot] = {}
            self.counts["corrected"] += 1

    # how it is held

    def _work(self):
        bench = Bench(self.scheme.database, self.ledger, self.place)
        while do_next(bench):
            pass

    def _batch(self, number):
        with self.scheme.database.reading() as tx:
            return batches.get_batch(tx, number)

    def supply_holds(self):
        """The tables are what the model says, and agree with each other."""
        with self.scheme.database.transaction() as tx:
            found = {row.id: (row.state, row.outcome) for row in tx.execute(sa.text("SELECT * FROM quarantine"))}
            assert list(check_tables(tx)) == []
        assert found == {number: (one.state, one.outcome) for number, one in self.supply.held.items()}
        for person in self.people:
            assert sum(self.scheme.holdings(person).values()) == self.supply.grams[person], person
