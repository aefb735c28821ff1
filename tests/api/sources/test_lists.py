"""Nobody applies twice, nor from within the quota boundary: applications against imported lists (R11, R12)."""

import hashlib
import json
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa

from registry.sources.entries import read_entries
from registry.sources.matching import identifier_in, is_near_identifier, is_near_name, name_in
from tests.api.submissions.test_submissions import application, done
from tests.support.reporting import content_digest
from tests.support.rest import Caller, authority, holder, institution, is_problem

CCER = (
    "entity,kind,identifier\n"
    "远方水电站,project,CCER-0099\n"
    "Far Solar Park,meter,3101 0042 7781\n"
    ",meter,９９８８７７６６\n"
)
QUOTA = [
    {"entity": "沪上钢铁有限公司"},
    {"entity": "Port power", "kind": "credit-code", "identifier": "91310000MA1K00001X"},
]


@pytest.fixture(scope="module")
def centre(live) -> Caller:
    return authority(live, "centre")


def put(centre: Caller, name: str, content: bytes, **said: str):
    query = {"purpose": "registry", "dated": "2026-10-01", "origin": "example.org 示例"} | said
    headers = {"Content-Type": "application/octet-stream", "Content-Digest": content_digest(content)}
    return centre.ask("PUT", f"/v1/lists/{name}?{urlencode(query)}", content=content, headers=headers)


@pytest.fixture(scope="module", autouse=True)
def lists(centre):
    lines = "\n".join(json.dumps(one) for one in QUOTA).encode()
    said = put(centre, "ccer", CCER.encode()), put(centre, "ets-2026", lines, purpose="quota", format="jsonl")
    assert [answer.status_code for answer in said] == [200, 200], said[1].text
    return [answer.json() for answer in said]


SHARES = [{"sharer": "developer", "name": "某某", "parts": 10_000}]


def handed_in(firm: Caller, *assets: tuple[str, str], **changes):
    stated = [{"kind": kind, "identifier": identifier} for kind, identifier in assets]
    number = done(firm.act("applications", **application(assets=stated, **changes)))["submission"]
    return number, firm.post(f"/v1/submissions/{number}/handing-in", {})


def test_everybody_sees_which_list_counts_with_its_own_date_and_hash(live, centre, lists):
    first = lists[0]
    assert (first["dated"], first["origin"], first["entries"]) == ("2026-10-01", "example.org 示例", 3)
    assert first["sha256"] == hashlib.sha256(CCER.encode()).hexdigest()
    assert put(centre, "ccer", CCER.encode()).json() == first, "the same again is the same"
    assert is_problem(put(centre, "ccer", b"entity\nx\n", dated="2026-09-30"), 409, "conflict"), "an older one"
    assert is_problem(put(centre, "ccer", b"entity\nx\n", purpose="quota", dated="2027-01-01"), 409, "conflict")
    for name, dated in (("brief", "2026-01-01"), ("brief", "2026-02-01")):
        assert put(centre, name, b"entity\nNobody at all\n", dated=dated).status_code == 200
    seen = Caller(live.url).get("/v1/lists").json()["items"]
    assert [(one["dated"], one["counts"]) for one in seen if one["name"] == "brief"] == [
        ("2026-02-01", True),
        ("2026-01-01", False),
    ]


@pytest.mark.parametrize(
    ("asset", "changes", "code", "words"),
    [
        (("meter", "3101-0042-7781"), {}, "registered-elsewhere", ("第二十三条", "ccer of 2026-10-01", "example.org")),
        (("meter", "99887766"), {}, "registered-elsewhere", ("entry 3",)),
        (("project", "ccer 0099"), {}, "registered-elsewhere", ("entry 1",)),
        (("credit-code", "91310000ma1k00001x"), {}, "within-quota-boundary", ("第十七条", "ets-2026")),
    ],
)
def test_the_same_asset_is_refused_with_the_rule_and_the_list(live, asset, changes, code, words):
    firm = institution(live)
    number, answer = handed_in(firm, asset, **changes)
    assert is_problem(answer, 409, code)
    assert all(word in answer.json()["detail"] for word in words), answer.text
    assert firm.get(f"/v1/submissions/{number}").json()["state"] == "draft"


def test_who_is_in_the_quota_boundary_is_refused_by_name_and_for_a_developer_too(live):
    steel = holder(live, live.institution("沪上钢铁有限公司"))
    assert is_problem(handed_in(steel)[1], 409, "within-quota-boundary")
    agent = institution(live)
    done(steel.act("mandates", agent=agent.account, kind="apply"))
    assert is_problem(handed_in(agent, developer=steel.account, shares=SHARES)[1], 409, "within-quota-boundary")


def test_what_is_near_waits_for_an_officer_whose_word_is_in_the_decision(live, centre):
    firm = institution(live)
    number, answer = handed_in(firm, ("meter", "3101-0042-7787"), ("plate-fleet", "沪A-7"), name_en="Park Solar, far")
    done(answer)
    case = done(centre.post(f"/v1/incoming/{number}/recording", {}))["case"]
    accept = f"/v1/cases/{case}/decisions", {"decision": "accept"}
    waits = centre.post(*accept)
    assert is_problem(waits, 409, "conflict")
    assert "entry 2 of the list ccer" in waits.json()["detail"].lower()
    (near,) = centre.get(f"/v1/cases/{case}/matches").json()["items"]
    assert (near["same"], near["judged_same"], near["entity"]) == (False, None, "Far Solar Park")
    word = {"list": near["list"], "place": near["place"], "same": True, "reason": "same-meter"}
    assert is_problem(centre.post(f"/v1/cases/{case}/matches", word | {"place": 1}), 404, "not-found")
    assert done(centre.post(f"/v1/cases/{case}/matches", word))["left"] == 0
    assert is_problem(centre.post(*accept), 409, "registered-elsewhere")
    done(centre.post(f"/v1/cases/{case}/matches", word | {"same": False, "reason": "another-site"}))
    assert done(centre.post(*accept))["state"] == "accepted"
    live.publish()
    says = Caller(live.url).get(f"/v1/cases/{case}").json()["items"][0]["says"]
    assert says["matches"] == ["ccer 2 other another-site centre:1"]
    assert f"ccer 2026-10-01 {hashlib.sha256(CCER.encode()).hexdigest()}" in says["lists"]
    assert "another-site" in Caller(live.url).get(f"/cases/{case}").text, "on the case's page"
    answer = handed_in(institution(live), ("plate-fleet", "沪a7"))[1]
    assert is_problem(answer, 409, "registered-elsewhere"), "another source of this registry has it"
    done(centre.post(f"/v1/cases/{case}/decisions", {"decision": "refuse", "reason": "test"}))
    assert state_of(live, case) == ["meter", "plate-fleet"]
    path = f"/v1/accounts/{firm.account}/erasure"
    assert firm.post(path, {"confirm": firm.get(path).json()["confirm"]}).status_code == 201
    assert state_of(live, case) == []


def state_of(live, case: str) -> list[str]:
    """Kinds of what a source's assets are known by, of those that can still be read; never as plain text."""
    with live.site.database.reading() as tx:
        rows = tx.execute(sa.text("SELECT * FROM source_assets WHERE source_id = :id"), {"id": int(case[2:])}).all()
    assert "7787" not in repr(rows)
    return [row.kind for row in rows if row.identifier is not None]


@pytest.mark.parametrize(
    ("content", "form", "words"),
    [
        (b"\xff", "csv", "no UTF-8"),
        (b"", "csv", "first line names the columns"),
        (b"entity,entity\na,b\n", "csv", "each once"),
        (b"entity\n", "csv", "no entry"),
        (b"entity,kind,identifier\na,meter\n", "csv", "Line 2 has 2 columns"),
        (b"entity,kind,identifier\na,engine,7\n", "csv", "Line 2: an identifier's kind"),
        (b'entity\n"a\n', "csv", "no CSV"),
        (b"entity\n" + b"x" * 201, "csv", "1 to 200 characters"),
        (b"entity\na\x00b\n", "csv", "control character"),
        (b"[]", "jsonl", "no object"),
        (b'{"entity": 7}', "jsonl", "no text"),
        (b"[" * 100_000, "jsonl", "no JSON"),
        (b"{}", "jsonl", "neither"),
        (b"x", "xml", "one of: csv, jsonl"),
    ],
)
def test_a_list_that_is_none_leaves_nothing(live, centre, content, form, words):
    before = Caller(live.url).get("/v1/lists").json()
    answer = put(centre, "broken", content, format=form)
    assert is_problem(answer, 400, "invalid")
    assert words in answer.json()["detail"], answer.text
    assert Caller(live.url).get("/v1/lists").json() == before
    assert is_problem(put(centre, "broken", b"x" * 1_048_577), 413, "too-large")


def test_a_project_says_what_its_assets_are_known_by(live):
    for assets, wrong in (([], "states what"), ([("engine", "7")], "known by one of"), ([("meter", "--")], "letters")):
        answer = handed_in(institution(live), *assets, kind="project")[1]
        assert is_problem(answer, 400, "invalid")
        assert wrong in answer.json()["detail"]


def test_near_is_a_slip_of_the_pen_and_not_another_thing():
    one = identifier_in("3101-0042-7781")
    for two, is_near in (("310100427781", True), ("3101 0042 7718", True), ("3101-0042-9999", False)):
        assert is_near_identifier(one, identifier_in(two)) is is_near
    assert not is_near_identifier("a1", "a2")
    assert is_near_name(name_in("Far Solar Park"), name_in("Park, FAR solar."))
    assert is_near_name(name_in("上海某某新能源光伏发电有限公司"), name_in("上海某某新能源光伏发电公司"))
    assert not is_near_name(name_in("Shared bicycle rides"), name_in("Far Solar Park"))
    assert [one.entity for one in read_entries("\ufeffentity\r\n甲\r\n".encode(), "csv")] == ["甲"]
