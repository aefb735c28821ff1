"""An author's and an applicant's own way in: drafts, faults that are told, and what the centre makes of them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from registry.clock import system_clock
from registry.identity.grants import Grant
from registry.identity.roles import Role
from registry.identity.subjects import Subject
from registry.methodologies.record import to_document
from registry.methodologies.shelf import find
from tests.support.rest import Caller, authority, holder, institution, is_problem
from tests.support.running import DISTRICT
from tests.support.scheme import methodology_of

FREE = "metro-by-trip"
"""A methodology that no other test of the shared installation begins a case of."""


SHARES = [{"sharer": "developer", "name": "村集体", "parts": 10_000}]


def signed_in(live, subject: str) -> Caller:
    return Caller(live.url, live.site.development_issuer.token(subject, system_clock() // 1000))


def done(answer):
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def centre(live) -> Caller:
    return authority(live, "centre")


def application(**changes):
    methodology = methodology_of()
    return {
        "kind": "scenario", "name_zh": "场景", "name_en": "Own way in", "methodology": methodology.key,
        "version": methodology.version, "valid_from": "2026-01-01T00:00:00.000Z",
        "valid_until": "2030-01-01T00:00:00.000Z", "district": DISTRICT, "commits": True,
    } | changes  # fmt: skip


def state(who: Caller, number: int):
    return who.get(f"/v1/submissions/{number}").json()


def test_whoever_signed_in_submits_a_methodology_mends_it_and_sees_it_refused_with_a_reason(live, centre):
    author, text = signed_in(live, "钱 author"), to_document(find(FREE))
    text |= {"methodology_class": "II", "code": None, "id": "ferry"}
    faulty = text | {"computation": text["computation"] | {"rounding": "up and down"}}
    number = done(author.post("/v1/submissions", {"definition": faulty}))["submission"]
    path = f"/v1/submissions/{number}"
    assert is_problem(author.post(f"{path}/handing-in", {}), 422, "methodology-unsound")
    assert state(author, number)["state"] == "draft"
    assert is_problem(centre.get(f"/v1/incoming/{number}"), 404, "not-found"), "a draft is its author's alone"
    assert is_problem(signed_in(live, "other author").get(path), 404, "not-found")
    done(author.post(f"{path}/correction", {"definition": text}))
    assert done(author.post(f"{path}/handing-in", {}))["state"] == "submitted"
    assert is_problem(author.post(f"{path}/correction", {"definition": text}), 409, "conflict")
    waits = {one["submission"]: one for one in centre.get("/v1/incoming").json()["items"]}
    assert waits[number]["record"] == "methodology"
    done(centre.post(f"/v1/incoming/{number}/return", {"reason": "unclear", "message": "请补充监测方法"}))
    back = state(author, number)
    assert (back["state"], back["reason"], back["message"]) == ("returned", "unclear", "请补充监测方法")
    done(author.post(f"{path}/handing-in", {}))
    said = done(centre.post(f"/v1/incoming/{number}/recording", {}))
    assert (said["state"], said["case"][:2]) == ("recorded", "M-")
    assert is_problem(author.post(f"{path}/withdrawal", {}), 409, "conflict"), "its case has begun"
    done(centre.post(f"/v1/cases/{said['case']}/decisions", {"decision": "refuse", "reason": "no-baseline"}))
    stands = state(author, number)
    assert (stands["case_state"], stands["case_reason"]) == ("refused", "no-baseline")
    live.publish()
    public = Caller(live.url).get(f"/v1/cases/{said['case']}").text
    digest = Subject("development", "钱 author").digest(live.site.ledger.vault)
    assert "钱" not in public
    assert digest.hex() not in public
    with live.site.database.reading() as tx:
        assert "请补充" not in repr(tx.execute(sa.text("SELECT * FROM submissions")).all()), "sealed"


def test_examples_that_are_handed_in_are_run_one_at_a_time(live):
    """A text within all limits can take a minute: whoever hands in twenty must not hold up all else."""
    author, text = signed_in(live, "slow author"), to_document(find(FREE))
    text |= {"methodology_class": "II", "code": None, "id": "slow-ferry"}
    number = done(author.post("/v1/submissions", {"definition": text}))["submission"]
    with live.site.database.transaction() as tx:
        tx.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended('gramledger/examples', 0))"))
        assert is_problem(author.post(f"/v1/submissions/{number}/handing-in", {}), 503, "unavailable")
    assert state(author, number)["state"] == "draft"
    done(author.post(f"/v1/submissions/{number}/handing-in", {}))
    done(author.post(f"/v1/submissions/{number}/withdrawal", {}))


def test_an_applicant_applies_for_a_developer_by_mandate_and_for_nobody_without(live, centre):
    firm, developer = institution(live), institution(live)
    applicant = Caller(live.url, live.token("applicant", firm.account), firm.account)
    wanted = application(developer=developer.account, shares=SHARES)
    number = done(applicant.act("applications", **wanted))["submission"]
    path = f"/v1/submissions/{number}"
    assert is_problem(applicant.post(f"{path}/handing-in", {}), 409, "conflict"), "there is no mandate"
    done(developer.act("mandates", agent=firm.account, kind="trade"))
    assert is_problem(applicant.post(f"{path}/handing-in", {}), 409, "conflict"), "to trade is not to apply"
    mandates = done(developer.act("mandates", agent=firm.account, kind="apply"))["items"]
    assert mandates[0]["kind"] == "apply"
    done(applicant.post(f"{path}/handing-in", {}))
    end = f"/v1/accounts/{developer.account}/mandates/{mandates[0]['mandate']}/end"
    done(developer.post(end, {}))
    assert is_problem(centre.post(f"/v1/incoming/{number}/recording", {}), 409, "conflict"), "it ended meanwhile"
    done(developer.act("mandates", agent=firm.account, kind="apply"))
    case = done(centre.post(f"/v1/incoming/{number}/recording", {}))["case"]
    assert state(firm, number)["case_state"] == "applied", "the account's holder sees it too"
    with live.site.database.reading() as tx:
        row = tx.execute(sa.text("SELECT * FROM sources WHERE id = :id"), {"id": int(case[2:])}).one()
    assert (row.applicant_id, row.developer_id, row.district) == (firm.account, developer.account, DISTRICT)
    live.publish()
    (says,) = [one["says"] for one in Caller(live.url).get(f"/v1/cases/{case}").json()["items"]]
    assert says["district"] == DISTRICT
    assert {"applicant_id", "developer_id"} & says.keys() == set(), "whose accounts these are is withheld"
    for kind, wrong in (("apply", live.person()), ("rule", firm.account)):
        assert is_problem(developer.act("mandates", agent=wrong, kind=kind), 400, "invalid")
    person = holder(live, live.person())
    assert is_problem(person.act("mandates", agent=firm.account, kind="apply"), 400, "invalid")
    assert is_problem(person.act("applications", **application()), 400, "invalid")


def test_a_submission_is_recorded_once_whoever_asks_at_once(live):
    firm = institution(live)
    number = done(firm.act("applications", **application()))["submission"]
    done(firm.post(f"/v1/submissions/{number}/handing-in", {}))
    officers = []
    for officer in (1, 2):
        live.grant(f"centre-{officer}", Grant(Role.CENTRE, officer=officer))
        officers.append(signed_in(live, f"centre-{officer}"))
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda who: who.post(f"/v1/incoming/{number}/recording", {}), officers))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    refused = officers[0].post(f"/v1/incoming/{number}/refusal", {"reason": "late"})
    assert is_problem(refused, 409, "conflict")


def test_a_district_bureau_sees_what_is_of_its_district(live, centre):
    firm, bureau = institution(live), authority(live, "district-bureau")
    numbers = {}
    for district in (DISTRICT, "310115", None):
        numbers[district] = done(firm.act("applications", **application(district=district)))["submission"]
        done(firm.post(f"/v1/submissions/{numbers[district]}/handing-in", {}))
    seen = {one["submission"] for one in bureau.get("/v1/incoming").json()["items"]}
    assert seen & set(numbers.values()) == {numbers[DISTRICT]}
    assert bureau.get(f"/v1/incoming/{numbers[DISTRICT]}").status_code == 200
    for district in ("310115", None):
        assert is_problem(bureau.get(f"/v1/incoming/{numbers[district]}"), 403, "forbidden")
    assert is_problem(bureau.post(f"/v1/incoming/{numbers[DISTRICT]}/recording", {}), 403, "forbidden")
    for number in numbers.values():
        done(centre.post(f"/v1/incoming/{number}/refusal", {"reason": "test"}))


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"commits": False}, 400, "invalid"),
        ({"kind": "miracle"}, 400, "invalid"),
        ({"methodology": "none"}, 404, "not-found"),
        ({"version": 99}, 404, "not-found"),
        ({"valid_from": "tomorrow"}, 400, "invalid"),
        ({"valid_until": "2020-01-01T00:00:00.000Z"}, 400, "invalid"),
        ({"developer": 2**53 - 1, "shares": SHARES}, 409, "conflict"),
        ({"developer": 2**53 - 1}, 400, "invalid"),
    ],
    ids=str,
)
def test_what_cannot_be_applied_for_stays_a_draft(live, changes, status, code):
    firm = institution(live)
    number = done(firm.act("applications", **application(**changes)))["submission"]
    assert is_problem(firm.post(f"/v1/submissions/{number}/handing-in", {}), status, code)
    assert state(firm, number)["state"] == "draft"
    assert done(firm.post(f"/v1/submissions/{number}/withdrawal", {}))["state"] == "withdrawn"
    assert state(firm, number)["content"] is None
    assert is_problem(firm.post(f"/v1/submissions/{number}/handing-in", {}), 409, "conflict")


def test_what_could_never_be_handed_in_or_read_again_is_not_kept(live):
    firm = institution(live)
    asset = {"kind": "meter", "identifier": ""}
    for changes in ({"name_en": ""}, {"name_zh": "长" * 201}, {"name_en": "\u202e"}, {"assets": [asset]}):
        assert is_problem(firm.act("applications", **application(**changes)), 400, "invalid")
    # RFC 8785 writes it without its point: a whole number that has no such form.
    for number in (36149497096928200.0, -(2**60)):
        assert is_problem(firm.post("/v1/submissions", {"definition": {"id": number}}), 400, "invalid")


def test_nobody_fills_the_tables_and_an_erasure_takes_what_was_submitted(live):
    person = holder(live, live.person())
    for _ in range(20):
        last = done(person.post("/v1/submissions", {"definition": {"id": "x"}}))["submission"]
    assert is_problem(person.post("/v1/submissions", {"definition": {}}), 409, "conflict")
    done(person.post(f"/v1/submissions/{last}/withdrawal", {}))
    done(person.post("/v1/submissions", {"definition": {}}))
    assert is_problem(
        person.post(f"/v1/submissions/{last - 1}/correction", {"application": application()}), 400, "invalid"
    )
    assert is_problem(person.post("/v1/submissions", b'{"definition": {"a": 1e999}}'), 400, "unreadable-request")
    digest = Subject("development", f"account-{person.account}").digest(live.site.ledger.vault)
    mine = sa.text("SELECT count(*) FROM submissions WHERE submitter = :digest")
    with live.site.database.reading() as tx:
        assert tx.execute(mine, {"digest": digest}).scalar_one() == 21
    path = f"/v1/accounts/{person.account}/erasure"
    assert person.post(path, {"confirm": person.get(path).json()["confirm"]}).status_code == 201
    with live.site.database.reading() as tx:
        assert tx.execute(mine, {"digest": digest}).scalar_one() == 0
