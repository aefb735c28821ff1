"""Acts that two platforms report: refused, counted, and a finding where the contract does not name the other."""

from dataclasses import replace

import pytest

from api.installation.officers import OFFICERS
from registry.clock import system_clock
from registry.sources.approval import approve
from registry.sources.sources import NewSource, get_source, give_consent
from tests.support.reporting import Reporting, rides_csv
from tests.support.rest import Caller, holder, is_problem


@pytest.fixture(scope="module")
def platforms(live) -> tuple[Reporting, Reporting]:
    """The platform of the installation, and another with a source of its own."""
    values = {name: getattr(live.source, name) for name in NewSource.__dataclass_fields__}
    applicant = live.institution("Second platform")
    with live.site.database.transaction() as tx:
        other = approve(tx, live.site.ledger, NewSource(**values | {"applicant_id": applicant}), OFFICERS)
    return Reporting.of(live), Reporting.of(replace(live, source=other))


def test_what_another_platform_reported_is_refused_counted_and_a_finding_unless_it_is_named(live, platforms):
    first, second = platforms
    riders = first.riders("twice-a", "twice-b")
    with live.site.database.transaction() as tx:
        theirs = {f"their-{user}": account for user, account in riders.items()}
        give_consent(tx, second.live.site.ledger.vault, second.live.source.id, theirs, system_clock())
    rides = [{"orderid": f"two-{user}", "userid": user, "bikeid": f"t-{user}"} for user in riders]
    assert first.issued(rides_csv(rides))["state"] == "issued"
    again = [
        {"orderid": f"x-{number}", "userid": user, "bikeid": f"y-{number}", "start_time": "2016-08-19 21:42"}
        for number, user in enumerate(theirs)
    ]
    own = again[0] | {"orderid": "own", "start_time": "2016-08-22 07:00", "end_time": "2016-08-22 07:20"}
    said = second.issued(rides_csv([*again, own]))
    assert (said["state"], said["summary"]["accepted"]) == ("issued", 1)
    assert said["summary"]["refused"] == {"already-issued": 2}
    ids = second.live.source.id, first.live.source.id
    found = second.platform.get("/v1/duplicates").json()["items"][0]
    counted = [found[name] for name in ("batch", "source", "other", "activities", "is_named")]
    assert counted == [said["batch"], *ids, 2, False]
    assert all(one["source"] == ids[1] for one in first.platform.get("/v1/duplicates").json()["items"])
    centre = first.centre(1)
    errands = [one for one in centre.get("/v1/worklist").json()["errands"] if one["what"] == "duplicate"]
    assert found["duplicate"] in {one["number"] for one in errands}
    settlement = f"/v1/duplicates/{found['duplicate']}/settlement"
    done = centre.post(settlement, {"note": "The contract was mended. 合同已补正。"})
    assert (done.status_code, done.json()["settled_at"] is not None) == (201, True)
    assert is_problem(centre.post(settlement, {"note": "again"}), 409, "conflict")

    body = {"source": ids[0], "other": ids[1]}
    named = centre.post("/v1/sharings", body)
    assert named.status_code == 201, named.text
    consents_say(live, ids[0], ids[1], next(iter(riders.values())))
    assert is_problem(centre.post("/v1/sharings", body), 409, "conflict")
    assert is_problem(centre.post("/v1/sharings", body | {"other": ids[0]}), 400, "invalid")
    third = second.read(second.proposed(rides_csv([one | {"orderid": f"z-{one['orderid']}"} for one in again])))
    assert third["state"] == "refused"
    newest = second.platform.get("/v1/duplicates").json()["items"][0]
    assert [newest[name] for name in ("batch", "activities", "is_named")] == [third["batch"], 2, True]
    sharings = first.platform.get(f"/v1/sharings/{ids[0]}").json()["items"]
    assert [(one["other"], one["until"]) for one in sharings] == [(ids[1], None)], "whoever consents can read it"
    ended = centre.post(f"/v1/sharings/{named.json()['sharing']}/end", {})
    assert (ended.status_code, ended.json()["until"] is not None) == (201, True)


def consents_say(live, source: int, other: int, before: int) -> None:
    """Who consented before the contract named another is told that it does since; who links now consents to it."""
    (old,) = [one for one in holder(live, before).get(f"/v1/accounts/{before}/consents").json()["items"]
              if one["source"] == source]  # fmt: skip
    assert ([one["source"] for one in old["since_named"]], old["others"]) == ([other], [])
    person = holder(live, live.person())
    code = person.act("link-codes", source=source).json()
    assert [one["source"] for one in code["others"]] == [other], "told before it is given"
    with live.site.database.reading() as tx:
        platform = Caller(live.url, live.token("platform", get_source(tx, source).applicant_id))
    linked = platform.post(f"/v1/sources/{source}/consents", {"code": code["code"], "external_id": "named-too"})
    assert linked.status_code == 201, linked.text
    (new,) = person.get(f"/v1/accounts/{person.account}/consents").json()["items"]
    assert ([one["source"] for one in new["others"]], new["since_named"]) == ([other], [])
