"""What was decided, for anyone to read: decisions, cases, policies in force and what changed of them."""

import pytest

from api.decisions.shapes import Case, Decisions, Worklist
from api.installation.officers import BUREAU, CENTRE, OFFICERS
from api.policies.shapes import InForce, Versions
from registry.clock import rfc3339
from registry.policies.calendars import missing_calendars
from registry.policies.policies import publish_policy
from registry.policies.versions import changes
from registry.sources.approval import advance, apply_for
from registry.sources.sources import NewSource
from tests.support.rest import Caller, authority, is_problem


@pytest.fixture(scope="module")
def public(live):
    live.publish()
    return Caller(live.url)


def all_of(public, path, shape):
    """Walk a list of three a page to its end."""
    items, cursor = [], ""
    while cursor is not None:
        page = shape.model_validate(public.get(f"{path}limit=3{cursor and f'&cursor={cursor}'}").json(), strict=False)
        items, cursor = [*items, *page.items], page.next_cursor
    return items


def test_decisions_are_listed_newest_first_each_in_its_case(public):
    every = all_of(public, "/v1/decisions?", Decisions)
    assert [one.index for one in every] == sorted({one.index for one in every}, reverse=True)
    for record in ("policy", "source"):
        of = all_of(public, f"/v1/decisions?record={record}&", Decisions)
        assert of == [one for one in every if one.record == record] != []
    number = next(one.case for one in every if one.record == "source")
    case = Case.model_validate(public.get(f"/v1/cases/{number}?limit=200").json())
    assert case.items == [one for one in every if one.case == number]
    assert case.state == case.items[0].says["to"]
    assert [one.says["from"] for one in case.items[:-1]] == [one.says["to"] for one in case.items[1:]]
    assert all_of(public, f"/v1/cases/{number}?", Case) == case.items


@pytest.mark.parametrize("path", ["/v1/cases/S-999999", "/v1/cases/x", "/v1/policies/S-1", "/v1/policies/P-999999"])
def test_what_is_no_case_is_not_found(public, path):
    assert is_problem(public.get(path), 404, "not-found")


def test_what_is_not_in_the_published_log_is_in_no_list(live, public):
    before = [public.get(path).content for path in ("/v1/decisions", "/v1/policies?at=2098-01-01T00:00:00.000Z")]
    with live.site.database.transaction() as tx:
        publish_policy(tx, live.site.ledger, "calendar/2097", {"holidays": [], "workdays": []}, 0, BUREAU)
    for path, earlier in zip(("/v1/decisions", "/v1/policies?at=2098-01-01T00:00:00.000Z"), before, strict=True):
        assert public.get(path).content == earlier
    live.publish()
    assert public.get("/v1/decisions").json()["items"][0]["says"]["name"] == "calendar/2097"


def test_a_policy_holds_from_its_time_on_and_the_one_before_it_until_then(live, public):
    first = next(one for one in _in_force(public, "").items if one.name == "calendar/2026")
    soon = (live.site.ledger.clock() // 60_000 + 2) * 60_000
    later = first.value | {"note": "of no consequence"}
    with live.site.database.transaction() as tx:
        publish_policy(tx, live.site.ledger, "calendar/2026", later, soon, BUREAU)
    live.publish()
    for at, value in ((soon - 1, first.value), (soon, later)):
        found = _in_force(public, f"?at={rfc3339(at)}")
        calendar = next(one for one in found.items if one.name == "calendar/2026")
        assert (calendar.value, calendar.case, found.at) == (value, first.case, rfc3339(at))
    versions = all_of(public, f"/v1/policies/{first.case}?", Versions)
    assert [one.value for one in versions] == [later, first.value]
    assert (versions[0].title_zh, versions[0].in_force) == ("年度工作日历", rfc3339(soon))


def _in_force(public, query):
    return InForce.model_validate(public.get(f"/v1/policies{query}").json())


@pytest.mark.parametrize("at", ["now", "2026-11-28", "2026-02-30T00:00:00.000Z"])
def test_a_time_is_written_in_one_way(public, at):
    assert is_problem(public.get(f"/v1/policies?at={at}"), 400, "invalid")


def test_changes_name_the_place():
    before = {"a": 1, "b": {"c": [1], "d": 2}, "gone": True}
    after = {"a": 1, "b": {"c": [1, 2], "d": 2}, "new": None, "e": {"f": 1}}
    assert list(changes(before, after)) == [("b.c", [1], [1, 2]), ("e", None, {"f": 1}), ("gone", True, None)]


def test_the_command_shows_what_was_in_force_and_what_changed(live, gram):
    live.publish()
    data = ("--data", live.site.settings.data)
    code, said, _ = gram("policy", "show", *data)
    assert (code, "points · 碳积分有效期 · How long points are valid; from the beginning; case P-" in said) == (0, True)
    assert "calendar/2031" not in said
    value = {"holidays": [], "workdays": []}
    later = value | {"workdays": ["2031-02-01"]}
    soon = (live.site.ledger.clock() // 60_000 + 2) * 60_000
    with live.site.database.transaction() as tx:
        publish_policy(tx, live.site.ledger, "calendar/2031", value, 0, BUREAU)
        publish_policy(tx, live.site.ledger, "calendar/2031", later, soon, BUREAU)
    live.publish()
    code, said, _ = gram("policy", "history", "calendar/2031", *data)
    assert code == 0
    assert [line.strip() for line in said.split("\n")][2] == 'workdays: [] -> ["2031-02-01"]'
    for at, shown in ((soon - 1, '"workdays": []'), (soon, "2031-02-01")):
        code, said, _ = gram("policy", "show", "calendar/2031", "--at", rfc3339(at), *data)
        assert (code, shown in said) == (0, True)
    assert gram("policy", "show", "nothing", *data)[0] == gram("policy", "history", "nothing", *data)[0] == 2
    assert gram("policy", "show", "--at", "yesterday", *data)[2].startswith("gram: --at is no time")


def test_what_waits_is_listed_for_whose_it_is(live, gram):
    ledger, of = live.site.ledger, live.source
    window = of.valid_from_ms, of.valid_until_ms
    scenario = NewSource(
        "scenario", "等待", "Waits", of.applicant_id, of.methodology_code, of.methodology_version, *window
    )
    with live.site.database.transaction() as tx:
        source = apply_for(tx, ledger, scenario, CENTRE.proposing)
    number = f"S-{source.id}"

    def listed(role):
        found = Worklist.model_validate_json(authority(live, role).get("/v1/worklist").content)
        return {one.number: {step.decision: step for step in one.steps} for one in found.items}

    assert listed("centre")[number].keys() == {"accept", "refuse"}
    assert number not in listed("exchange")
    with live.site.database.transaction() as tx:
        assert [advance(tx, ledger, source.id, OFFICERS) for _ in range(3)][-1] == "publicity"
    publish = listed("exchange")[number]["publish"]
    assert (publish.by, publish.second, publish.words.zh) == (["centre"], ["exchange"], "会同上海环交所审核通过并公布")
    assert publish.not_before is not None
    with live.site.database.transaction() as tx:
        reminders = {one.about for one in missing_calendars(tx, ledger.clock())}
    said = Worklist.model_validate_json(authority(live, "bureau").get("/v1/worklist").content).reminders
    assert {one.about for one in said} == reminders
    assert all(about in gram("worklist", "bureau", "--data", live.site.settings.data)[1] for about in reminders)
    code, said, _ = gram("worklist", "exchange", "--data", live.site.settings.data)
    assert (code, f"{number}: 公示中 · in publicity, since" in said, "  publish (" in said) == (0, True, True)
    assert "  object (" not in said, "that is the centre's to record"
    with live.site.database.transaction() as tx:
        while advance(tx, ledger, source.id, OFFICERS) != "live":
            pass
    assert all(number not in listed(role) for role in ("centre", "exchange"))
