"""Batches: uploaded in parts, judged and listed, proposed by one officer and approved by another, issued as a lot."""

import csv
import hashlib
import io
import itertools
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa

from api.installation.officers import BUREAU
from api.issuance.batches import place_of
from api.serving import batches as working
from registry.clock import system_clock
from registry.issuance import batch as batches
from registry.issuance import work
from registry.policies.policies import publish_policy
from registry.sources.sources import give_consent, revoke_consent
from registry.upkeep.consistency import check_tables
from tests.support.reporting import PERIOD, Reporting, content_digest, rides_csv
from tests.support.rest import Caller, authority, fresh_key, holder, is_problem
from tests.support.rides import GOOD
from tests.support.scheme import behaviour_of, found_source
from tests.support.serving import await_true, children

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def reporting(live) -> Reporting:
    return Reporting.of(live)


@pytest.fixture
def riders(reporting) -> dict[str, int]:
    number = next(_numbers)
    return reporting.riders(f"rider-{number}-a", f"rider-{number}-b")


def rides_of(riders, *, count=None, **changes) -> bytes:
    """A ride of each rider, on bicycles of their own."""
    number = next(_numbers)
    return rides_csv([
        {"orderid": f"{number}-{user}", "userid": user, "bikeid": f"{number}{place}"} | changes
        for place, user in enumerate(riders)
    ][:count])  # fmt: skip


def ledger_rows(live) -> int:
    with live.site.database.reading() as tx:
        return tx.execute(sa.text("SELECT (SELECT count(*) FROM movements) + (SELECT count(*) FROM acts)")).scalar_one()


def sound(live) -> bool:
    with live.site.database.transaction() as tx:
        return list(check_tables(tx)) == []


def files_of(live, batch: int) -> list[str]:
    folder = place_of(live.site).of(batch)
    return [path.name for path in folder.iterdir()] if folder.exists() else []


def test_a_dry_run_lists_every_abnormal_row_and_writes_nothing(live, reporting, riders):
    a, b = riders
    content = rides_csv([
        {"orderid": "d-1", "userid": a, "bikeid": "61"},
        {"orderid": "=1+1", "userid": b, "end_time": "2016-08-19 21:41", "bikeid": "62"},
        {"orderid": "d-3", "userid": "stranger", "bikeid": "63"},
        {"orderid": "d-4", "userid": b, "bikeid": "64", "end_time": "soon"},
    ])  # fmt: skip
    before = ledger_rows(live)
    batch = reporting.judged(content)
    said = reporting.read(batch)
    assert (said["state"], said["work"], said["problem"], said["missing"]) == ("judged", None, None, [])
    assert ledger_rows(live) == before
    reasons = {"wrong-type": 2, "not-consented": 1}
    assert (said["summary"]["rows"], said["summary"]["accepted"], said["summary"]["refused"]) == (4, 1, reasons)
    rows = reporting.rows(batch)
    assert [row["row"] for row in rows] == [3, 4, 5]
    assert all(row["zh"] and row["en"] for row in rows)
    first = reporting.platform.get(f"/v1/batches/{batch}/rows?limit=2").json()
    rest = reporting.platform.get(f"/v1/batches/{batch}/rows?limit=2&cursor={first['next_cursor']}").json()
    assert [*first["items"], *rest["items"]] == rows
    assert rest["next_cursor"] is None
    assert is_problem(reporting.platform.get(f"/v1/batches/{batch}/rows?cursor=7"), 400, "invalid")
    sheet = list(csv.DictReader(io.StringIO(reporting.platform.get(f"/v1/batches/{batch}/rows.csv").text)))
    assert [row["row"] for row in sheet] == ["3", "4", "5"]
    assert not any(value.startswith(("=", "+", "-", "@")) for row in sheet for value in row.values())


def test_a_batch_becomes_a_lot_by_two_officers(live, reporting, riders):
    content = rides_of(riders)
    batch = reporting.judged(content)
    assert is_problem(reporting.propose(batch, version=1), 409, "version-stale")
    assert reporting.propose(batch, by=1).status_code == 201
    assert is_problem(reporting.propose(batch, by=1), 409, "batch-state"), "it is being judged anew"
    reporting.work()
    said = reporting.read(batch)
    assert (said["state"], said["summary"]["accepted"]) == ("proposed", 2)
    assert is_problem(reporting.approve(batch, by=1), 409, "conflict"), "four eyes"
    assert is_problem(reporting.platform.post(f"/v1/batches/{batch}/withdrawal", {}), 409, "batch-state")
    assert reporting.approve(batch, by=2).status_code == 201
    reporting.work()
    said = reporting.read(batch)
    assert (said["state"], said["problem"], said["lot"]) == ("issued", None, int(said["case"][2:]))
    held = [holder(live, riders[user]).balances()["reduction"] for user in riders]
    assert sum(held) == said["summary"]["quantity_g"] > 0
    stands = {"source": live.source.id, "accepted": 2, "quantity_g": sum(held)}
    assert reporting.told(batch=batch) == [
        ("batch.judged", {**stands, "rows": 2}),
        ("batch.proposed", {**stands, "case": said["case"]}),
        ("batch.settled", {"source": live.source.id, "state": "issued"}),
    ]
    live.publish()
    case = Caller(live.url).get(f"/v1/cases/{said['case']}").json()
    assert [one["says"]["decision"] for one in case["items"]] == ["issue", "propose"]
    assert (case["items"][0]["says"]["actor"], case["items"][0]["says"]["second"]) == ("centre:1", "centre:2")
    assert "baseline_factor 0.106 kgCO2e/km" in case["items"][0]["says"]["parameters"], "the values that counted"
    again = reporting.begin(content)
    assert is_problem(again, 409, "batch-reported")
    assert f"lot {said['lot']}" in again.json()["detail"]
    working.tidy_up(live.site)
    assert files_of(live, batch) == []
    assert is_problem(reporting.platform.get(f"/v1/batches/{batch}/rows"), 404, "not-found")
    assert sound(live)


def test_a_file_reported_again_with_one_row_changed_issues_that_row_alone(live, reporting, riders):
    number = next(_numbers)
    rides = [{"orderid": f"{number}-{user}", "userid": user, "bikeid": f"{number}{user[-1]}"} for user in riders]
    assert reporting.issued(rides_csv(rides))["state"] == "issued"
    later = {"start_time": "2016-08-20 21:41", "end_time": "2016-08-20 22:01", "orderid": f"{number}-more"}
    said = reporting.issued(rides_csv([rides[0], rides[1] | later]))
    assert (said["state"], said["summary"]["accepted"]) == ("issued", 1)
    assert said["summary"]["refused"] == {"already-issued": 1}
    shuffled = rides_csv([rides[1], rides[0]])
    settled = reporting.read(reporting.proposed(shuffled))
    assert (settled["state"], settled["problem"]["type"]) == ("refused", "urn:gramledger:problem:already-issued")
    live.publish()
    refusal = Caller(live.url).get(f"/v1/cases/{settled['case']}").json()["items"][0]["says"]
    assert (refusal["decision"], refusal["reason"], refusal["rejected"]) == (
        "refuse", "already-issued", ["already-issued 2"],
    )  # fmt: skip


def test_a_behaviour_that_issues_nothing_recognises_what_people_did_once(live, riders):
    """Nothing is in the ledger; its people see theirs, everybody the count, and erasure severs it (R52)."""
    ledger, methodology = live.site.ledger, behaviour_of()
    with live.site.database.transaction() as tx:
        valid = live.source.valid_from_ms, live.source.valid_until_ms
        source = found_source(tx, ledger, methodology, valid, "Behaviour")
        switches = dict.fromkeys(("issues", "converts", "tradable"), False) | {"quantified": True}
        publish_policy(tx, ledger, "behaviours", {"behaviours": {methodology.key: switches}}, 0, BUREAU)
    reporting = Reporting.of(replace(live, source=source))
    with live.site.database.transaction() as tx:
        give_consent(tx, ledger.vault, source.id, riders, system_clock())
    a, b = riders
    number = next(_numbers)
    rides = [{"orderid": f"{number}-{user}", "userid": user, "bikeid": f"{number}{user[-1]}"} for user in riders]
    before = ledger_rows(live)
    said = reporting.read(reporting.proposed(rides_csv(rides[:1])))
    assert (said["state"], said["summary"]["accepted"], said["case"], said["lot"]) == ("recognised", 1, None, None)
    said = reporting.read(reporting.proposed(rides_csv(rides)))
    assert (said["state"], said["summary"]["accepted"]) == ("recognised", 1)
    assert said["summary"]["refused"] == {"already-issued": 1}
    assert ledger_rows(live) == before
    (all_of,) = Caller(live.url).get("/v1/recognitions").json()["items"]
    assert (all_of["source"], all_of["acts"]) == (source.id, 2)
    own = holder(live, riders[a])
    (mine,) = own.get(f"/v1/accounts/{own.account}/recognitions").json()["items"]
    assert (mine["acts"], own.balances()["reduction"]) == (1, 0)
    assert 0 < mine["saved_g"] < all_of["saved_g"]
    confirm = own.get(f"/v1/accounts/{own.account}/erasure").json()["confirm"]
    assert own.act("erasure", confirm=confirm).status_code == 201
    assert Caller(live.url).get("/v1/recognitions").json()["items"] == [all_of]
    other = holder(live, riders[b])
    assert other.get(f"/v1/accounts/{other.account}/recognitions").json()["items"][0]["acts"] == 1
    assert sound(live)


def test_parts_come_in_any_order_twice_and_never_as_others(live, reporting, riders):
    content = rides_of(riders)
    batch = reporting.begin(content).json()["batch"]
    half = len(content) // 2
    assert reporting.put(batch, half, content[half:]).json()["missing"] == [{"first": 0, "end": half}]
    assert reporting.put(batch, half, content[half:]).status_code == 200, "twice is no fault"
    assert is_problem(reporting.put(batch, half, content[half:-1] + b"x"), 409, "part-differs")
    assert is_problem(reporting.put(batch, half - 1, content[half - 1 :]), 409, "part-differs")
    assert is_problem(reporting.put(batch, half, content, content_digest(content)), 400, "invalid")
    assert is_problem(reporting.put(batch, 0, content[:half], content_digest(b"other")), 400, "digest-differs")
    for digest in ("", "md5=:AAAA:", "sha-256=:AAAA:", "sha-256=nonsense"):
        assert is_problem(reporting.put(batch, 0, content[:half], digest or "x"), 400, "digest-missing")
    assert is_problem(reporting.put(batch, len(content), b"more"), 400, "invalid")
    assert is_problem(reporting.put(batch, 0, b" " * (2**20 + 1)), 413, "too-large")
    said = reporting.put(batch, 0, content[:half]).json()
    assert (said["state"], said["work"], said["missing"]) == ("uploaded", "judge", [])
    assert reporting.put(batch, 0, content[:half]).status_code == 200, "also when it is all there"
    assert is_problem(reporting.put(batch, 0, content[: half - 1]), 409, "batch-state")
    folder = place_of(live.site).of(batch)
    parts = folder / "reported"
    assert [oct(path.stat().st_mode)[-3:] for path in (folder.parent, folder, parts, parts / "0")] == [
        "700", "700", "700", "600",
    ]  # fmt: skip
    reporting.work()
    assert reporting.read(batch)["state"] == "judged"


def test_of_parts_proposals_and_approvals_at_once_one_wins(live, reporting, riders):
    """What comes of each is what one request makes; the other part has text behind a quotation mark."""
    content = rides_of(riders)
    altered = content[:-1] + b" "

    def at_once(asks):
        with ThreadPoolExecutor(len(asks)) as pool:
            return sorted(one.status_code for one in pool.map(lambda ask: ask(), asks))

    begun = at_once([lambda: reporting.begin(content)] * 8)
    assert begun == [201, *[409] * 7]
    batch = max(one["batch"] for one in reporting.platform.get("/v1/batches").json()["items"])
    half = len(content) // 2
    parts = [content[half:], altered[half:]] * 4
    sent = at_once([lambda part=part: reporting.put(batch, half, part) for part in parts])
    assert sent == [200] * 4 + [409] * 4
    reporting.put(batch, 0, content[:half])
    reporting.work()
    said = reporting.read(batch)
    if said["state"] == "refused":
        assert said["problem"]["type"] == "urn:gramledger:problem:invalid", "the other part came first"
        batch = reporting.judged(content)
        said = reporting.read(batch)
    seen, (one, *others) = {"version": said["version"]}, (reporting.centre(number) for number in (1, 2, 3))
    assert at_once([lambda: one.post(f"/v1/batches/{batch}/proposal", seen)] * 8) == [201, *[409] * 7]
    reporting.work()
    motion = reporting.motion(batch)
    approved = at_once([lambda by=by: by.post(f"/v1/motions/{motion}/approval", {}) for by in others * 3])
    assert approved.count(201) == 1
    assert set(approved) <= {201, 404, 409}
    reporting.work()
    assert reporting.read(batch)["state"] == "issued"
    assert (
        sum(holder(live, account).balances()["reduction"] for account in riders.values())
        == (reporting.read(batch)["summary"]["quantity_g"])
    )
    assert sound(live)


def test_what_cannot_be_read_as_a_whole_is_refused_and_says_why(reporting, riders):
    header = rides_csv([])
    good = rides_of(riders)
    cases = {
        "invalid": [b"nonsense", good.replace(b"orderid", b"order"), good + b'"never closed', b"\xff\xfe" + good],
        "digest-differs": [good],
    }
    for code, contents in cases.items():
        for content in contents:
            declared = {"sha256": hashlib.sha256(b"other" + content).hexdigest()} if code == "digest-differs" else {}
            batch = reporting.begin(content, **declared).json()["batch"]
            reporting.put(batch, 0, content)
            reporting.work()
            said = reporting.read(batch)
            assert (said["state"], said["problem"]["type"]) == ("refused", f"urn:gramledger:problem:{code}")
            assert said["problem"]["detail"]
    batch = reporting.judged(header)
    assert reporting.read(batch)["summary"]["rows"] == 0
    assert reporting.propose(batch).status_code == 201
    reporting.work()
    said = reporting.read(batch)
    assert (said["state"], said["problem"]["type"]) == ("judged", "urn:gramledger:problem:invalid")


def test_only_its_own_platform_and_the_authorities_see_a_batch(live, reporting, riders):
    batch = reporting.judged(rides_of(riders))
    other = Caller(live.url, live.token("platform", live.institution("Other platform")))
    for path in ("", "/rows", "/rows.csv", "/rows.jsonl"):
        theirs, nobodys = (other.get(f"/v1/batches/{number}{path}") for number in (batch, 2**40))
        assert is_problem(theirs, 403, "forbidden")
        assert theirs.content == nobodys.content
        assert reporting.centre(1).get(f"/v1/batches/{batch}{path}").status_code == 200
    assert other.get("/v1/batches").json()["items"] == []
    assert is_problem(other.post(f"/v1/batches/{batch}/withdrawal", {}), 403, "forbidden")
    assert is_problem(other.post(f"/v1/sources/{live.source.id}/batches", {
        "profile": "shanghai-rides", "bytes": 1, "sha256": "0" * 64,
        "period_from": "2026-01-01T00:00:00.000Z", "period_until": "2026-01-02T00:00:00.000Z",
    }), 403, "forbidden")  # fmt: skip
    assert batch in {one["batch"] for one in reporting.centre(1).get("/v1/batches?state=judged").json()["items"]}


def test_what_is_declared_is_bounded_and_withdrawn(reporting, riders, monkeypatch):
    content = rides_of(riders)
    for changes in (
        {"sha256": "A" * 64}, {"sha256": "00"}, {"period_from": "yesterday"},
        {"period_until": "2016-01-01T00:00:00.000Z"}, {"period_until": "2030-01-01T00:00:00.000Z"},
    ):  # fmt: skip
        assert is_problem(reporting.begin(content, **changes), 400, "invalid"), changes
    assert is_problem(reporting.begin(content, profile="no such"), 404, "not-found")
    for size in (0, -1, 1.5, 2**63, batches.MOST_BYTES + 1):
        assert is_problem(reporting.begin(content, bytes=size), 422, "malformed"), size
    begun = reporting.begin(content, "a-key")
    assert reporting.begin(content, "a-key").headers["Idempotency-Replayed"] == "true"
    assert is_problem(reporting.begin(content, "a-key", bytes=7), 409, "idempotency-key-reused")
    assert is_problem(reporting.begin(content), 409, "batch-reported"), "it is on its way"
    monkeypatch.setattr(batches, "MOST_OPEN", 1)
    assert is_problem(reporting.begin(rides_of(riders)), 409, "batch-quota")
    batch = begun.json()["batch"]
    assert reporting.platform.post(f"/v1/batches/{batch}/withdrawal", {}).json()["state"] == "withdrawn"
    assert is_problem(reporting.put(batch, 0, content), 409, "batch-state")
    monkeypatch.undo()
    assert reporting.begin(content).status_code == 201, "what was withdrawn can be reported again"


def test_what_changed_between_proposal_and_approval_is_left_out_or_told(live, reporting, riders):
    a = next(iter(riders))
    content = rides_of(riders)
    batch = reporting.proposed(content)
    with live.site.database.transaction() as tx:
        revoke_consent(tx, live.source.id, riders[a], live.site.ledger.clock())
    reporting.approved(batch)
    said = reporting.read(batch)
    assert (said["state"], said["summary"]["accepted"], said["summary"]["refused"]) == (
        "issued", 1, {"not-consented": 1},
    )  # fmt: skip
    assert holder(live, riders[a]).balances()["reduction"] == 0
    both = reporting.riders(f"again-{next(_numbers)}", f"again-{next(_numbers)}")
    rides = [{"orderid": f"x-{user}", "userid": user, "bikeid": f"x-{user}"} for user in both]
    first, second = reporting.proposed(rides_csv(rides)), reporting.proposed(rides_csv(rides[:1]))
    reporting.approved(second, first)
    said = reporting.read(first)
    assert (said["state"], said["summary"]["accepted"]) == ("issued", 1), "one act is issued once"
    assert said["summary"]["refused"] == {"already-issued": 1}


def test_officers_refuse_with_a_reason_or_have_it_judged_anew(live, reporting, riders):
    content = rides_of(riders)
    batch = reporting.proposed(content)
    case = reporting.read(batch)["case"]
    decisions = f"/v1/cases/{case}/decisions"
    centre = reporting.centre(2)
    assert is_problem(centre.post(decisions, {"decision": "refuse"}), 400, "invalid")
    assert is_problem(centre.post(decisions, {"decision": "issue"}), 409, "conflict"), "it waits for its approval"
    exchange = authority(live, "exchange")
    assert is_problem(exchange.post(decisions, {"decision": "refuse", "reason": "no"}), 403, "forbidden")
    motion = reporting.motion(batch)
    assert reporting.centre(1).post(f"/v1/motions/{motion}/withdrawal", {}).status_code == 201
    assert centre.post(decisions, {"decision": "issue"}).status_code == 201
    reporting.work()
    assert is_problem(reporting.approve(batch, by=1), 409, "conflict"), "he proposed it"
    assert centre.post(decisions, {"decision": "refuse", "reason": "unclear"}).status_code == 201
    said = reporting.read(batch)
    assert (said["state"], "unclear" in said["problem"]["detail"]) == ("refused", True)
    assert is_problem(centre.post(decisions, {"decision": "issue"}), 409, "batch-state")
    assert reporting.begin(content).status_code == 201, "the platform may report it again"


def test_a_process_of_its_own_works_until_it_is_stopped(live, reporting, riders):
    """As the supervisor has it done; it stays for what comes next, and goes when it is told to."""
    batch, stop = reporting.uploaded(rides_of(riders)), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        worked = pool.submit(working.work_through, live.site, stop)
        await_true(lambda: reporting.read(batch)["state"] == "judged", "it was not judged")
        stop.set()
    assert worked.result() is None
    assert [command for command in children(os.getpid()).values() if "api.serving.batches" in command] == []


@pytest.mark.parametrize("dies_at", ["write_listing", "propose", "issue_proposed"])
def test_killed_at_any_step_it_goes_on_whole(live, reporting, riders, monkeypatch, dies_at):
    """As if the process ended there: nothing of the step is left, and the next process does it again."""

    class Killed(BaseException):
        pass

    batch = reporting.uploaded(rides_of(riders))
    before = ledger_rows(live)
    for go_on in (lambda: None, lambda: reporting.propose(batch), lambda: reporting.approve(batch)):
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
    said = reporting.read(batch)
    assert (said["state"], said["summary"]["accepted"]) == ("issued", 2), said
    # a proposal, an issuance, and two ISSUEs of one act
    assert ledger_rows(live) == before + 2 * 2 + 3
    assert sound(live)


def test_a_batch_nobody_went_on_with_lapses_and_its_files_go(live, reporting, riders, monkeypatch):
    batch = reporting.judged(rides_of(riders))
    monkeypatch.setattr(batches, "LAPSE_MS", -1000)
    working.tidy_up(live.site)
    assert reporting.read(batch)["state"] == "withdrawn"
    assert files_of(live, batch) == []


def test_what_is_put_there_while_files_are_tidied_away_stays(live, reporting, riders, monkeypatch):
    begun, ask = [], batches.open_batches

    def and_then_one_begins(tx):
        needed = ask(tx)
        begun.append(reporting.uploaded(rides_of(riders)))
        return needed

    monkeypatch.setattr(batches, "open_batches", and_then_one_begins)
    working.tidy_up(live.site)
    assert files_of(live, begun[0]) == ["reported"]
    reporting.work()
    assert reporting.read(begun[0])["state"] == "judged"


def test_a_platform_and_officers_do_it_by_commands_and_the_lot_is_computed_again(
    live, reporting, riders, gram, tmp_path
):
    a, number = next(iter(riders)), next(_numbers)
    rides = [{"orderid": f"{number}-{user}", "userid": user, "bikeid": f"{number}{user[-1]}"} for user in riders]
    file = tmp_path / "rides.csv"
    file.write_bytes(rides_csv([*rides, {"orderid": f"{number}-bad", "userid": a, "bikeid": "7", "end_time": "soon"}]))
    where = ("--registry", live.url, "--no-wait", "--token")
    own = live.token("platform", live.source.applicant_id)
    declared = ("--source", live.source.id, "--profile", "shanghai-rides", "--period-from", PERIOD["period_from"])
    declared += ("--period-until", PERIOD["period_until"])
    code, said, _ = gram("batch", "upload", file, *declared, *where, own)
    batch = int(said.split()[1])
    assert (code, "is uploaded, waits for work (judge)" in said) == (0, True)
    reporting.work()
    code, said, _ = gram("batch", "status", batch, "--registry", live.url, "--token", own)
    assert (code, "is judged" in said, "refused wrong-type: 1" in said) == (0, True, True)
    _, said, _ = gram("batch", "rows", batch, "--registry", live.url, "--token", own)
    assert said.startswith(f"4  {number}-bad  wrong-type: ")
    code, _, refused = gram("batch", "propose", batch, *where, own)
    assert (code, refused.startswith("gram: ")) == (2, True), "a platform proposes nothing"
    for act, officer in (("propose", 1), ("approve", 2)):
        code, said, refused = gram("batch", act, batch, *where, reporting.token(officer))
        assert code == 0, refused
        reporting.work()
    lot = reporting.read(batch)["lot"]
    # The lot is what the methodology makes of the file; a row that is not as it was is named, one that is gone counted.
    data = ("--data", live.site.folder.path)
    lines = tmp_path / "lines"
    code, said, refused = gram("recompute", lot, "--inputs", file, "--lines", lines, "--json", *data)
    found = json.loads(said)
    assert (code, found["holds"], found["differing"], found["missing"]) == (0, True, 0, 0), refused
    assert found["computed"] == found["published"]
    live.publish()
    case = Caller(live.url).get(f"/v1/cases/{reporting.read(batch)['case']}").json()
    assert case["items"][0]["says"]["inputs_sha256"] == hashlib.sha256(lines.read_bytes()).hexdigest()
    file.write_bytes(rides_csv([rides[0] | {"end_time": "2016-08-19 22:02"}]))
    code, said, _ = gram("recompute", lot, "--inputs", file, "--json", *data)
    found = json.loads(said)
    assert (code, found["holds"], found["missing"]) == (1, False, 1)
    assert [one["reference"] for one in found["differences"]] == [rides[0]["orderid"]]


def test_json_lines_are_reported_in_one_request_by_the_rules_of_parts(reporting, riders):
    a, b = riders
    number = next(_numbers)

    def line(user, **changes) -> bytes:
        return json.dumps(
            GOOD | {"orderid": f"{number}-{user}", "userid": user, "bikeid": f"{number}{user}"} | changes
        ).encode()

    good = line(a)
    bad = {
        "member twice": good[:-1] + b', "userid": "' + b.encode() + b'"}',
        "no UTF-8": line(b, track="x").replace(b'"x"', '"上海"'.encode("gbk")),
        "a NUL": line(b, track="\0", bikeid="\0"),
        "a fraction of a number": line(b, start_location_x="1e2"),
        "beyond 2^63": line(b, start_location_x=str(2**63)),
        "reversed": line(b, orderid=f"{number}-r", start_time="2016-08-19 23:41"),
        "cut": good[:-9],
    }  # fmt: skip
    content = b"\n".join([b"\xef\xbb\xbf" + good, *bad.values()])
    key = fresh_key()
    begun = reporting.push(content, key)
    assert (begun.status_code, begun.json()["state"], begun.json()["work"]) == (201, "uploaded", "judge"), begun.text
    assert reporting.push(content, key).headers["Idempotency-Replayed"] == "true"
    assert is_problem(reporting.push(content), 409, "batch-reported")
    assert is_problem(reporting.push(b"", profile="shanghai-rides-lines"), 400, "invalid")
    assert is_problem(reporting.push(good, profile="shanghai-rides"), 400, "invalid")
    assert is_problem(reporting.push(good, profile="none"), 404, "not-found")
    assert is_problem(reporting.push(good, period_from="yesterday"), 400, "invalid")
    assert is_problem(reporting.push(b" " * (2**20 + 1)), 413, "too-large")
    reporting.work()
    batch = begun.json()["batch"]
    said = reporting.read(batch)
    assert (said["state"], said["summary"]["accepted"], said["summary"]["rows"]) == ("judged", 1, 8), said
    reasons = [row["reason"] for row in reporting.rows(batch)]
    assert reasons == ["malformed"] * 3 + ["wrong-type", "wrong-type", "ends-before-start", "malformed"]
    assert reporting.platform.post(f"/v1/batches/{batch}/withdrawal", {}).status_code == 201
