"""Experts are asked, give opinions or decline; the next decision carries them, and who is barred counts for nothing."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from api.door.caller import FRESH_MS
from registry.clock import rfc3339, system_clock
from registry.identity.grants import Grant, revoke
from registry.identity.roles import Role
from registry.methodologies.record import to_document
from registry.methodologies.shelf import find
from tests.support.experts import expert, opined, opinion
from tests.support.rest import Caller, authority, institution, is_problem
from tests.support.scheme import methodology_of

_TEXT = to_document(find("metro-by-trip")) | {"methodology_class": "II", "code": None}


def done(answer):
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def centre(live) -> Caller:
    return authority(live, "centre")


def submitted(centre: Caller, name: str) -> str:
    return done(centre.post("/v1/methodologies", {"definition": _TEXT | {"id": name}}))["case"]


def ask(centre: Caller, case: str, number: int):
    return centre.post(f"/v1/cases/{case}/opinions", {"expert": f"expert:{number}"})


def evaluate(centre: Caller, case: str):
    return centre.post(f"/v1/cases/{case}/decisions", {"decision": "evaluate"})


def bar(live, number: int) -> int:
    live.grant("centre-2", Grant(Role.CENTRE, officer=2))
    second = Caller(live.url, live.site.development_issuer.token("centre-2", system_clock() // 1000))
    body = {
        "expert": f"expert:{number}", "finding": "false-report", "reasons": "It was false.", "bars": True,
        "until": rfc3339(system_clock() + 3_600_000),
    }  # fmt: skip
    finding = done(authority(live, "centre").post("/v1/integrity", body))["finding"]
    done(second.post(f"/v1/integrity/{finding}/approval", {}))
    return finding


def test_an_opinion_is_part_of_the_next_decision_and_needed_for_it(live, centre):
    case, who, other = submitted(centre, "tram-a"), expert(live, 41), expert(live, 42)
    refused = evaluate(centre, case)
    assert is_problem(refused, 409, "decision-refused")
    assert "opinions" in refused.json()["detail"]
    request = done(ask(centre, case, 41))["request"]
    assert done(ask(centre, case, 41))["request"] == request, "asked twice is asked once"
    (mine,) = [one for one in who.get("/v1/opinions").json()["items"] if one["request"] == request]
    assert (mine["case"], mine["state"]) == (case, "asked")
    path = f"/v1/opinions/{request}"
    assert who.get(path).json()["matter"]["definition"]["id"] == "tram-a"
    assert is_problem(other.get(path), 404, "not-found"), "another's"
    assert is_problem(other.post(f"{path}/answer", opinion()), 404, "not-found")
    assert is_problem(evaluate(centre, case), 409, "decision-refused"), "asked is not given"
    given = done(who.post(f"{path}/answer", opinion(stance="conditions", reason="meters", text="先校准 meters")))
    assert is_problem(who.post(f"{path}/answer", opinion()), 409, "conflict"), "once"
    assert is_problem(who.post(f"{path}/recusal", {"reason": "late"}), 409, "conflict")
    (read,) = centre.get(f"/v1/cases/{case}/opinions").json()["items"]
    assert (read["text"], read["digest"]) == ("先校准 meters", given["digest"])
    assert done(evaluate(centre, case))["state"] == "evaluated"
    live.publish()
    public = Caller(live.url).get(f"/v1/cases/{case}")
    says = {one["says"]["decision"]: one["says"] for one in public.json()["items"]}
    assert says["evaluate"]["opinions"] == [f"expert:41 conditions meters {given['digest']}"]
    assert "校准" not in public.text
    with live.site.database.reading() as tx:
        row = tx.execute(sa.text("SELECT * FROM opinions WHERE id = :id"), {"id": request}).mappings().one()
        assert "校准".encode() not in bytes(row["document"]), "sealed"


def test_an_opinion_of_who_is_barred_counts_for_nothing_and_nobody_barred_is_asked(live, centre):
    case = submitted(centre, "tram-b")
    opined(live, case, 43)
    finding = bar(live, 43)
    assert is_problem(evaluate(centre, case), 409, "decision-refused"), "given, and for nothing"
    assert is_problem(ask(centre, submitted(centre, "tram-c"), 43), 409, "barred")
    who = expert(live, 44)
    request = done(ask(centre, case, 44))["request"]
    bar(live, 44)
    assert is_problem(who.post(f"/v1/opinions/{request}/answer", opinion()), 409, "barred")
    done(expert(live, 43).post(f"/v1/integrity/{finding}/appeal", {"message": "It was a slip."}))
    done(authority(live, "bureau").post(f"/v1/integrity/{finding}/answer", {"upheld": False, "message": "It was."}))
    assert done(evaluate(centre, case))["state"] == "evaluated", "lifted, it counts again"


def test_an_opinion_is_about_the_case_as_it_stood(live, centre):
    case, who = submitted(centre, "tram-d"), expert(live, 45)
    late = done(ask(centre, case, 45))["request"]
    opined(live, case, 46)
    done(evaluate(centre, case))
    assert is_problem(who.post(f"/v1/opinions/{late}/answer", opinion()), 409, "conflict")
    assert is_problem(ask(centre, case, 47), 404, "not-found"), "nobody has this number"
    for wrong in ("centre:1", "nobody", "expert:0"):
        assert is_problem(centre.post(f"/v1/cases/{case}/opinions", {"expert": wrong}), 400, "invalid")
    for number in ("P-1", "M-99999", "I-1", "x"):
        assert is_problem(ask(centre, number, 45), 404, "not-found")
    assert done(centre.post(f"/v1/cases/{case}/opinions/{late}/release", {}))["state"] == "released"
    assert is_problem(who.post(f"/v1/opinions/{late}/recusal", {"reason": "late"}), 409, "conflict")


def test_who_has_an_interest_gives_no_opinion(live, centre):
    firm, methodology = institution(live), methodology_of()
    body = {
        "kind": "scenario", "name_zh": "场景", "name_en": "Interest", "applicant": firm.account,
        "methodology": methodology.key, "version": methodology.version,
        "valid_from": "2026-01-01T00:00:00.000Z", "valid_until": "2030-01-01T00:00:00.000Z",
    }  # fmt: skip
    case, who = done(centre.post("/v1/sources", body))["case"], expert(live, 48)
    request = done(ask(centre, case, 48))["request"]
    assert is_problem(who.post(f"/v1/opinions/{request}/answer", opinion(no_interest=False)), 400, "invalid")
    live.grant("expert-48", Grant(Role.APPLICANT, firm.account))
    assert is_problem(who.post(f"/v1/opinions/{request}/answer", opinion()), 409, "conflict"), "the applicant's"
    assert done(who.post(f"/v1/opinions/{request}/recusal", {"reason": "interest"}))["state"] == "recused"
    live.grant("expert-49", Grant(Role.APPLICANT, firm.account))
    expert(live, 49)
    assert is_problem(ask(centre, case, 49), 409, "conflict")
    author = expert(live, 50)
    number = done(author.post("/v1/submissions", {"definition": _TEXT | {"id": "tram-e"}}))["submission"]
    done(author.post(f"/v1/submissions/{number}/handing-in", {}))
    own = done(centre.post(f"/v1/incoming/{number}/recording", {}))["case"]
    assert is_problem(ask(centre, own, 50), 409, "conflict"), "their own text"


def test_an_expert_who_was_revoked_gives_no_opinion(live, centre):
    case, who = submitted(centre, "tram-f"), expert(live, 51)
    request = done(ask(centre, case, 51))["request"]
    with live.site.database.transaction() as tx:
        grant = tx.execute(sa.text("SELECT id FROM grants WHERE role = 'expert' AND officer = 51")).scalar_one()
        revoke(tx, grant, "bureau:1", system_clock())
    end = system_clock() + FRESH_MS + 2_000
    while who.get("/v1/opinions").status_code == 200:
        assert system_clock() < end
    assert is_problem(who.post(f"/v1/opinions/{request}/answer", opinion()), 403, "no-role")
    assert is_problem(ask(centre, submitted(centre, "tram-g"), 51), 404, "not-found")


def test_two_answers_at_once_are_one_opinion(live, centre):
    case, who = submitted(centre, "tram-h"), expert(live, 52)
    request = done(ask(centre, case, 52))["request"]
    with ThreadPoolExecutor(2) as pool:
        said = (opinion(stance="for"), opinion(stance="against"))
        answers = list(pool.map(lambda one: who.post(f"/v1/opinions/{request}/answer", one), said))
    assert sorted(answer.status_code for answer in answers) == [201, 409]


def test_what_is_no_opinion_is_not_taken(live, centre):
    case, who = submitted(centre, "tram-i"), expert(live, 53)
    request = done(ask(centre, case, 53))["request"]
    for said, status, code in (
        ({"stance": "maybe"}, 400, "invalid"),
        ({"reason": "Two words"}, 400, "invalid"),
        ({"text": ""}, 400, "invalid"),
        ({"text": "\u202e"}, 400, "invalid"),
        ({"text": "字" * 8001}, 400, "invalid"),
        ({"no_interest": "yes"}, 422, "malformed"),
    ):
        assert is_problem(who.post(f"/v1/opinions/{request}/answer", opinion(**said)), status, code)
    assert who.get(f"/v1/opinions/{request}").json()["state"] == "asked"
