"""Anybody objects over REST, with or without signing in; what officers read is for them, and the log has digests."""

from registry.decisions.recording import By, Step
from registry.procedure.decision import Officer
from registry.sources.approval import next_step
from tests.api.submissions.test_submissions import application, done
from tests.support.rest import Caller, authority, institution, is_problem

DAY_MS = 86_400_000


def in_publicity(live, centre) -> str:
    """A source in publicity, for a day: longer than the policy of a demonstration asks for."""
    firm = institution(live)
    number = done(firm.act("applications", **application()))["submission"]
    done(firm.post(f"/v1/submissions/{number}/handing-in", {}))
    case = done(centre.post(f"/v1/incoming/{number}/recording", {}))["case"]
    decide(centre, case, "accept")
    moved = decide(centre, case, "review")["motion"]
    done(authority(live, "exchange").post(f"/v1/motions/{moved}/approval", {}))
    with live.site.database.transaction() as tx:
        pending, _, _ = next_step(tx, live.site.ledger, int(case[2:]), "open_publicity")
        terms, lasting = pending.before.terms, (pending.at, pending.at + DAY_MS)
        pending.take(tx, Step("open_publicity", "publicity", By(Officer("centre", 1)), terms, lasting))
    return case


def decide(who: Caller, case: str, decision: str):
    return done(who.post(f"/v1/cases/{case}/decisions", {"decision": decision}))


def test_anybody_objects_over_rest_and_reads_the_answer_by_the_receipt(live):
    centre, anybody = authority(live, "centre"), Caller(live.url)
    case = in_publicity(live, centre)
    path = f"/v1/cases/{case}/objections"
    first = done(anybody.post(path, {"text": "Zhao: 该项目已另行申请"}))
    assert done(anybody.post(path, {"text": "Zhao: 该项目已另行申请"})) == first
    assert is_problem(anybody.post(path, {"text": " "}), 400, "invalid")
    assert is_problem(anybody.post(path, b'{"text": "' + b"x" * 10_000_000 + b'"}'), 413, "too-large")
    assert is_problem(anybody.post("/v1/cases/S-1/objections", {"text": "late"}), 409, "conflict")
    assert is_problem(anybody.post("/v1/cases/P-1/objections", {"text": "x"}), 404, "not-found")
    assert is_problem(anybody.get(path), 401, "unauthenticated")
    own = f"{path}/{first['objection']}?receipt="
    assert is_problem(anybody.get(own + "0" * 40), 404, "not-found")
    assert anybody.get(own + first["receipt"]).json()["state"] == "received"
    errands = centre.get("/v1/worklist").json()["errands"]
    assert ("objection", case) in {(one["what"], one["about"]) for one in errands}
    assert [one["text"] for one in centre.get(path).json()["items"]] == ["Zhao: 该项目已另行申请"]
    decide(centre, case, "object")
    done(centre.post(f"{path}/{first['objection']}/answer", {"text": "经核实不属实"}))
    decide(centre, case, "answer")
    assert anybody.get(own + first["receipt"]).json()["answer"] == "经核实不属实"
    live.publish()
    says = {one["says"]["decision"]: one["says"] for one in anybody.get(f"/v1/cases/{case}").json()["items"]}
    assert says["object"]["documents"] == [first["digest"]]
    page = anybody.get(f"/cases/{case}").text
    assert first["digest"] in page
    assert says["answer"]["documents"][0] in page
    assert "Zhao" not in page
