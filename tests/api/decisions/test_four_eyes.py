"""Officers decide over REST: what needs two is moved by one and approved by another, and the log names both."""

import hashlib
from dataclasses import replace

import pytest

from registry.clock import rfc3339
from registry.identity.grants import OPERATOR, Grant, revoke
from registry.identity.roles import Role
from registry.methodologies.record import to_document
from registry.methodologies.shelf import find
from registry.sources.sources import get_source
from tests.support.experts import opined
from tests.support.reporting import Reporting, rides_csv
from tests.support.rest import Caller, is_problem
from tests.support.scheme import methodology_of
from tests.support.waiting import until


@pytest.fixture(scope="module")
def officer(live):
    """`officer("centre", 2)` asks as that officer."""

    def named(name: str, number: int) -> Caller:
        subject = f"{name}-{number}"
        live.grant(subject, Grant(Role(name), officer=number))
        token = live.site.development_issuer.token(subject, live.site.ledger.clock() // 1000)
        return Caller(live.url, token)

    return named


def done(answer):
    assert answer.status_code == 201, answer.text
    return answer.json()


def applied(live, officer) -> str:
    """A source that somebody applied with: its case."""
    methodology, applicant = methodology_of(), live.institution("Applicant")
    body = {
        "kind": "scenario", "name_zh": "场景", "name_en": "Scenario", "applicant": applicant,
        "methodology": methodology.key, "version": methodology.version,
        "valid_from": "2026-01-01T00:00:00.000Z", "valid_until": "2030-01-01T00:00:00.000Z",
    }  # fmt: skip
    said = done(officer("centre", 1).post("/v1/sources", body))
    assert (said["state"], said["motion"]) == ("applied", None)
    return said["case"]


def decide(who: Caller, case: str, decision: str, **given):
    return who.post(f"/v1/cases/{case}/decisions", {"decision": decision, **given})


def tried(live, case: str) -> str:
    """A test run of the platform of a source: the SHA-256 of a file that was judged, and of which nothing is issued."""
    with live.site.database.reading() as tx:
        of = Reporting.of(replace(live, source=get_source(tx, int(case[2:]))))
    content = rides_csv([{"orderid": f"trial-{case}"}])
    assert of.read(of.judged(content))["state"] == "judged"
    return hashlib.sha256(content).hexdigest()


def test_a_source_goes_its_way_by_the_acts_of_two_authorities(live, officer):
    case = applied(live, officer)
    centre, exchange = officer("centre", 1), officer("exchange", 1)
    assert done(decide(centre, case, "accept"))["state"] == "accepted"
    moved = done(decide(centre, case, "review"))
    assert (moved["state"], moved["motion"] is not None) == (None, True)
    waiting = {one["motion"]: one for one in exchange.get("/v1/motions").json()["items"]}
    assert (waiting[moved["motion"]]["mover"], waiting[moved["motion"]]["decision"]) == ("centre:1", "review")
    assert is_problem(decide(centre, case, "review"), 409, "conflict"), "one motion at a time"
    approval = f"/v1/motions/{moved['motion']}/approval"
    assert is_problem(centre.post(approval, {}), 403, "forbidden"), "the life cycle wants the exchange"
    assert done(exchange.post(approval, {}))["state"] == "reviewed"
    assert is_problem(exchange.post(approval, {}), 409, "conflict")
    assert done(decide(centre, case, "open_publicity"))["state"] == "publicity"
    contract = {"says": {"contract_sha256": "ab" * 32, "devices_sha256": "cd" * 32}}
    assert is_problem(decide(exchange, case, "open_publicity", **contract), 409, "decision-refused")
    for decision, state in (("publish", "published"), ("connect", "connected"), ("start", "live")):
        by, given = centre, {}
        if decision == "connect":
            assert is_problem(decide(exchange, case, decision), 400, "invalid"), "by no contract"
            by, given = exchange, contract
        if decision == "start":
            untried = done(decide(centre, case, decision, says={"trial_sha256": "ef" * 32}))["motion"]
            assert is_problem(exchange.post(f"/v1/motions/{untried}/approval", {}), 404, "not-found"), "no test run"
            done(centre.post(f"/v1/motions/{untried}/withdrawal", {}))
            given = {"says": {"trial_sha256": tried(live, case)}}
        said = done(decide(by, case, decision, **given))
        if said["motion"] is not None:
            second = officer("exchange", 2)  # of those who neither decide this nor decided before
            said = done(second.post(f"/v1/motions/{said['motion']}/approval", {}))
        assert said["state"] == state
    live.publish()
    decisions = Caller(live.url).get(f"/v1/cases/{case}?limit=50").json()["items"]
    said = [one["says"] for one in decisions]
    named = {one["decision"]: (one["actor"], one.get("second")) for one in said}
    assert named["review"] == ("centre:1", "exchange:1")
    assert named["publish"] == named["start"] == ("centre:1", "exchange:2")
    assert named["connect"] == ("exchange:1", None)
    says = {one["decision"]: one for one in said}
    assert says["connect"]["contract_sha256"] == "ab" * 32
    assert says["start"]["trial_sha256"] == given["says"]["trial_sha256"]
    found_and_mended(live, officer, case)


def found_and_mended(live, officer, case: str) -> None:
    """What a live source comes to: a finding with a deadline, which everybody sees, devices that change, a renewal."""
    centre, exchange, anybody = officer("centre", 1), officer("exchange", 2), Caller(live.url)
    assert is_problem(decide(centre, case, "warn"), 409, "decision-refused"), "without a reason"
    assert is_problem(decide(centre, case, "warn", reason="late-reports", mend_days=4), 400, "invalid")
    assert is_problem(decide(centre, case, "accept", mend_days=9), 409, "decision-refused")
    assert done(decide(centre, case, "warn", reason="late-reports", mend_days=10))["state"] == "live"
    moved = done(decide(centre, case, "renew", valid_until="2031-01-01T00:00:00.000Z"))["motion"]
    early = exchange.post(f"/v1/motions/{moved}/approval", {})
    assert is_problem(early, 409, "decision-refused")
    assert "breaks WAIT" in early.json()["detail"]
    done(centre.post(f"/v1/motions/{moved}/withdrawal", {}))
    assert is_problem(decide(centre, case, "renew"), 400, "invalid")
    assert is_problem(decide(centre, case, "mend", valid_until="2031-01-01T00:00:00.000Z"), 400, "invalid")
    moved = done(decide(centre, case, "mend"))["motion"]
    assert done(exchange.post(f"/v1/motions/{moved}/approval", {}))["state"] == "live"
    devices = {"says": {"devices_sha256": "0d" * 32}}
    assert is_problem(decide(centre, case, "change_devices", says={"devices_sha256": "x"}), 400, "invalid")
    assert done(decide(centre, case, "change_devices", **devices))["state"] == "verifying"
    moved = done(decide(centre, case, "verify_devices", **devices))["motion"]
    assert done(exchange.post(f"/v1/motions/{moved}/approval", {}))["state"] == "live"
    assert is_problem(decide(officer("bureau", 1), "M-1", "withdraw", mend_days=9), 400, "invalid")
    live.publish()
    page = anybody.get(f"/cases/{case}").text
    says = {one["says"]["decision"]: one["says"] for one in anybody.get(f"/v1/cases/{case}").json()["items"]}
    assert says["warn"]["mend_until"] in page
    assert (says["mend"]["mend_until"], says["verify_devices"]["devices_sha256"]) == ("none", "0d" * 32)


def test_who_may_decide_what_is_the_life_cycles_to_say(live, officer):
    case = applied(live, officer)
    assert is_problem(decide(officer("exchange", 1), case, "accept"), 403, "forbidden")
    assert is_problem(decide(officer("bureau", 1), case, "accept"), 403, "forbidden")
    assert is_problem(decide(officer("centre", 1), case, "start"), 409, "decision-refused")
    assert is_problem(decide(officer("centre", 1), case, "invent"), 409, "decision-refused")
    assert is_problem(decide(officer("centre", 1), "S-999999", "accept"), 404, "not-found")
    assert is_problem(decide(officer("centre", 1), "P-1", "publish"), 404, "not-found")


def submitted(officer, **changes):
    body = {"definition": to_document(find("bus")) | changes}
    return officer("centre", 1).post("/v1/methodologies", body)


def test_a_methodology_goes_its_way_is_revised_and_withdrawn(live, officer):
    said = done(submitted(officer))
    case = said["case"]
    assert (said["state"], case[:2]) == ("submitted", "M-")
    centre, bureau, second = officer("centre", 1), officer("bureau", 1), officer("bureau", 2)
    assert is_problem(decide(bureau, case, "publish"), 409, "decision-refused"), "it was not evaluated"
    assert is_problem(decide(bureau, case, "evaluate"), 403, "forbidden")
    opined(live, case)
    assert done(decide(centre, case, "evaluate"))["state"] == "evaluated"
    motion = done(decide(bureau, case, "publish"))["motion"]
    assert is_problem(bureau.post(f"/v1/motions/{motion}/approval", {}), 409, "conflict")
    assert done(second.post(f"/v1/motions/{motion}/approval", {}))["state"] == "published"
    code, anybody = find("bus").code, Caller(live.url)
    assert is_problem(decide(bureau, case, "revise"), 409, "decision-refused"), "there is no text of a version 2"
    assert done(submitted(officer, version=2, published="2026-11"))["state"] == "published"
    assert is_problem(submitted(officer, version=2, published="2026-12"), 409, "conflict")
    for decision, state in (("revise", "published"), ("withdraw", "withdrawn")):
        motion = done(decide(bureau, case, decision))["motion"]
        assert done(second.post(f"/v1/motions/{motion}/approval", {}))["state"] == state
    live.publish()
    assert anybody.get(f"/v1/methodologies/{code}").json()["versions"] == [1, 2]
    old = {"acts": [{"begins": "2026-10-08T00:00:00Z", "ends": "2026-10-08T00:30:00Z", "ridden": "8.35"}], "version": 1}
    assert anybody.post(f"/v1/methodologies/{code}/computations", old).json()["grams"] == 434
    steps = [one["says"]["decision"] for one in anybody.get(f"/v1/cases/{case}?limit=50").json()["items"]]
    assert sorted(steps) == ["evaluate", "publish", "revise", "submit", "withdraw"]


def test_a_methodology_is_refused_with_a_reason_and_one_with_faults_is_not_taken(officer):
    metro = to_document(find("metro"))
    case = done(officer("centre", 1).post("/v1/methodologies", {"definition": metro}))["case"]
    centre = officer("centre", 1)
    assert is_problem(decide(centre, case, "refuse"), 400, "invalid"), "a refusal says why"
    said = centre.post(f"/v1/cases/{case}/decisions", {"decision": "refuse", "reason": "double-counting"})
    assert done(said)["state"] == "refused"
    metro["computation"]["steps"][-1]["expression"] = "ridden / (entries - exits)"
    assert is_problem(centre.post("/v1/methodologies", {"definition": metro}), 422, "methodology-unsound")
    unclassified = to_document(find("car-pooling"))
    assert is_problem(centre.post("/v1/methodologies", {"definition": unclassified}), 409, "methodology-unclassified")


def test_the_command_does_what_rest_does(live, officer, gram, tmp_path):
    value = tmp_path / "points.json"
    value.write_text('{"validity_years": 2}')
    at = policy(live, 600_000)["in_force"]

    def run(who: Caller, *words: object) -> tuple[int, str, str]:
        return gram("decide", *words, "--registry", live.url, "--token", who.token)

    one, two = officer("bureau", 1), officer("bureau", 2)
    code, said, _ = run(one, "policy", "points", value, "--in-force", at)
    number = said.split()[1]
    assert (code, said.startswith("Motion ")) == (0, True)
    assert f"{number}  P-" in run(two, "list")[1]
    code, _, err = run(one, "approve", number)
    assert (code, "another officer approves it" in err) == (2, True)
    assert run(two, "withdraw", number)[1].endswith("is withdrawn now.\n")
    again = run(one, "policy", "points", value, "--in-force", at)[1].split()[1]
    assert run(two, "approve", again)[1].endswith("is published now.\n")
    case = applied(live, officer)
    assert run(officer("centre", 1), "step", case, "accept")[1] == f"{case} is accepted now.\n"
    code, _, err = gram("decide", "list", "--registry", "http://127.0.0.1:1", "--token", "x")
    assert (code, "does not answer as a registry" in err) == (2, True)


def policy(live, after_ms=3_600_000):
    at = (live.site.ledger.clock() + after_ms) // 60_000 * 60_000
    return {"name": "points", "value": {"validity_years": 2}, "in_force": rfc3339(at)}


def test_a_policy_is_proposed_by_one_officer_and_published_by_the_approval_of_another(live, officer):
    one, two = officer("bureau", 1), officer("bureau", 2)
    said = done(one.post("/v1/policies", policy(live)))
    approval = f"/v1/motions/{said['motion']}/approval"
    assert is_problem(one.post(approval, {}), 409, "conflict"), "nobody approves his own"
    assert is_problem(officer("centre", 1).post(approval, {}), 403, "forbidden")
    assert is_problem(one.post("/v1/policies", policy(live)), 409, "decision-refused"), "it is proposed already"
    key = "approve-once"
    first, again = (two.post(approval, {}, key) for _ in range(2))
    assert (done(first)["state"], again.json(), again.headers["Idempotency-Replayed"]) == (
        "published", first.json(), "true",
    )  # fmt: skip


def test_a_proposal_that_is_withdrawn_can_be_made_anew(live, officer):
    one, two = officer("bureau", 1), officer("bureau", 2)
    body = policy(live, 7_200_000)
    said = done(one.post("/v1/policies", body))
    withdrawal = f"/v1/motions/{said['motion']}/withdrawal"
    assert is_problem(officer("centre", 1).post(withdrawal, {}), 403, "forbidden")
    assert done(two.post(withdrawal, {}))["state"] == "withdrawn"
    assert is_problem(two.post(f"/v1/motions/{said['motion']}/approval", {}), 409, "conflict")
    again = done(one.post("/v1/policies", body))
    assert done(two.post(f"/v1/motions/{again['motion']}/approval", {}))["state"] == "published"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"name": "no such"}, 400, "invalid"),
        ({"value": {"validity_years": 0}}, 400, "invalid"),
        ({"value": {"validity_years": "2"}}, 400, "invalid"),
        ({"in_force": "tomorrow"}, 400, "invalid"),
        ({"in_force": "2020-01-01T00:00:00.000Z"}, 409, "decision-refused"),
        ({"in_force": "2099-01-01T00:00:00.001Z"}, 409, "decision-refused"),
        ({"value": 7}, 422, "malformed"),
    ],
    ids=str,
)
def test_a_policy_that_would_not_hold_is_refused_when_it_is_proposed(live, officer, changes, status, code):
    before = officer("bureau", 1).get("/v1/motions").json()
    assert is_problem(officer("bureau", 1).post("/v1/policies", policy(live) | changes), status, code)
    assert officer("bureau", 1).get("/v1/motions").json() == before, "nothing half done"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"applicant": 2**53 - 1}, 404, "not-found"),
        ({"applicant": "person"}, 400, "invalid"),
        ({"methodology": "none"}, 404, "not-found"),
        ({"version": 9}, 404, "not-found"),
        ({"kind": "other"}, 400, "invalid"),
        ({"valid_until": "2020-01-01T00:00:00.000Z"}, 400, "invalid"),
        ({"name_en": "\u202e"}, 400, "invalid"),
        ({"district": "31"}, 400, "invalid"),
    ],
    ids=str,
)
def test_an_application_that_cannot_be_is_refused(live, officer, changes, status, code):
    methodology = methodology_of()
    body = {
        "kind": "scenario", "name_zh": "场景", "name_en": "Scenario", "applicant": live.institution(),
        "methodology": methodology.key, "version": methodology.version,
        "valid_from": "2026-01-01T00:00:00.000Z", "valid_until": "2030-01-01T00:00:00.000Z",
    } | changes  # fmt: skip
    if body["applicant"] == "person":
        body["applicant"] = live.person()
    assert is_problem(officer("centre", 1).post("/v1/sources", body), status, code)


def test_who_goes_to_another_authority_is_no_second_pair_of_eyes(live, officer):
    """A number at each authority is one person all the same."""

    def seated(subject: str, role: str) -> tuple[Caller, int]:
        grant = live.grant(subject, Grant(Role(role), officer=171 if subject == "goes" else 172))
        return Caller(live.url, live.site.development_issuer.token(subject, live.site.ledger.clock() // 1000)), grant

    (goes, its), (leaves, theirs) = seated("goes", "centre"), seated("leaves", "centre")
    case = applied(live, officer)
    done(decide(officer("centre", 1), case, "accept"))
    moved = done(decide(goes, case, "review"))["motion"]
    later = rfc3339(live.site.ledger.clock() + 3_600_000)
    against = {"account": live.institution(), "finding": "late", "reasons": "r", "bars": False, "until": later}
    opened, other = (done(leaves.post("/v1/integrity", against))["finding"] for _ in range(2))
    body = {"role": "service-body", "subject": "a body", "number": 171, "fields": ["data"], "name": "Body"}
    named = done(leaves.post("/v1/appointments", body))["appointment"]
    with live.site.database.transaction() as tx:
        for grant in (its, theirs):
            revoke(tx, grant, OPERATOR, live.site.ledger.clock())
    seated("goes", "exchange"), seated("leaves", "bureau")
    for who, role in ((goes, "exchange:171"), (leaves, "bureau:172")):
        until(lambda who=who, role=role: who.get("/v1/me").json() == {"roles": [role]})
    assert is_problem(goes.post(f"/v1/motions/{moved}/approval", {}), 409, "conflict")
    assert is_problem(leaves.post(f"/v1/appointments/{named}/approval", {}), 409, "conflict")
    assert is_problem(leaves.post(f"/v1/integrity/{opened}/approval", {}), 409, "conflict")
    done(officer("centre", 1).post(f"/v1/integrity/{other}/approval", {}))
    firm = Caller(live.url, live.token("holder", against["account"]))
    done(firm.post(f"/v1/integrity/{other}/appeal", {"message": "No."}))
    answer = {"upheld": True, "message": "Yes."}
    assert is_problem(leaves.post(f"/v1/integrity/{other}/answer", answer), 403, "forbidden")
    assert done(officer("exchange", 1).post(f"/v1/motions/{moved}/approval", {}))["state"] == "reviewed"
