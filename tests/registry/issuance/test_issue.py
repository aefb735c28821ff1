"""Issuance: one physical act is issued once, lots adjoin, and a refused report leaves nothing behind."""

import hmac
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256

import pytest
import sqlalchemy as sa

from api.installation.officers import CENTRE, OFFICERS
from registry.accounts.accounts import get_account
from registry.activities.activities import LONGEST_MS, Activity
from registry.activities.judgement.reasons import Reason
from registry.activities.judging import judge_file
from registry.activities.profiles.profile import By, Who
from registry.activities.profiles.shelf import find as find_profile
from registry.activities.subjects import VEHICLE, Subject, find_occupied, person_of, thing_of
from registry.database import schema
from registry.errors import AlreadyIssued, Invalid, NotFound, NotOpen, OtherMethodology, Overlapping
from registry.identity.belongings import link
from registry.issuance import reported
from registry.issuance.issue import issue
from registry.issuance.report import Report
from registry.issuance.reported import issue_file
from registry.ledger.ledger import Ledger
from registry.methodologies.record import Status
from registry.methodologies.shelf import find
from registry.sources.approval import approve
from registry.sources.sources import (
    NewSource,
    find_consenting,
    get_source,
    give_consent,
    linked_users,
    revoke_consent,
)
from registry.upkeep.erasure import erase_account
from tests.support.rides import write_rides
from tests.support.scheme import START

HOUR = 3_600_000
RIDES = find_profile("shanghai-rides")
TABLES = (
    schema.activities,
    schema.lots,
    schema.movements,
    schema.blocks,
    schema.acts,
    schema.evidence,
    schema.frontier,
)


def at(hour, account, *, quantity=10, reference=None, lasts=HOUR):
    start = START + hour * HOUR
    return Activity(reference or f"{account}-{hour}", account, start, start + lasts, quantity)


def issue_all(scheme, *of, source=None):
    with scheme.database.transaction() as tx:
        return issue(tx, scheme.ledger, Report(source or scheme.source, of), CENTRE)


def state(scheme):
    with scheme.database.transaction() as tx:
        return [sorted(map(repr, tx.execute(sa.select(table)))) for table in TABLES]


@pytest.fixture
def other_source(scheme):
    values = {name: getattr(scheme.source, name) for name in NewSource.__dataclass_fields__}
    with scheme.database.transaction() as tx:
        return approve(tx, scheme.ledger, NewSource(**values), OFFICERS)


def refused(scheme, error, *of, source=None):
    before = state(scheme)
    with pytest.raises(error):
        issue_all(scheme, *of, source=source)
    assert state(scheme) == before, "nothing was written"


def test_one_issue_for_each_account_in_one_lot(scheme):
    ann, bob = scheme.person(), scheme.person()
    lot = issue_all(scheme, at(0, ann), at(1, bob, quantity=5), at(2, ann, quantity=7))
    assert [(w.movement.first, w.movement.last) for w in lot.movements] == [(0, 17), (17, 22)]
    assert (lot.first, lot.last) == (0, 22)


def test_the_place_in_a_lot_says_nothing_of_the_place_in_the_report(scheme):
    people = [scheme.person() for _ in range(40)]
    report = Report(scheme.source, [at(0, person) for person in people])
    with scheme.database.transaction() as tx:
        lot = issue(tx, Ledger(scheme.clock, scheme.ledger.vault), report, CENTRE)
        ids = [written.id for written in lot.movements]
        query = sa.select(schema.movements.c.account_id, schema.movements.c.first_g).where(
            schema.movements.c.id.in_(ids)
        )
        by_number = tx.execute(query.order_by(schema.movements.c.id)).all()
    assert sorted(row.account_id for row in by_number) == people
    assert [row.account_id for row in by_number] != people, "one chance in 40! to be in order"
    assert [row.first_g for row in by_number] == list(range(0, 400, 10)), "numbers still adjoin"


def test_the_same_activity_is_issued_once(scheme):
    ann, bob = scheme.person(), scheme.person()
    issue_all(scheme, at(0, ann, reference="ride"))
    refused(scheme, AlreadyIssued, at(5, bob), at(9, ann, reference="ride"))
    refused(scheme, AlreadyIssued, at(9, bob, reference="ride"))
    refused(scheme, AlreadyIssued, at(5, bob, reference="twice"), at(7, ann, reference="twice"))


def test_the_log_binds_the_activities_by_lines_that_nobody_can_guess(scheme):
    """Each is salted by the key of its account, so that it can be shown while there is one, and not afterwards."""
    ann, bob = scheme.person(), scheme.person()
    of = [at(0, ann, reference="x"), at(1, bob, reference="y")]
    lot = issue_all(scheme, *of)
    with scheme.database.transaction() as tx:
        keys = {number: get_account(tx, scheme.ledger.vault, number).key for number in (ann, bob)}
        published = tx.execute(
            sa.text("SELECT public FROM evidence JOIN movements ON digest = evidence WHERE kind = 69")
        )
        said = [json.loads(public) for public in published.scalars()][-1]
    lines = b""
    for one in of:
        line = f"{one.reference},{one.starts_ms},{one.ends_ms},{one.quantity_g}\n".encode()
        salt = hmac.digest(keys[one.account_id], b"gramledger/input/v1" + line, "sha256")[:16]
        lines += salt.hex().encode() + b"," + line
    assert said["inputs_sha256"][1] == sha256(lines).hexdigest()
    assert (said["first_g"][1], said["quantity_g"][1], said["case"][1]) == ("0", "20", f"I-{lot.id}")


def test_the_same_report_is_issued_once(scheme):
    ann = scheme.person()
    issue_all(scheme, at(0, ann), at(1, ann))
    refused(scheme, AlreadyIssued, at(0, ann), at(1, ann))


def test_references_are_of_their_own_source(scheme, other_source):
    ann, bob = scheme.person(), scheme.person()
    issue_all(scheme, at(0, ann, reference="ride"))
    assert issue_all(scheme, at(0, bob, reference="ride"), source=other_source).first == 10


@pytest.mark.parametrize(
    ("hour", "lasts"), [(0, HOUR), (0, 0), (0, 1), (-1, HOUR + 1), (-1, 9 * HOUR)],
    ids=["the same", "an instant at its start", "its first moment", "into its first moment", "around it"],
)  # fmt: skip
def test_one_person_is_in_one_place(scheme, other_source, hour, lasts):
    ann = scheme.person()
    issue_all(scheme, at(0, ann))
    second = at(hour, ann, lasts=lasts, reference="elsewhere")
    refused(scheme, Overlapping, second)
    refused(scheme, Overlapping, second, source=other_source)
    assert issue_all(scheme, replace(second, account_id=scheme.person()), source=other_source)


def test_one_vehicle_carries_one_person_whoever_reports_it(scheme, other_source):
    ann, bob = scheme.person(), scheme.person()
    bicycle = (thing_of(VEHICLE, scheme.source.applicant_id, "9"),)
    issue_all(scheme, replace(at(0, ann), subjects=bicycle))
    within = replace(at(0, bob, lasts=1), subjects=bicycle)
    refused(scheme, Overlapping, within)
    refused(scheme, Overlapping, within, source=other_source)
    with scheme.database.transaction() as tx:
        met = find_occupied(tx, scheme.ledger.vault, [*bicycle, person_of(bob)], at(0, ann).ends_ms, 2**45, LONGEST_MS)
        assert met == {bicycle[0]: [(at(0, ann).starts_ms, at(0, ann).ends_ms)]}
    others = (thing_of(VEHICLE, ann, "9"), Subject("meter", f"{scheme.source.applicant_id}/9"))
    assert issue_all(scheme, replace(within, subjects=others))


def test_what_lasts_longer_than_a_year_is_a_mistake(scheme):
    ann = scheme.person()
    for lasts in (-1, LONGEST_MS + 1):
        refused(scheme, Invalid, at(0, ann, lasts=lasts))
    issue_all(scheme, at(0, ann, lasts=LONGEST_MS))
    refused(scheme, Overlapping, at(365 * 24, ann))


def test_two_instants_at_once_overlap_within_one_report(scheme):
    ann = scheme.person()
    refused(scheme, Overlapping, at(0, ann, lasts=0, reference="a"), at(0, ann, lasts=0, reference="b"))


def test_activities_may_adjoin(scheme, other_source):
    ann = scheme.person()
    issue_all(scheme, at(0, ann))
    assert issue_all(scheme, at(1, ann), at(-1, ann), source=other_source)


def test_consent_can_be_withdrawn_and_given_again(scheme):
    ann, bob, source = scheme.person(), scheme.person(), scheme.source.id
    with scheme.database.transaction() as tx:
        give_consent(tx, scheme.ledger.vault, source, {"ann@bikes": ann}, 1)
        give_consent(tx, scheme.ledger.vault, source, {"ann@bikes": bob}, 2)
        assert find_consenting(tx, scheme.ledger.vault, source, ["ann@bikes"]) == {"ann@bikes": ann}, (
            "a link is not taken over"
        )
        revoke_consent(tx, source, ann, 3)
        assert find_consenting(tx, scheme.ledger.vault, source, ["ann@bikes"]) == {}
        assert linked_users(tx, scheme.ledger.vault, source) == {"ann@bikes"}
        give_consent(tx, scheme.ledger.vault, source, {"ann@bikes": bob}, 4)
        assert find_consenting(tx, scheme.ledger.vault, source, ["ann@bikes"]) == {}, "nor is a withdrawn one"
        give_consent(tx, scheme.ledger.vault, source, {"ann@bikes": ann}, 5)
        assert find_consenting(tx, scheme.ledger.vault, source, ["ann@bikes"]) == {"ann@bikes": ann}
        revoke_consent(tx, source, ann, 6)
    with pytest.raises(NotFound), scheme.database.transaction() as tx:
        revoke_consent(tx, source, ann, 7)


@pytest.fixture
def bicycles(scheme):
    """A scenario of shared bicycles under the published record, with one rider."""
    record = find("shared-bicycle")
    with scheme.database.transaction() as tx:
        window = record.validity.from_ms, START
        applicant = scheme.source.applicant_id
        scenario = NewSource("scenario", "单车", "Bicycles", applicant, record.key, record.version, *window)
        source = approve(tx, scheme.ledger, scenario, OFFICERS)
        give_consent(tx, scheme.ledger.vault, source.id, {"7": scheme.person()}, 1)
    return source


@pytest.mark.parametrize(
    "change",
    [{"version": 2}, {"code": None, "methodology_class": "II"}, {"status": Status.OFFICIAL}, {"conditions": ()}],
    ids=str,
)
def test_rides_are_issued_under_the_methodology_that_was_published(scheme, bicycles, tmp_path, change):
    path = write_rides(tmp_path / "rides.csv", [{}])
    before, other = state(scheme), replace(find("shared-bicycle"), **change)
    with pytest.raises(OtherMethodology), scheme.database.transaction() as tx:
        issue_file(tx, scheme.ledger, bicycles.id, other, RIDES, path, CENTRE)
    assert state(scheme) == before
    with scheme.database.transaction() as tx:
        done = issue_file(tx, scheme.ledger, bicycles.id, find("shared-bicycle"), RIDES, path, CENTRE)
    assert done.lot.last - done.lot.first == done.judged.quantity_g == 193
    with scheme.database.transaction() as tx:
        again = issue_file(tx, scheme.ledger, bicycles.id, find("shared-bicycle"), RIDES, path, CENTRE)
    assert (again.lot, again.judged.refused_by_reason()) == (None, {Reason.ALREADY_ISSUED: 1})


def test_an_order_is_not_issued_again_to_whoever_comes_back_after_an_erasure(scheme, bicycles, tmp_path):
    path, ledger = write_rides(tmp_path / "rides.csv", [{}]), scheme.ledger
    with scheme.database.transaction() as tx:
        issue_file(tx, ledger, bicycles.id, find("shared-bicycle"), RIDES, path, CENTRE)
        erase_account(tx, find_consenting(tx, scheme.ledger.vault, bicycles.id, ["7"])["7"], 2)
    back = scheme.person()
    with scheme.database.transaction() as tx:
        give_consent(tx, scheme.ledger.vault, bicycles.id, {"7": back}, 3)
        again = issue_file(tx, ledger, bicycles.id, find("shared-bicycle"), RIDES, path, CENTRE)
    assert (again.lot, again.judged.refused_by_reason()) == (None, {Reason.ALREADY_ISSUED: 1})


def test_rides_by_a_card_are_its_holders_while_it_was_theirs(scheme, bicycles, tmp_path):
    earlier = {"orderid": "2", "start_time": "2016-08-18 09:00", "end_time": "2016-08-18 09:20"}
    path = write_rides(tmp_path / "rides.csv", [{"userid": "c1"}, {"userid": "C-1"} | earlier, {"userid": "---"}])
    by_card = replace(RIDES, who=Who(by=By.CARD, column="user_id"))
    with scheme.database.transaction() as tx:
        ann = find_consenting(tx, scheme.ledger.vault, bicycles.id, ["7"])["7"]
        link(tx, scheme.ledger.vault, ann, "card", "C-1", "holder", 1471600000000)
        done = issue_file(tx, scheme.ledger, bicycles.id, find("shared-bicycle"), by_card, path, CENTRE)
    assert [(one.account_id, one.reference) for one in done.judged.activities] == [(ann, "1")]
    assert done.judged.refused_by_reason() == {"not-consented": 2}


def test_a_report_needs_activities_and_open_accounts(scheme):
    ann, erased = scheme.person(), scheme.person()
    with scheme.database.transaction() as tx:
        erase_account(tx, erased, 1)
    refused(scheme, Invalid)
    refused(scheme, NotOpen, at(0, ann), at(0, erased))
    refused(scheme, NotOpen, at(0, ann), at(0, 10**9))


def test_more_accounts_than_a_query_has_parameters(scheme):
    ann = scheme.person()
    refused(scheme, NotOpen, at(0, ann), *(at(0, 10**9 + number) for number in range(70_000)))


def test_issuances_at_once_get_adjoining_lots(scheme, other_source):
    people = [scheme.person() for _ in range(8)]
    at_once = threading.Barrier(8)

    def one(number):
        at_once.wait()
        activities = [at(hour, people[number], quantity=number + 1) for hour in range(3)]
        return issue_all(scheme, *activities, source=other_source if number % 2 else None)

    with ThreadPoolExecutor(8) as pool:
        lots = sorted(pool.map(one, range(8)), key=lambda lot: lot.first)
    assert [lot.first for lot in lots] == [0, *(lot.last for lot in lots[:-1])]
    assert lots[-1].last == 3 * 36


def test_the_same_person_by_two_sources_at_once_is_issued_once(scheme, other_source):
    ann = scheme.person()
    at_once = threading.Barrier(6)

    def one(number):
        at_once.wait()
        try:
            return issue_all(scheme, at(0, ann, reference=str(number)), source=other_source if number % 2 else None)
        except Overlapping:
            return None

    with ThreadPoolExecutor(6) as pool:
        lots = [lot for lot in pool.map(one, range(6)) if lot]
    assert [(lot.first, lot.last) for lot in lots] == [(0, 10)], "and the frontier did not move for the others"


def test_a_consent_does_not_wait_for_the_judging(scheme, bicycles):
    ann = scheme.person()
    with scheme.database.transaction() as judging, scheme.database.transaction() as giving:
        get_source(judging, bicycles.id, lock=True)
        giving.execute(sa.text("SET LOCAL lock_timeout = '2s'"))
        give_consent(giving, scheme.ledger.vault, bicycles.id, {"another": ann}, 5)


def test_judging_may_take_longer_than_the_idle_time_out(scheme, bicycles, tmp_path, monkeypatch):
    def slow(*given, **named):
        time.sleep(0.6)
        return judge_file(*given, **named)

    monkeypatch.setattr(reported, "judge_file", slow)
    path = write_rides(tmp_path / "rides.csv", [{}])
    with scheme.database.transaction() as tx:
        tx.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 200"))
        assert issue_file(tx, scheme.ledger, bicycles.id, find("shared-bicycle"), RIDES, path, CENTRE).lot is not None


def test_nothing_is_issued_to_who_withdrew_while_the_file_was_judged(scheme, bicycles, tmp_path, monkeypatch):
    def withdrawn(*given, **named):
        judged = judge_file(*given, **named)
        with scheme.database.transaction() as other:
            revoke_consent(other, bicycles.id, judged.activities[0].account_id, 9)
        return judged

    monkeypatch.setattr(reported, "judge_file", withdrawn)
    path, before = write_rides(tmp_path / "rides.csv", [{}]), state(scheme)
    with pytest.raises(NotOpen, match="withdrew"), scheme.database.transaction() as tx:
        issue_file(tx, scheme.ledger, bicycles.id, find("shared-bicycle"), RIDES, path, CENTRE)
    assert state(scheme) == before
