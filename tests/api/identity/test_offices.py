"""Roles are given by two officers and ended by one; experts are a register of numbers."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from api.door.caller import FRESH_MS
from registry.clock import rfc3339, system_clock
from registry.identity import delegates
from registry.identity.grants import Grant
from registry.identity.roles import Role
from tests.support.rest import Caller, authority, institution, is_problem, person_with

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def officer(live):
    """`officer("centre", 2)` asks as that officer."""

    def named(name: str, number: int) -> Caller:
        live.grant(f"{name}-{number}", Grant(Role(name), officer=number))
        return signed_in(live, f"{name}-{number}")

    return named


def signed_in(live, subject: str) -> Caller:
    return Caller(live.url, live.site.development_issuer.token(subject, system_clock() // 1000))


def done(answer):
    assert answer.status_code == 201, answer.text
    return answer.json()


def waited(holds) -> None:
    end = system_clock() + FRESH_MS + 2_000
    while not holds():
        assert system_clock() < end


def test_an_officer_is_named_by_one_approved_by_another_and_ended_by_either(live, officer):
    one, two, theirs = officer("exchange", 1), officer("exchange", 2), signed_in(live, "李 comes new")
    assert is_problem(theirs.get("/v1/motions"), 403, "no-role")
    body = {"role": "exchange", "subject": "李 comes new", "number": 77}
    key = "name-once"
    first, again = (done(one.post("/v1/appointments", body, key)) for _ in range(2))
    assert first == again
    assert first["grant"] is None
    number = first["appointment"]
    (waits,) = [of for of in two.get("/v1/appointments").json()["items"] if of["appointment"] == number]
    assert (waits["role"], waits["subject"], waits["proposed_by"]) == ("exchange:77", "李 comes new", "exchange:1")
    approval = f"/v1/appointments/{number}/approval"
    assert is_problem(one.post(approval, {}), 409, "conflict"), "another one approves"
    assert is_problem(officer("centre", 1).post(approval, {}), 403, "forbidden"), "powers are separate"
    assert is_problem(theirs.post(approval, {}), 403, "no-role")
    grant = done(two.post(approval, {}))["grant"]
    assert is_problem(two.post(approval, {}), 409, "conflict")
    waited(lambda: theirs.get("/v1/me").json() == {"roles": ["exchange:77"]})
    (stands,) = [of for of in one.get("/v1/grants?role=exchange").json()["items"] if of["grant"] == grant]
    assert (stands["role"], stands["granted_by"]) == ("exchange:77", "exchange:1, exchange:2")
    assert "李" not in one.get("/v1/grants").text, "whose it is is not shown"
    with live.site.database.reading() as tx:
        assert "李" not in repr(tx.execute(sa.text("SELECT * FROM appointments")).all())
        kept = sa.text("SELECT subject FROM appointments WHERE id = :number")
        assert tx.execute(kept, {"number": number}).scalar_one() is None, "who it was goes when it has ended"
    assert is_problem(officer("centre", 1).post(f"/v1/grants/{grant}/end", {}), 404, "not-found")
    done(officer("bureau", 1).post(f"/v1/grants/{grant}/end", {}))
    waited(lambda: is_problem(theirs.get("/v1/motions"), 403, "no-role"))


def test_nobody_names_or_approves_themselves(officer):
    one, two = officer("bureau", 1), officer("bureau", 2)
    assert is_problem(
        one.post("/v1/appointments", {"role": "bureau", "subject": "bureau-1", "number": 9}), 403, "forbidden"
    )
    other = done(one.post("/v1/appointments", {"role": "expert", "subject": "bureau-2", "number": 900,
                                               "fields": ["travel"]}))["appointment"]  # fmt: skip
    assert is_problem(two.post(f"/v1/appointments/{other}/approval", {}), 403, "forbidden")
    assert is_problem(officer("bureau", 3).post(f"/v1/appointments/{other}/approval", {}), 409, "conflict"), (
        "an officer is no expert beside"
    )
    done(two.post(f"/v1/appointments/{other}/withdrawal", {}))
    assert is_problem(officer("bureau", 3).post(f"/v1/appointments/{other}/approval", {}), 409, "conflict")


def test_two_who_approve_at_once_give_one_role(officer):
    number = done(
        officer("bureau", 1).post("/v1/appointments", {"role": "bureau", "subject": "at once", "number": 55})
    )["appointment"]
    callers = [officer("bureau", 2), officer("bureau", 3)]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda who: who.post(f"/v1/appointments/{number}/approval", {}), callers))
    assert sorted(answer.status_code for answer in answers) == [201, 409]


def test_experts_are_numbers_and_service_bodies_have_names_in_the_register(live, officer):
    bureau, centre, anybody = officer("bureau", 1), officer("centre", 1), Caller(live.url)
    until = rfc3339(system_clock() + 3_600_000)
    expert = {"role": "expert", "subject": "张三 expert", "number": 301, "fields": ["travel", "data"], "until": until}
    body = {"role": "service-body", "subject": "body-system", "number": 301, "fields": ["metering"], "name": "某某检测"}
    assert is_problem(centre.post("/v1/appointments", expert), 403, "forbidden"), "the bureau builds the pool"
    for by, second, wanted in ((bureau, officer("bureau", 2), expert), (centre, officer("centre", 2), body)):
        number = done(by.post("/v1/appointments", wanted))["appointment"]
        done(second.post(f"/v1/appointments/{number}/approval", {}))
    register = anybody.get("/v1/experts")
    found = {one["number"]: one for one in register.json()["items"]}
    assert (found["expert:301"]["name"], found["expert:301"]["fields"]) == (None, ["travel", "data"])
    assert (found["expert:301"]["until"], found["expert:301"]["fields_zh"]) == (until, ["绿色出行", "数据质量"])
    assert (found["service-body:301"]["name"], found["service-body:301"]["until"]) == ("某某检测", None)
    assert "张三" not in register.text
    assert signed_in(live, "张三 expert").get("/v1/me").json() == {"roles": ["expert:301"]}


def test_a_role_that_stands_is_not_made_longer_without_a_word(officer):
    """Whoever is answered that it was approved believes that it holds as long as that says."""
    one, two, now = officer("bureau", 1), officer("bureau", 2), system_clock()
    body = {"role": "expert", "subject": "stays on", "number": 303, "fields": ["data"]}
    grants = []
    for hours, status in ((1, 201), (2, 409), (1, 201)):
        wanted = body | {"until": rfc3339(now + hours * 3_600_000)}
        number = done(one.post("/v1/appointments", wanted))["appointment"]
        approved = two.post(f"/v1/appointments/{number}/approval", {})
        assert approved.status_code == status, approved.text
        grants += [approved.json()["grant"]] if status == 201 else []
        if status == 409:
            done(two.post(f"/v1/appointments/{number}/withdrawal", {}))
    assert grants[0] == grants[1], "the same again is one role"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"role": "emperor"}, 400, "invalid"),
        ({"number": None}, 400, "invalid"),
        ({"account": 1}, 400, "invalid"),
        ({"subject": "a\u202eb"}, 400, "invalid"),
        ({"subject": ""}, 400, "invalid"),
        ({"subject": "克" * 256}, 400, "invalid"),
        ({"fields": []}, 400, "invalid"),
        ({"fields": ["travel", "travel"]}, 400, "invalid"),
        ({"fields": ["astrology"]}, 400, "invalid"),
        ({"name": "张三"}, 400, "invalid"),
        ({"role": "service-body", "name": "\u2800"}, 400, "invalid"),
        ({"role": "service-body"}, 400, "invalid"),
        ({"district": "310104"}, 400, "invalid"),
        ({"until": "soon"}, 400, "invalid"),
        ({"until": "2020-01-01T00:00:00.000Z"}, 409, "conflict"),
        ({"role": "district-bureau", "fields": None}, 400, "invalid"),
        ({"role": "holder", "fields": None, "number": None}, 403, "forbidden"),
        ({"number": 0}, 422, "malformed"),
        ({"number": 2**31}, 422, "malformed"),
        ({"number": True}, 422, "malformed"),
    ],
    ids=str,
)
def test_who_cannot_be_is_not_named(officer, changes, status, code):
    bureau = officer("bureau", 1)
    before = bureau.get("/v1/appointments").json()
    body = {"role": "expert", "subject": "somebody", "number": 302, "fields": ["travel"]} | changes
    assert is_problem(bureau.post("/v1/appointments", body), status, code)
    assert bureau.get("/v1/appointments").json() == before


def test_nobody_is_given_what_is_anothers_by_one_authority_alone(live, officer):
    """Not while it has a holder, nor once two of the centre have ended the holder's role."""
    account, owner = live.person(), "owner of one account"
    live.grant(owner, Grant(Role.HOLDER, account))
    one, two, bureau = officer("centre", 1), officer("centre", 2), officer("bureau", 1)
    body = {"role": "holder", "subject": "accomplice", "account": account}
    number = done(one.post("/v1/appointments", body))["appointment"]
    assert is_problem(two.post(f"/v1/appointments/{number}/approval", {}), 403, "forbidden")
    with live.site.database.transaction() as tx:
        grant = sa.text("SELECT max(id) FROM grants WHERE account_id = :account")
        granted = tx.execute(grant, {"account": account}).scalar_one()
    done(two.post(f"/v1/grants/{granted}/end", {}))
    assert is_problem(two.post(f"/v1/appointments/{number}/approval", {}), 403, "forbidden")
    assert number in [waits["appointment"] for waits in bureau.get("/v1/appointments").json()["items"]]
    back = done(one.post("/v1/appointments", body | {"subject": owner}))["appointment"]
    done(two.post(f"/v1/appointments/{back}/approval", {}))
    done(bureau.post(f"/v1/appointments/{number}/approval", {}))
    assert signed_in(live, "accomplice").get(f"/v1/accounts/{account}").status_code == 200


def test_who_acts_for_an_account_is_named_by_the_centre_and_goes_with_the_account(live, officer):
    account, newcomer = live.institution(), signed_in(live, "王 clerk")
    one, two = officer("centre", 1), officer("centre", 2)
    body = {"role": "applicant", "subject": "王 clerk", "account": account}
    assert is_problem(officer("bureau", 1).post("/v1/appointments", body), 403, "forbidden")
    assert is_problem(one.post("/v1/appointments", body | {"account": live.person()}), 400, "invalid")
    number = done(one.post("/v1/appointments", body))["appointment"]
    done(two.post(f"/v1/appointments/{number}/approval", {}))
    assert newcomer.get(f"/v1/accounts/{account}").status_code == 200
    assert authority(live, "expert").get("/v1/me").json() == {"roles": ["expert:1"]}


def test_a_holder_names_who_acts_for_the_account_and_ends_it(live, monkeypatch):
    firm, subject = institution(live), f"theirs-{next(_numbers)}"
    at = f"/v1/accounts/{firm.account}/delegates"
    (named,) = done(firm.post(at, {"role": "applicant", "subject": subject}))["items"]
    assert (named["role"], named["granted_by"]) == ("applicant", f"account:{firm.account}")
    assert done(firm.post(at, {"role": "applicant", "subject": subject}))["items"] == [named], "once"
    theirs = signed_in(live, subject)
    waited(lambda: theirs.get("/v1/me").json() == {"roles": [f"applicant of account {firm.account}"]})
    assert is_problem(theirs.post(at, {"role": "platform", "subject": subject}), 403, "forbidden"), "the holder alone"
    for role in ("holder", "centre", "none"):
        assert is_problem(firm.post(at, {"role": role, "subject": subject}), 400, "invalid")
    other = institution(live)
    grant = named["grant"]
    elsewhere = f"/v1/accounts/{other.account}/delegates/{grant}/end"
    assert is_problem(other.post(elsewhere, {}), 404, "not-found")
    assert subject not in firm.get(at).text, "whose it is is not shown"
    monkeypatch.setattr(delegates, "MOST", 1)
    assert is_problem(firm.post(at, {"role": "platform", "subject": subject}), 409, "conflict")
    assert done(firm.post(f"{at}/{grant}/end", {}))["items"] == []
    assert is_problem(firm.post(f"{at}/{grant}/end", {}), 404, "not-found")
    waited(lambda: theirs.get("/v1/me").status_code == 403 or theirs.get("/v1/me").json() == {"roles": []})
    person = person_with(live, 10)
    mine = f"/v1/accounts/{person.account}/delegates"
    assert is_problem(person.post(mine, {"role": "platform", "subject": f"theirs-{next(_numbers)}"}), 400, "invalid")
