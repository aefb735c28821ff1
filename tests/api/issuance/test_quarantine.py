"""Quarantine: what a rule caught waits, says why in both languages, is appealed for, released, refused, or lapses."""

import itertools
from html import unescape
from urllib.parse import urlencode

import pytest

from api.explorer.signing_in import SESSION
from api.installation.development_issuer import NAME
from api.serving import batches as working
from registry.events.outbox import number_events
from registry.identity import sessions
from registry.identity.grants import Grant
from registry.identity.roles import Role
from registry.identity.subjects import Subject
from registry.issuance import quarantine as room
from registry.issuance import work
from registry.upkeep.consistency import check_tables
from tests.support.reporting import Reporting, rides_csv
from tests.support.rest import Caller, holder, is_problem

_numbers = itertools.count(1)
FAST = {"end_time": "2016-08-19 21:42"}
"""A minute for what takes twenty: no bicycle is so fast."""


@pytest.fixture(scope="module")
def reporting(live) -> Reporting:
    return Reporting.of(live)


@pytest.fixture
def riders(reporting) -> dict[str, int]:
    number = next(_numbers)
    return reporting.riders(f"caught-{number}-a", f"caught-{number}-b")


def ride(user: str, **changes: str) -> dict[str, str]:
    number = next(_numbers)
    return {"orderid": f"q-{number}", "userid": user, "bikeid": f"q{number}"} | changes


def caught(live, account: int) -> list[dict]:
    return holder(live, account).get(f"/v1/accounts/{account}/quarantine").json()["items"]


def release(reporting, items: list[int], by: int = 1):
    return reporting.centre(by).post("/v1/quarantine-releases", {"items": items})


def refuse(reporting, items: list[int], by: int = 1):
    return reporting.centre(by).post(
        "/v1/quarantine-refusals", {"items": items, "message": "It was on a lorry. 装在货车上"}
    )


def feed(reporting, account: int) -> list[dict]:
    items, more = [], {"after": 0, "has_more": True}
    while more["has_more"]:
        more = reporting.platform.get(f"/v1/accounts/{account}/events?limit=200&after={more['after']}").json()
        items += more["items"]
    return items


def appeal(live, account: int, number: int):
    path = f"/v1/accounts/{account}/quarantine/{number}/appeal"
    return holder(live, account).post(path, {"message": "I rode downhill. 我骑的是下坡。"})


def test_what_is_caught_says_why_and_is_released_into_a_lot_of_its_own(live, reporting, riders):
    a, b = riders
    fast = ride(b, **FAST)
    said = reporting.issued(rides_csv([ride(a), fast]))
    assert (said["state"], said["summary"]["accepted"], said["summary"]["held"]) == ("issued", 1, {"too-fast": 1})
    (held,) = caught(live, riders[b])
    assert (held["state"], held["reason"], held["reference"]) == ("waiting", "too-fast", fast["orderid"])
    assert "30 km/h" in held["en"]
    assert "公里" in held["zh"]
    assert caught(live, riders[a]) == []
    number = held["quarantine"]

    slow = reporting.issued(rides_csv([ride(a, start_time="2016-08-21 07:00", end_time="2016-08-21 07:20"),
                                       fast | {"end_time": "2016-08-19 22:11"}]))  # fmt: skip
    assert slow["summary"]["refused"] == {"caught-before": 1}, "nobody gets around a rule by reporting it again"

    begun = release(reporting, [number])
    assert (begun.status_code, begun.json()["is_release"], begun.json()["bytes"]) == (201, True, 0)
    batch = begun.json()["batch"]
    assert is_problem(release(reporting, [number]), 409, "conflict"), "it is on its way"
    assert is_problem(reporting.platform.post(f"/v1/batches/{batch}/withdrawal", {}), 409, "batch-state")
    reporting.work()
    assert reporting.read(batch)["state"] == "proposed"
    assert is_problem(reporting.approve(batch, by=1), 409, "conflict"), "four eyes"
    assert holder(live, riders[b]).balances()["reduction"] == 0
    assert reporting.approve(batch, by=2).status_code == 201
    reporting.work()
    lot = reporting.read(batch)
    assert (lot["state"], lot["summary"]["accepted"], lot["lot"]) == ("issued", 1, int(lot["case"][2:]))
    assert holder(live, riders[b]).balances()["reduction"] == held["quantity_g"] == lot["summary"]["quantity_g"]
    (after,) = caught(live, riders[b])
    assert (after["state"], after["release"]) == ("released", batch)
    assert is_problem(appeal(live, riders[b], number), 409, "conflict")
    with live.site.database.transaction() as tx:
        assert list(check_tables(tx)) == []


def test_who_refused_does_not_decide_on_the_appeal_and_each_is_told(live, reporting, riders):
    a, b = riders
    said = reporting.read(reporting.proposed(rides_csv([ride(a, **FAST), ride(b, **FAST)])))
    assert (said["state"], said["summary"]["held"]) == ("refused", {"too-fast": 2}), "nothing stands: no lot"
    numbers = [caught(live, riders[user])[0]["quarantine"] for user in riders]
    errands = {one["what"] for one in reporting.centre(1).get("/v1/worklist").json()["errands"]}
    assert "quarantine" in errands
    assert is_problem(refuse(reporting, [*numbers, 2**40]), 404, "not-found"), "all or none"
    assert refuse(reporting, numbers, by=1).json() == {"refused": 2}
    (held,) = caught(live, riders[a])
    assert (held["state"], held["outcome"], "货车" in held["words"]) == ("refused", "refused", True)
    assert is_problem(appeal(live, riders[a], numbers[1]), 404, "not-found"), "another person's"
    assert appeal(live, riders[a], numbers[0]).status_code == 201
    assert is_problem(appeal(live, riders[a], numbers[0]), 409, "conflict"), "once"
    path = f"/v1/quarantine/{numbers[0]}"
    assert is_problem(reporting.centre(2).get(path, headers={"Purpose": "%20"}), 400, "invalid"), "what for"
    seen = reporting.centre(2).ask("GET", path, headers={"Purpose": "appeal"}).json()
    assert (seen["account"], "downhill" in seen["appeal"], seen["decided_by"]) == (riders[a], True, "centre:1")
    reads = holder(live, riders[a]).get(f"/v1/accounts/{riders[a]}/reads").json()["items"]
    assert (reads[0]["reader"], reads[0]["purpose"]) == ("centre:2", "appeal")
    due = {by: [one["number"] for one in reporting.centre(by).get("/v1/worklist").json()["errands"]
                if one["what"] == "quarantine-appeal"] for by in (1, 2)}  # fmt: skip
    assert (numbers[0] in due[1], numbers[0] in due[2]) == (False, True)
    for act in (refuse, release):
        assert is_problem(act(reporting, numbers[:1], by=1), 409, "conflict"), "he refused it"
    assert refuse(reporting, numbers[:1], by=2).status_code == 201
    with live.site.database.transaction() as tx:
        number_events(tx)
    told = [one["data"] for one in feed(reporting, live.source.applicant_id) if one["type"] == "quarantine.ended"]
    ended = [one for one in told if one["batch"] == said["batch"]]
    assert [(one["state"], one["activities"]) for one in ended] == [("refused", 2), ("refused", 1)]
    listed = reporting.platform.get("/v1/quarantine?limit=200").json()["items"]
    assert set(numbers) <= {one["quarantine"] for one in listed}
    assert not any({"account", "reference", "appeal"} & set(one) for one in listed)
    other = Caller(live.url, live.token("platform", live.institution("Other platform")))
    assert other.get("/v1/quarantine").json()["items"] == []


def test_a_person_appeals_on_the_page_and_officers_decide_by_command(live, reporting, riders, gram):
    a, b = riders
    reporting.issued(rides_csv([ride(a), ride(b, **FAST)]))
    account, subject = riders[b], f"rider {riders[b]} with a browser"
    live.grant(subject, Grant(Role.HOLDER, account))
    with live.site.database.transaction() as tx:
        digest = Subject(NAME, subject).digest(live.site.ledger.vault)
        cookie = {"Cookie": f"{SESSION}={sessions.begin(tx, digest, live.site.ledger.clock())}"}
    (held,) = caught(live, account)
    number = held["quarantine"]

    def page(path: str = "/me?lang=en", method: str = "GET", said: str = "", **headers: str):
        given = (
            cookie | {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"} | headers
        )
        return Caller(live.url).ask(method, path, headers=given, content=said.encode())

    form = f"/me/accounts/{account}/quarantine/{number}/appeal"
    assert (held["en"] in unescape(page().text), form in page().text, held["zh"] in page("/me").text) == (True,) * 3
    message = urlencode({"message": "I rode downhill. 下坡"})
    assert page(form, "POST", message, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert page(form, "POST").status_code == page(form, "POST", "%ff=%ff").status_code == 400
    theirs = f"/me/accounts/{riders[a]}/quarantine/{number}/appeal"
    assert page(theirs, "POST", message).status_code == 403
    after = page(f"{form}?lang=en", "POST", message).text
    assert ("I rode downhill. 下坡" in after, f'action="{form}' in after) == (True, False), "once"
    at = "--registry", live.url, "--token"
    centre, me = reporting.centre(1), holder(live, account)
    own = gram("quarantine", "list", "--account", account, *at, me.token)[1]
    assert own.startswith(f"{number}  source {live.source.id}  waiting  too-fast  ")
    assert f"{number}  " in gram("quarantine", "list", "--state", "waiting", *at, centre.token)[1]
    shown = gram("quarantine", "show", number, "--purpose", "申诉", *at, centre.token)[1]
    assert "appeal: I rode downhill. 下坡" in shown
    assert gram("quarantine", "appeal", number, "--account", account, "--message", "x", *at, me.token)[0] == 2, "once"
    refusal = gram("quarantine", "refuse", number, "--message", "装在货车上", *at, centre.token)
    assert refusal[:2] == (0, "1 are refused.\n")
    assert "装在货车上" in page().text
    reporting.issued(rides_csv([ride(a, start_time="2016-08-26 07:00", end_time="2016-08-26 07:20"), ride(b, **FAST)]))
    other = next(one["quarantine"] for one in caught(live, account) if one["state"] == "waiting")
    assert gram("quarantine", "release", other, *at, centre.token)[1].startswith("Batch ")
    assert caught(live, account)[0]["state"] == "releasing"
    reporting.work()


def test_what_was_met_meanwhile_is_refused_when_it_is_released(live, reporting, riders):
    a, b = riders
    reporting.issued(rides_csv([ride(a, start_time="2016-08-25 07:00", end_time="2016-08-25 07:20"), ride(a, **FAST),
                                ride(b, **FAST), ride(b, start_time="2016-08-19 21:41", **FAST)]))  # fmt: skip
    numbers = {user: [one["quarantine"] for one in caught(live, riders[user])] for user in riders}
    reporting.issued(rides_csv([ride(a, start_time="2016-08-19 21:30", end_time="2016-08-19 21:50")]))
    begun = release(reporting, numbers[a] + numbers[b]).json()["batch"]
    reporting.work()
    said = reporting.read(begun)
    assert (said["state"], said["summary"]["refused"]) == ("proposed", {"already-issued": 1, "overlapping": 1})
    assert [one["outcome"] for one in caught(live, riders[a])] == ["already-issued"]
    assert sorted(str(one["outcome"]) for one in caught(live, riders[b])) == ["None", "overlapping"]
    case = said["case"]
    centre = reporting.centre(2)
    assert centre.post(f"/v1/cases/{case}/decisions", {"decision": "refuse", "reason": "unclear"}).status_code == 201
    assert sorted(one["state"] for one in caught(live, riders[b])) == ["refused", "waiting"], "it waits as before"


def test_who_withdrew_consent_or_was_erased_gets_nothing_and_the_rest_lapses(live, reporting, riders):
    a, b = riders
    reporting.proposed(rides_csv([ride(a, **FAST), ride(b, **FAST)]))
    numbers = [caught(live, riders[user])[0]["quarantine"] for user in riders]
    one = holder(live, riders[a])
    assert one.post(f"/v1/accounts/{riders[a]}/consents/{live.source.id}/withdrawal", {}).status_code == 201
    begun = release(reporting, numbers[:1]).json()["batch"]
    reporting.work()
    assert reporting.read(begun)["state"] == "refused"
    assert caught(live, riders[a])[0]["outcome"] == "not-consented"
    confirm = one.get(f"/v1/accounts/{riders[a]}/erasure").json()["confirm"]
    assert one.post(f"/v1/accounts/{riders[a]}/erasure", {"confirm": confirm}).status_code == 201
    seen = reporting.centre(1).ask("GET", f"/v1/quarantine/{numbers[0]}", headers={"Purpose": "appeal"}).json()
    assert [seen[name] for name in ("account", "reference", "zh", "begins_at", "quantity_g")] == [None] * 5
    reporting.issued(rides_csv([ride(b, start_time="2016-08-26 07:00", end_time="2016-08-26 07:20"),
                                ride(b, start_time="2016-08-27 07:00", end_time="2016-08-27 07:01")]))  # fmt: skip
    kept = next(one["quarantine"] for one in caught(live, riders[b]) if one["quarantine"] != numbers[1])
    assert appeal(live, riders[b], kept).status_code == 201
    with live.site.database.transaction() as tx:
        room.tidy(tx, live.site.ledger.clock() + 91 * room.DAY_MS)
    states = {one["quarantine"]: one["state"] for one in caught(live, riders[b])}
    assert (states[numbers[1]], states[kept]) == ("lapsed", "waiting"), "what was appealed for waits for an answer"
    with live.site.database.transaction() as tx:
        room.tidy(tx, live.site.ledger.clock() + 500 * room.DAY_MS)
    assert [one["quarantine"] for one in caught(live, riders[b])] == [kept], "nothing leads to a person for ever"


@pytest.mark.parametrize("dies_at", ["judge_release", "end_release"])
def test_a_release_that_is_killed_goes_on_whole(live, reporting, riders, monkeypatch, dies_at):
    class Killed(BaseException):
        pass

    b = next(iter(riders))
    reporting.proposed(rides_csv([ride(b, **FAST)]))
    batch = release(reporting, [caught(live, riders[b])[0]["quarantine"]]).json()["batch"]
    for go_on in (lambda: None, lambda: reporting.approve(batch)):
        go_on()
        with monkeypatch.context() as patched:
            real = getattr(work, dies_at)

            def after(*args, real=real, **named):
                real(*args, **named)
                raise Killed

            patched.setattr(work, dies_at, after)
            try:
                reporting.work()
            except Killed:
                assert reporting.read(batch)["work"] is not None
        reporting.work()
    working.tidy_up(live.site)
    assert reporting.read(batch)["state"] == "issued"
    assert [one["state"] for one in caught(live, riders[b])] == ["released"]
    assert holder(live, riders[b]).balances()["reduction"] > 0
