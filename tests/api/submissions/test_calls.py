"""Calls: nothing is handed in under one outside its window, without its documents, or verified by nobody (R56)."""

import json

from registry.clock import rfc3339, system_clock
from registry.identity.roles import Role
from tests.api.submissions.test_submissions import application, done, state
from tests.support.experts import expert
from tests.support.rest import Caller, authority, institution, is_problem

HOUR_MS = 3_600_000
PAPERS = [
    {"document": "verification-report", "sha256": "ab" * 32}, {"document": "monitoring-plan", "sha256": "cd" * 32},
]  # fmt: skip


def wanted(opens: int, closes: int, /, **changes):
    now = system_clock()
    return {
        "title_zh": "征集（示例）", "title_en": "A call (example)", "kinds": ["scenario"],
        "opens": rfc3339(now + opens * HOUR_MS), "closes": rfc3339(now + closes * HOUR_MS),
        "documents": ["monitoring-plan", "verification-report"], "verification": "third-party",
    } | changes  # fmt: skip


def test_a_call_has_a_window_documents_and_who_verifies(live, gram, tmp_path):
    centre, firm = authority(live, "centre"), institution(live)
    for wrong in ({"documents": ["monitoring-plan"]}, {"documents": ["-"]}, {"kinds": ["farm"]}, {"kinds": []},
                  {"verification": "nobody"}, {"closes": "2020-01-01T00:00:00.000Z"}):  # fmt: skip
        assert is_problem(centre.post("/v1/calls", wanted(-1, 1, **wrong)), 400, "invalid"), wrong
    later = done(centre.post("/v1/calls", wanted(1, 2)))["call"]
    alone = done(centre.post("/v1/calls", wanted(-1, 1, verification="self", documents=[])))["call"]
    file, at = tmp_path / "call.json", ("--registry", live.url)
    file.write_text(json.dumps(wanted(-1, 1)), encoding="utf-8")
    call = int(gram("call", "open", file, *at, "--token", centre.token)[1].split()[1])
    assert f"\n{alone}  open  " in "\n" + gram("call", "list", *at)[1]
    expert(live, 81, Role.SERVICE_BODY)
    number = done(firm.act("applications", **application(call=later)))["submission"]
    path = f"/v1/submissions/{number}"

    def handed_in(**given):
        done(firm.post(f"{path}/correction", {"application": application(**given)}))
        return firm.post(f"{path}/handing-in", {})

    whole = {"call": call, "papers": PAPERS, "verifier": "service-body:81"}
    for code, status, given in (
        ("conflict", 409, whole | {"call": later}), ("not-found", 404, whole | {"call": 10**6}),
        ("invalid", 400, whole | {"papers": PAPERS[:1]}), ("invalid", 400, whole | {"papers": [*PAPERS, PAPERS[0]]}),
        ("invalid", 400, whole | {"papers": [PAPERS[0], PAPERS[1] | {"sha256": "AB" * 32}]}),
        ("invalid", 400, whole | {"verifier": None}), ("invalid", 400, whole | {"verifier": "expert:81"}),
        ("not-found", 404, whole | {"verifier": "service-body:8181"}), ("invalid", 400, {"papers": PAPERS}),
        ("invalid", 400, {"call": alone, "verifier": "service-body:81"}),
    ):  # fmt: skip
        assert is_problem(handed_in(**given), status, code), given
        assert state(firm, number)["state"] == "draft"
    assert done(handed_in(**whole))["state"] == "submitted"
    assert gram("call", "end", call, *at, "--token", centre.token)[:2] == (0, f"Call {call} is ended.\n")
    assert is_problem(centre.post(f"/v1/calls/{call}/end", {}), 409, "conflict")
    case = done(centre.post(f"/v1/incoming/{number}/recording", {}))["case"]
    late = done(firm.act("applications", **application(**whole)))["submission"]
    assert is_problem(firm.post(f"/v1/submissions/{late}/handing-in", {}), 409, "conflict"), "it was ended"
    live.publish()
    (says,) = [one["says"] for one in Caller(live.url).get(f"/v1/cases/{case}").json()["items"]]
    assert (says["call"], says["verification"]) == (str(call), "service-body:81")
    assert says["papers"] == ["monitoring-plan " + "cd" * 32, "verification-report " + "ab" * 32]
    assert "Answers the call:" in Caller(live.url).get(f"/cases/{case}?lang=en").text
