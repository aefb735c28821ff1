"""What each sees that waits, and what a district bureau sees: what is of its district, and nothing else."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from registry.clock import rfc3339, system_clock
from registry.identity.grants import Grant
from registry.identity.roles import Role
from tests.api.submissions.test_submissions import application
from tests.support.experts import expert, opinion
from tests.support.rest import Caller, authority, institution, is_problem
from tests.support.running import DISTRICT


def done(answer):
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def officer(live):
    def named(name: str, number: int) -> Caller:
        live.grant(f"{name}-{number}", Grant(Role(name), officer=number))
        return Caller(live.url, live.site.development_issuer.token(f"{name}-{number}", system_clock() // 1000))

    return named


def applied(live, officer, district: str | None) -> str:
    body = application(district=district) | {"applicant": live.institution("某某出行")}
    body.pop("commits")
    return done(officer("centre", 1).post("/v1/sources", body))["case"]


def decide(who: Caller, case: str, decision: str):
    return done(who.post(f"/v1/cases/{case}/decisions", {"decision": decision}))


def pages(who: Caller, path: str) -> list[dict]:
    found, cursor = [], ""
    while True:
        page = who.get(f"{path}?limit=200{cursor}").json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def test_a_district_bureau_reads_what_is_of_its_district_and_does_nothing(live, officer):
    bureau, centre = authority(live, "district-bureau"), officer("centre", 1)
    cases = {district: applied(live, officer, district) for district in (DISTRICT, "310115", None)}
    motions = {}
    for district, case in cases.items():
        decide(centre, case, "accept")
        motions[district] = decide(centre, case, "review")["motion"]
    seen = {one["case"]: one for one in pages(bureau, "/v1/supervision/sources")}
    assert seen.keys() & set(cases.values()) == {cases[DISTRICT]}
    mine = seen[cases[DISTRICT]]
    assert (mine["state"], mine["applicant"], mine["district"]) == ("accepted", "某某出行", DISTRICT)
    assert all(one["district"] == DISTRICT for one in seen.values())
    assert {one["case"] for one in pages(centre, "/v1/supervision/sources")} >= set(cases.values())
    waits = {one["number"] for one in bureau.get("/v1/worklist").json()["items"]}
    assert waits & set(cases.values()) == {cases[DISTRICT]}
    moved = {one["motion"] for one in bureau.get("/v1/motions").json()["items"]}
    assert moved & set(motions.values()) == {motions[DISTRICT]}
    for path, body in (
        (f"/v1/cases/{cases[DISTRICT]}/decisions", {"decision": "refuse"}),
        (f"/v1/motions/{motions[DISTRICT]}/approval", {}),
        (f"/v1/motions/{motions[DISTRICT]}/withdrawal", {}),
    ):
        assert is_problem(bureau.post(path, body), 403, "forbidden")
    assert is_problem(bureau.get(f"/v1/cases/{cases[DISTRICT]}/opinions"), 403, "forbidden")
    for motion in motions.values():
        done(centre.post(f"/v1/motions/{motion}/withdrawal", {}))


def waiting(who: Caller) -> dict[tuple[str, int], dict]:
    return {(one["what"], one["number"]): one for one in who.get("/v1/worklist").json()["errands"]}


def test_each_finds_in_the_worklist_what_is_theirs_to_do_and_no_more(live, officer, gram, monkeypatch):
    centre, other, exchange = officer("centre", 1), officer("centre", 2), officer("exchange", 1)
    bureau, third = officer("bureau", 1), officer("bureau", 2)
    case, who, firm = applied(live, officer, None), expert(live, 71), institution(live)
    decide(centre, case, "accept")
    request = done(centre.post(f"/v1/cases/{case}/opinions", {"expert": "expert:71"}))["request"]
    motion = decide(centre, case, "review")["motion"]
    draft = done(firm.act("applications", **application()))["submission"]
    assert ("submission", draft) not in waiting(centre), "a draft is nobody's to see"
    done(firm.post(f"/v1/submissions/{draft}/handing-in", {}))
    named = done(bureau.post("/v1/appointments", {"role": "bureau", "subject": "new here", "number": 71}))[
        "appointment"
    ]
    body = {"expert": "expert:71", "finding": "careless", "reasons": "-", "bars": False,
            "until": rfc3339(system_clock() + 3_600_000)}  # fmt: skip
    finding = done(centre.post("/v1/integrity", body))["finding"]
    expected = {
        ("motion", motion): {exchange}, ("submission", draft): {centre, other}, ("opinion", request): {who},
        ("appointment", named): {third}, ("finding", finding): {other, bureau, third},
    }  # fmt: skip
    everybody = (centre, other, exchange, bureau, third, who)
    lists = {one: waiting(one) for one in everybody}
    for errand, theirs in expected.items():
        assert {one for one in everybody if errand in lists[one]} == theirs, errand
    monkeypatch.setattr("api.operating.beside.beside", lambda *_: nullcontext(SimpleNamespace(site=lambda: live.site)))
    code, said, _ = gram("worklist", "expert")
    assert (code, f"opinion {request}: {case}" in said, "submission" in said) == (0, True, False)
    done(who.post(f"/v1/opinions/{request}/answer", opinion()))
    done(exchange.post(f"/v1/motions/{motion}/approval", {}))
    done(other.post(f"/v1/integrity/{finding}/approval", {}))
    done(who.post(f"/v1/integrity/{finding}/appeal", {"message": "No."}))
    lists = {one: waiting(one) for one in everybody}
    assert {one for one in everybody if ("appeal", finding) in lists[one]} == {bureau, third}
    for errand in (("motion", motion), ("opinion", request), ("finding", finding)):
        assert not any(errand in found for found in lists.values()), "done"
    live.publish()
    says = Caller(live.url).get(f"/v1/cases/{case}").json()["items"][0]["says"]
    assert says["opinions"][0].startswith("expert:71 for sound "), "a scenario's review has what experts were asked"


def test_the_command_names_asks_and_records(live, officer, gram):
    def run(who: Caller, *words: object) -> tuple[int, str, str]:
        return gram("decide", *words, "--registry", live.url, "--token", who.token)

    one, two, firm = officer("bureau", 1), officer("bureau", 2), institution(live)
    wanted = ("--subject", "by command", "--number", 72, "--field", "travel", "--field", "data")
    code, said, _ = run(one, "name", "expert", *wanted)
    assert (code, said.startswith("Appointment ")) == (0, True)
    number = said.split()[1]
    code, _, err = run(one, "confirm", number)
    assert (code, "another officer approves" in err) == (2, True)
    grant = run(two, "confirm", number)[1].split()[1]
    case = applied(live, officer, None)
    assert "waits for expert:72" in run(officer("centre", 1), "ask", case, "expert:72")[1]
    draft = done(firm.act("applications", **application()))["submission"]
    done(firm.post(f"/v1/submissions/{draft}/handing-in", {}))
    assert f"Submission {draft} is case S-" in run(officer("centre", 1), "record", draft)[1]
    assert run(two, "end-role", grant)[1] == f"Grant {grant} is ended.\n"
