"""A day is counted by platform and registry, what differs waits for the centre, and is settled on record."""

from api.decisions.shapes import Worklist
from registry.clock import in_shanghai, system_clock
from registry.issuance.reconciling import COUNTED
from tests.support.rest import Caller, authority, is_problem

DAY = 86_400_000


def test_a_day_is_counted_on_both_sides_and_what_differs_is_settled_on_record(live):
    platform = Caller(live.url, live.token("platform", live.source.applicant_id), live.source.applicant_id)
    centre, path = authority(live, "centre"), f"/v1/sources/{live.source.id}/reconciliations"
    day = str(in_shanghai(system_clock() - 400 * DAY).date())
    said = dict.fromkeys(COUNTED, 0) | {"issued_g": 29_000}
    answer = platform.post(path, {"day": day, **said})
    assert answer.status_code == 201, answer.text
    first = answer.json()
    assert (first["agrees"], first["registry"]) == (False, dict.fromkeys(COUNTED, 0))
    assert first["differences"] == [{"what": "issued_g", "platform": 29_000, "registry": 0}]

    def reminded():
        found = Worklist.model_validate_json(centre.get("/v1/worklist").content).reminders
        return [one.about for one in found if one.about.startswith("reconciliation")]

    about = f"reconciliation {first['reconciliation']}"
    assert about in reminded()
    settlement = f"/v1/reconciliations/{first['reconciliation']}/settlement"
    assert is_problem(platform.post(settlement, {"note": "mine"}), 403, "forbidden")
    assert is_problem(centre.post(settlement, {"note": " "}), 400, "invalid")
    done = centre.post(settlement, {"note": "A ride was counted twice at the platform."}).json()
    assert (done["note"], done["settled_at"] is not None) == ("A ride was counted twice at the platform.", True)
    assert is_problem(centre.post(settlement, {"note": "again"}), 409, "conflict")
    assert about not in reminded()

    other = platform.post(path, {"day": day, **said}).json()
    assert f"reconciliation {other['reconciliation']}" in reminded(), "it is asked anew"
    agreed = platform.post(path, {"day": day, **said, "issued_g": 0}).json()
    assert (agreed["agrees"], agreed["differences"]) == (True, [])
    assert f"reconciliation {other['reconciliation']}" not in reminded(), "a later count agrees"
    assert [one["reconciliation"] for one in centre.get(path).json()["items"]][:3] == [
        done["reconciliation"] for done in (agreed, other, first)
    ]


def test_what_cannot_be_compared_is_refused(live):
    platform = Caller(live.url, live.token("platform", live.source.applicant_id), live.source.applicant_id)
    path, counts = f"/v1/sources/{live.source.id}/reconciliations", dict.fromkeys(COUNTED, 0)
    today = str(in_shanghai(system_clock()).date())
    assert is_problem(platform.post(path, {"day": today, **counts}), 400, "invalid"), "it is not over"
    assert is_problem(platform.post(path, {"day": "20261101", **counts}), 400, "invalid")
    assert is_problem(platform.post(path, {"day": "2026-11-01", **counts, "rows": -1}), 422, "malformed")
    assert is_problem(platform.post(path, {"day": "2026-11-01"}), 422, "malformed")
    others = "/v1/sources/999999/reconciliations"
    assert is_problem(platform.post(others, {"day": "2026-11-01", **counts}), 403, "forbidden")
    assert is_problem(platform.get(others), 403, "forbidden")
    assert is_problem(authority(live, "centre").get(others), 404, "not-found")
