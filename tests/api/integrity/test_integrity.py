"""Findings are opened by one officer and approved by another, hold for a term, and are appealed against once (R74)."""

import pytest
import sqlalchemy as sa

from registry.clock import rfc3339, system_clock
from registry.evidence.document import field_digest
from registry.identity.grants import Grant
from registry.identity.roles import Role
from registry.integrity.findings import is_barred
from registry.integrity.recorded import Party
from registry.procedure.decision import Officer
from tests.api.submissions.test_submissions import application
from tests.support.experts import expert
from tests.support.rest import Caller, holder, is_problem


def done(answer):
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def officer(live):
    def named(name: str, number: int) -> Caller:
        live.grant(f"{name}-{number}", Grant(Role(name), officer=number))
        return Caller(live.url, live.site.development_issuer.token(f"{name}-{number}", system_clock() // 1000))

    return named


def finding(**said):
    until = rfc3339(system_clock() + 3_600_000)
    return {"finding": "false-report", "reasons": "报告不实", "bars": True, "until": until} | said


def in_force(live, number: int):
    items = Caller(live.url).get("/v1/integrity").json()["items"]
    return next((one for one in items if one["finding"] == number), None)


def test_a_finding_against_an_institution_bars_it_until_it_is_lifted(live, officer):
    account = live.institution("虚报公司")
    firm, centre, second = holder(live, account), officer("centre", 1), officer("centre", 2)
    applicant = Caller(live.url, live.token("applicant", account), account)
    draft = done(applicant.act("applications", **application()))["submission"]
    number = done(centre.post("/v1/integrity", finding(account=account)))["finding"]
    path = f"/v1/integrity/{number}"
    assert in_force(live, number) is None
    assert is_problem(firm.get(path), 404, "not-found"), "nothing holds yet"
    assert is_problem(centre.post(f"{path}/approval", {}), 409, "conflict"), "another officer approves"
    done(second.post(f"{path}/approval", {}))
    assert is_problem(second.post(f"{path}/approval", {}), 409, "conflict")
    public = in_force(live, number)
    assert (public["name"], public["expert"], public["what"], public["bars"]) == (
        "虚报公司",
        None,
        "false-report",
        True,
    )
    assert "报告不实" not in Caller(live.url).get("/v1/integrity").text
    assert is_problem(applicant.post(f"/v1/submissions/{draft}/handing-in", {}), 409, "barred")
    body = application() | {"applicant": account}
    body.pop("commits")
    assert is_problem(centre.post("/v1/sources", body), 409, "barred"), "nor by the centre's own hand"
    assert firm.get(path).json()["reasons"] == "报告不实"
    assert is_problem(holder(live, live.institution()).get(path), 404, "not-found"), "others read the public list"
    assert is_problem(officer("bureau", 1).post(f"{path}/answer", {"upheld": True, "message": "-"}), 409, "conflict")
    assert is_problem(officer("exchange", 1).post(f"{path}/appeal", {"message": "no"}), 404, "not-found")
    done(firm.post(f"{path}/appeal", {"message": "系统故障"}))
    assert is_problem(firm.post(f"{path}/appeal", {"message": "again"}), 409, "conflict")
    assert in_force(live, number)["appealed"] is True
    done(officer("bureau", 1).post(f"{path}/answer", {"upheld": False, "message": "属实"}))
    assert in_force(live, number) is None
    assert done(applicant.post(f"/v1/submissions/{draft}/handing-in", {}))["state"] == "submitted"
    with live.site.database.reading() as tx:
        row = tx.execute(sa.text("SELECT reasons, appeal, answer FROM integrity WHERE id = :id"), {"id": number}).one()
    assert all("报告不实".encode() not in bytes(sealed) for sealed in row)
    record_of(live, firm.get(f"/v1/accounts/{account}/findings").json()["items"][0], ["find", "lift"], "虚报公司")


def record_of(live, whole, decisions, secret):
    """What everybody reads in the log of a finding: its decisions, with digests of the words and none of them."""
    live.publish()
    found = Caller(live.url).get(f"/v1/cases/{whole['case']}")
    items = [one["says"] for one in found.json()["items"]][::-1]
    assert [one["decision"] for one in items] == decisions
    assert secret not in found.text
    said = {
        name: one[f"{name}_sha256"]
        for one in items
        for name in ("reasons", "appeal", "answer")
        if f"{name}_sha256" in one
    }
    assert said == {name: field_digest(whole["salt"], name, whole[name]) for name in said}
    assert len(said) == 3
    return items


def test_a_persons_record_is_theirs_alone_and_goes_with_the_account(live, officer):
    me = holder(live, live.person())
    path = f"/v1/accounts/{me.account}/findings"
    number = done(officer("centre", 1).post("/v1/integrity", finding(account=me.account)))["finding"]
    assert me.get(path).json()["items"] == [], "nothing is found before another officer approves"
    done(officer("bureau", 1).post(f"/v1/integrity/{number}/approval", {}))
    public = in_force(live, number)
    assert (public["name"], public["expert"]) == (None, None), "a person stands there as nobody"
    (own,) = me.get(path).json()["items"]
    assert (own["reasons"], own["case"]) == ("报告不实", public["case"])
    assert is_problem(me.act("link-codes", source=live.source.id), 409, "barred"), "who is barred is linked to no scene"
    erasing = f"/v1/accounts/{me.account}/erasure"
    assert me.post(erasing, {"confirm": me.get(erasing).json()["confirm"]}).status_code == 201
    assert in_force(live, number) is None
    live.publish()
    (found,) = Caller(live.url).get(f"/v1/cases/{own['case']}").json()["items"]
    assert len(found["says"]["party"]) == 64, "the record is left, and leads to nobody"


def test_a_finding_ends_by_itself_and_who_had_a_part_answers_no_appeal(live, officer):
    who, bureau = expert(live, 71), officer("bureau", 1)
    number = done(officer("centre", 1).post("/v1/integrity", finding(expert="expert:71")))["finding"]
    done(bureau.post(f"/v1/integrity/{number}/approval", {}))
    public = in_force(live, number)
    assert (public["expert"], public["name"]) == ("expert:71", None), "a person is a number"
    with live.site.database.reading() as tx:
        party, until = Party(Officer("expert", 71)), system_clock() + 3_600_000
        assert is_barred(tx, party, system_clock())
        assert not is_barred(tx, party, until + 1), "its term is over"
        assert not is_barred(tx, party, 1), "and it was not always there"
    done(who.post(f"/v1/integrity/{number}/appeal", {"message": "No."}))
    answer = {"upheld": True, "message": "Yes."}
    assert is_problem(bureau.post(f"/v1/integrity/{number}/answer", answer), 403, "forbidden"), "it approved"
    done(officer("bureau", 2).post(f"/v1/integrity/{number}/answer", answer))
    decided = record_of(live, who.get(f"/v1/integrity/{number}").json(), ["find", "uphold"], "No.")
    assert (decided[0]["party"], decided[0]["bars"]) == ("expert:71", "yes")
    assert in_force(live, number)["answered"] is True
    assert who.get(f"/v1/integrity/{number}").json()["answer"] == "Yes."


def test_an_institution_does_not_leave_the_record_with_its_account(live, officer):
    firm = holder(live, live.institution("去而复返公司"))
    number = done(officer("centre", 1).post("/v1/integrity", finding(account=firm.account)))["finding"]
    done(officer("centre", 2).post(f"/v1/integrity/{number}/approval", {}))
    path = f"/v1/accounts/{firm.account}/erasure"
    assert firm.post(path, {"confirm": firm.get(path).json()["confirm"]}).status_code == 201
    assert in_force(live, number)["name"] == "去而复返公司"


def test_a_finding_that_waits_can_be_withdrawn_and_one_that_cannot_be_is_not_opened(live, officer):
    centre = officer("centre", 1)
    expert(live, 62)
    number = done(centre.post("/v1/integrity", finding(expert="expert:62")))["finding"]
    done(centre.post(f"/v1/integrity/{number}/withdrawal", {}))
    assert is_problem(officer("bureau", 1).post(f"/v1/integrity/{number}/approval", {}), 409, "conflict")
    for wrong, status, code in (
        ({"expert": "expert:62", "account": 1}, 400, "invalid"),
        ({}, 400, "invalid"),
        ({"expert": "centre:1"}, 400, "invalid"),
        ({"expert": "expert:9999"}, 404, "not-found"),
        ({"account": 2**53 - 1}, 404, "not-found"),
        ({"expert": "expert:62", "until": "2020-01-01T00:00:00.000Z"}, 400, "invalid"),
        ({"expert": "expert:62", "until": "2199-01-01T00:00:00.000Z"}, 400, "invalid"),
        ({"expert": "expert:62", "finding": "Not A Word"}, 400, "invalid"),
        ({"expert": "expert:62", "reasons": "\u2066"}, 400, "invalid"),
    ):
        assert is_problem(centre.post("/v1/integrity", finding(**wrong)), status, code), wrong
