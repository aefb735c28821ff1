"""Corrections: what is wrong is found where it is now, voided by two officers, and whom it meets sees why."""

import pytest

from api.installation.officers import CENTRE
from registry.activities.activities import Activity
from registry.issuance.issue import issue
from registry.issuance.report import Report
from registry.upkeep.consistency import check_tables
from tests.support.reporting import Reporting
from tests.support.rest import holder, institution, is_problem
from tests.support.running import DAY_MS, FIRST_RIDE_MS


@pytest.fixture(scope="module")
def reporting(live) -> Reporting:
    return Reporting.of(live)


def propose(reporting, by=1, **wrong):
    body = {"reason": "meter-fault", "explanation": "The meter stood still. 电表停走。"} | wrong
    return reporting.centre(by).post("/v1/corrections", body)


def approve(reporting, said, by=2):
    return [reporting.centre(by).post(f"/v1/motions/{one['motion']}/approval", {}) for one in said["items"]]


def told(caller):
    return [
        (one["state"], one["issued_g"], one["voided_g"], one["shortfall_g"])
        for one in caller.get(f"/v1/accounts/{caller.account}/corrections").json()["items"]
    ]


def sound(live) -> bool:
    with live.site.database.transaction() as tx:
        return list(check_tables(tx)) == []


def test_grams_are_found_in_a_bundle_and_what_is_gone_is_a_shortfall(live, reporting):
    """100 g of one person: 40 kept, 30 with a firm that gathered them with others, 30 cancelled."""
    person, other, firm = live.person(), live.person(), institution(live)
    live.issue({person: 100, other: 50})
    one, two = holder(live, person), holder(live, other)
    for who, grams in ((one, 30), (two, 50)):
        assert who.act("transfers", quantity_g=grams, to=firm.account).status_code == 201
    assert one.act("cancellations", quantity_g=30, purpose="donation").status_code == 201
    assert firm.act("bundles", all=True).status_code == 201
    proposed = propose(reporting, account=person)
    assert proposed.status_code == 201, proposed.text
    said = proposed.json()
    assert [item["quantity_g"] for item in said["items"]] == [100]
    assert told(one) == [("proposed", 100, 0, 0)]
    assert is_problem(approve(reporting, said, by=1)[0], 409, "conflict"), "four eyes"
    (done,) = approve(reporting, said)
    assert (done.status_code, done.json()["state"]) == (201, "ordered"), done.text
    assert one.balances()["reduction"] == 0
    assert firm.balances()["reduction"] == 50, "those of the other person stay"
    assert two.balances()["reduction"] == 0
    assert told(one) == [("ordered", 100, 40, 0)]
    assert told(firm) == [("ordered", 0, 30, 0)]
    applicant = holder(live, live.source.applicant_id)
    assert told(applicant)[0] == ("ordered", 0, 0, 30)
    lot = said["items"][0]["lot"]
    events = [
        ("correction.proposed", {"lot": lot, "reason": "meter-fault", "quantity_g": 100}),
        ("correction.settled", {"lot": lot, "state": "ordered", "voided_g": 70, "shortfall_g": 30}),
    ]
    assert reporting.told(case=said["case"]) == events
    assert Reporting(live, firm).told(case=said["case"]) == events[1:], "what it holds is found when it is ordered"
    seen = one.get(f"/v1/accounts/{person}/corrections").json()["items"][0]
    assert (seen["reason"], seen["explanation"]) == ("meter-fault", "The meter stood still. 电表停走。")
    live.publish()
    decision = one.get(f"/v1/cases/{said['case']}").json()["items"][0]["says"]
    assert (decision["actor"], decision["second"], decision["voided_g"], decision["shortfall_g"]) == (
        "centre:1", "centre:2", "70", "30",
    )  # fmt: skip
    assert "电表" not in str(decision)
    assert is_problem(propose(reporting, account=person), 404, "not-found"), "all of it was corrected"
    again = propose(reporting, grams=said["items"][0]["ranges"])
    assert is_problem(again, 409, "conflict"), "nothing is corrected twice"
    assert sound(live)


def test_a_bundle_of_two_lots_is_two_corrections_and_one_may_be_dismissed(live, reporting):
    firm, people = institution(live), [live.person(), live.person()]
    for person in people:
        live.issue({person: 10})
        holder(live, person).act("transfers", quantity_g=10, to=firm.account)
    bundle = firm.act("bundles", all=True).json()["bundle"]
    live.publish()
    said = propose(reporting, grams=[bundle]).json()
    assert [item["quantity_g"] for item in said["items"]] == [10, 10]
    assert approve(reporting, {"items": said["items"][:1]})[0].status_code == 201
    assert firm.balances()["reduction"] == 10
    case = said["items"][1]["case"]
    dismissed = reporting.centre(2).post(f"/v1/cases/{case}/decisions", {"decision": "dismiss", "reason": "in-order"})
    assert (dismissed.status_code, dismissed.json()["state"]) == (201, "dismissed"), dismissed.text
    assert [data.get("state") for _, data in reporting.told(case=case)] == [None, "dismissed"]
    assert is_problem(approve(reporting, {"items": said["items"][1:]})[0], 409, "conflict")
    assert firm.balances()["reduction"] == 10
    assert sound(live)


def test_an_activity_and_an_erased_account_are_corrected_too(live, reporting):
    person = live.person()
    begin = FIRST_RIDE_MS + 5000 * DAY_MS
    rides = [Activity(f"wrong-{n}", person, begin + n * DAY_MS, begin + n * DAY_MS + 1, 70 - n) for n in range(2)]
    with live.site.database.transaction() as tx:
        issue(tx, live.site.ledger, Report(live.source, rides), CENTRE)
    said = propose(reporting, activity={"source": live.source.id, "reference": "wrong-0"}).json()
    assert said["items"][0]["quantity_g"] == 70
    one = holder(live, person)
    path = f"/v1/accounts/{person}/erasure"
    body = {"confirm": one.get(path).json()["confirm"], "reductions": "forfeit"}
    assert one.post(path, body).status_code == 201
    (done,) = approve(reporting, said)
    assert done.json()["state"] == "ordered", done.text
    live.publish()
    decision = reporting.platform.get(f"/v1/cases/{said['case']}").json()["items"][0]["says"]
    assert (decision["voided_g"], decision["shortfall_g"]) == ("70", "0")
    assert sound(live)


def test_what_is_asked_for_wrongly_is_told(live, reporting):
    for wrong, status, code in (
        ({}, 422, "malformed"),
        ({"account": 1, "grams": ["SHCER-0-1"]}, 422, "malformed"),
        ({"lot": 1, "grams": ["SHCER-0-1"]}, 422, "malformed"),
        ({"grams": []}, 400, "invalid"),
        ({"grams": ["SHCER-9-1"]}, 400, "invalid"),
        ({"grams": [f"SHCER-{2**62}-{2**62 + 9}"]}, 400, "invalid"),
        ({"account": live.person()}, 404, "not-found"),
        ({"activity": {"source": 1, "reference": "never"}}, 404, "not-found"),
        ({"grams": ["SHCER-0-1"], "reason": "Two words"}, 400, "invalid"),
        ({"grams": ["SHCER-0-1"], "explanation": "\u202e"}, 400, "invalid"),
    ):
        assert is_problem(propose(reporting, **wrong), status, code), wrong
