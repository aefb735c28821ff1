"""Jobs: what takes longer than a caller waits is done whole or not at all, beside everybody else's acts."""

import threading
from dataclasses import replace

import pytest

from api.door.write import ACCEPTED, Write
from api.jobs.shapes import Job, Jobs
from api.serving import jobs as runner
from registry.accounts.accounts import lock_account
from registry.errors import JobUnderWay, Unavailable
from registry.jobs import jobs
from registry.ledger import gathering
from registry.ledger.movement import read_serial
from registry.upkeep.consistency import check_tables
from tests.support.rest import Caller, authority, holder, institution, is_problem, person_with

PIECES = 13


@pytest.fixture(autouse=True)
def small(live, monkeypatch):
    """Acts take three blocks at once, bundles have four pieces."""
    monkeypatch.setitem(live.site.__dict__, "ledger", replace(live.site.ledger, most=3))
    monkeypatch.setattr(gathering, "MAX_PIECES", 4)


@pytest.fixture
def shop(live):
    """A provider that collected 10 g to 22 g from each of thirteen persons: 208 g."""
    shop = institution(live)
    riders = [live.person() for _ in range(PIECES)]
    live.issue({rider: 10 + n for n, rider in enumerate(riders)})
    for n, rider in enumerate(riders):
        holder(live, rider).act("conversions", quantity_g=10 + n)
        answer = holder(live, rider).act("redemptions", quantity_g=10 + n, provider=shop.account)
        assert answer.status_code == 201, answer.text
    return shop


def work(live):
    runner.work_through(live.site, threading.Event())


def a_step(live):
    assert runner._do_a_step(live.site)


def job_of(caller: Caller, answer) -> Job:
    return Job.model_validate(caller.get(answer.headers["Location"]).json(), strict=True)


def sound(live):
    with live.site.database.transaction() as tx:
        return list(check_tables(tx)) == []


def test_a_return_of_many_blocks_becomes_one_bundle(live, shop):
    answer = shop.act("returns", all=True)
    assert answer.status_code == 202, answer.text
    assert answer.headers["Retry-After"] == "1"
    waiting = Job.model_validate(answer.json(), strict=True)
    assert (waiting.kind, waiting.state, waiting.quantity_g, waiting.done_g) == ("returns", "waiting", 208, 0)
    work(live)
    job = job_of(shop, answer)
    assert (job.state, job.done_g, job.bundles, job.problem) == ("done", 208, [], None)
    first, last = read_serial(job.answer.bundle)
    assert last - first == 208
    assert shop.blocks() == [(job.answer.bundle, "reduction")]
    live.publish()
    made = Caller(live.url).get(f"/v1/bundles/{job.answer.bundle}").json()
    assert (made["pieces"], sum(part["quantity_g"] for part in made["made_of"])) == (4, 208)
    assert sound(live)
    listed = Jobs.model_validate(shop.get(f"/v1/accounts/{shop.account}/jobs").json(), strict=True)
    (in_list,) = listed.items
    assert in_list.answer.movements == []
    assert in_list.model_copy(update={"answer": job.answer}) == job


def test_while_it_runs_others_go_on_and_its_own_account_waits(live, shop):
    late = person_with(live, 30)
    late.act("conversions", quantity_g=30)
    answer = shop.act("returns", "the-return", all=True)
    a_step(live)
    job = job_of(shop, answer)
    assert (job.state, len(job.bundles)) == ("running", 1)
    assert 0 < job.done_g < 208
    assert late.act("redemptions", quantity_g=30, provider=shop.account).status_code == 201
    other = institution(live)
    for act, body in (
        ("returns", {"quantity_g": 10}),
        ("bundles", {"all": True}),
        ("transfers", {"quantity_g": 1, "to": other.account}),
        ("cancellations", {"quantity_g": 1, "purpose": "donation"}),
    ):
        assert is_problem(shop.act(act, **body), 409, "job-under-way"), act
    again = shop.act("returns", "the-return", all=True)
    assert (again.status_code, again.headers["Idempotency-Replayed"]) == (202, "true")
    assert again.headers["Location"] == answer.headers["Location"]
    confirm = shop.get(f"/v1/accounts/{shop.account}/erasure").json()["confirm"]
    erasure = {"confirm": confirm, "reductions": "forfeit", "points": "forfeit"}
    assert is_problem(shop.act("erasure", **erasure), 409, "job-under-way")
    work(live)
    assert job_of(shop, answer).state == "done"
    assert shop.balances() == {"reduction": 208, "points": 30}, "what came later is not of it"
    assert shop.act("returns", all=True).status_code == 201


def test_nobody_waits_for_a_step_to_be_told_that_a_job_is_under_way(live, holding):
    """A long step holds the account for minutes; whoever waited for it would keep a thread and a connection."""
    to = institution(live)
    waiting = holding.act("transfers", "the-transfer", quantity_g=33, to=to.account)
    confirm = holding.get(f"/v1/accounts/{holding.account}/erasure").json()["confirm"]
    with live.site.database.transaction() as step:
        lock_account(step, live.site.ledger.vault, holding.account)
        again = holding.act("transfers", "the-transfer", quantity_g=33, to=to.account)
        for act, body in (
            ("transfers", {"quantity_g": 1, "to": to.account}),
            ("transfers", {"quantity_g": 33, "to": to.account}),
            ("erasure", {"confirm": confirm, "reductions": "forfeit"}),
        ):
            assert is_problem(holding.act(act, **body), 409, "job-under-way"), act
    assert (again.status_code, again.headers["Location"]) == (202, waiting.headers["Location"])


@pytest.mark.parametrize("stop_at", ["go_on", "end"])
def test_killed_at_any_step_it_goes_on_where_it_was(live, shop, monkeypatch, stop_at):
    answer = shop.act("returns", quantity_g=200)
    true, calls = getattr(jobs, stop_at), []

    def die_once(*given):
        calls.append(given)
        if len(calls) == 1:
            raise Unavailable("killed")
        return true(*given)

    monkeypatch.setattr(jobs, stop_at, die_once)
    with pytest.raises(Unavailable):
        work(live)
    work(live)
    job = job_of(shop, answer)
    assert (job.state, job.quantity_g) == ("done", 200)
    assert sorted(form for _, form in shop.blocks()) == ["points", "reduction"]
    assert shop.balances() == {"reduction": 200, "points": 8}
    assert sound(live)


def test_what_can_never_be_done_ends_and_gives_its_account_back(live, shop, monkeypatch):
    """It kills the process, or outlasts every time-out, each time; whoever begins it is not there to say so."""
    answer = shop.act("returns", all=True)
    monkeypatch.setattr(runner.ORDERS["returns"], "step", lambda *_: (_ for _ in ()).throw(Unavailable("again")))
    for _ in range(runner.MAX_TRIES):
        with pytest.raises(Unavailable):
            a_step(live)
        assert job_of(shop, answer).state == "waiting"
    work(live)
    job = job_of(shop, answer)
    assert (job.state, job.problem.type) == ("failed", "urn:gramledger:problem:job-broken")
    monkeypatch.undo()
    assert shop.act("returns", quantity_g=10).status_code == 201


def test_a_step_whose_answer_was_lost_is_not_done_again(live, shop, monkeypatch):
    answer, true = shop.act("returns", all=True), runner._step

    def lost(site, job):
        true(site, job)
        monkeypatch.setattr(runner, "_step", true)
        raise Unavailable("the answer to COMMIT was lost")

    monkeypatch.setattr(runner, "_step", lost)
    with pytest.raises(Unavailable):
        work(live)
    taken_g = job_of(shop, answer).done_g
    assert taken_g > 0
    work(live)
    assert job_of(shop, answer).state == "done"
    assert shop.balances() == {"reduction": 208, "points": 0}
    assert sound(live)


def test_a_step_is_done_by_one_process(live, shop):
    answer = shop.act("returns", all=True)
    with live.site.database.transaction() as tx:
        stale = jobs.next_job(tx, live.site.ledger.vault)
    a_step(live)
    before = shop.blocks()
    with pytest.raises(JobUnderWay):
        runner._step(live.site, stale)
    assert shop.blocks() == before
    work(live)
    assert job_of(shop, answer).state == "done"


def test_jobs_take_turns(live, shop):
    other = institution(live)
    rider = person_with(live, 40)
    rider.act("conversions", quantity_g=40)
    for _ in range(5):
        rider.act("redemptions", quantity_g=8, provider=other.account)
    first, second = shop.act("returns", all=True), other.act("returns", all=True)
    for _ in range(2):
        a_step(live)
    assert [job_of(*of).state for of in ((shop, first), (other, second))] == ["running", "running"]
    work(live)
    assert [job_of(*of).state for of in ((shop, first), (other, second))] == ["done", "done"]


def test_what_is_not_there_is_no_job(shop):
    assert is_problem(shop.act("returns", quantity_g=209), 409, "insufficient")
    assert shop.get(f"/v1/accounts/{shop.account}/jobs").json() == {"items": []}


@pytest.fixture
def holding(live):
    """An institution that holds 5 g in each of seven blocks."""
    firm = institution(live)
    for _ in range(7):
        giver = institution(live)
        live.issue({giver.account: 5})
        assert giver.act("transfers", quantity_g=5, to=firm.account).status_code == 201
    return firm


def test_a_transfer_of_many_blocks_is_one_act(live, holding):
    to = institution(live)
    answer = holding.act("transfers", quantity_g=33, to=to.account, reference="contract 7")
    assert answer.status_code == 202
    work(live)
    job = job_of(holding, answer)
    assert (job.state, job.answer.quantity_g, job.answer.movement_count) == ("done", 33, 7)
    assert (holding.balances()["reduction"], to.balances()["reduction"]) == (2, 33)
    assert sound(live)


def test_a_cancellation_of_many_blocks_has_one_certificate(live, holding):
    answer = holding.act("cancellations", quantity_g=35, purpose="voluntary-offset", statement="a fair")
    work(live)
    number = job_of(holding, answer).answer.certificate
    certificate = Caller(live.url).get(f"/v1/certificates/{number}").json()
    assert (certificate["quantity_g"], certificate["statement"]) == (35, "a fair")


def test_what_is_refused_is_told_and_nothing_of_it_done(live, holding):
    answer = holding.act("transfers", quantity_g=33, to=999_999_999)
    work(live)
    job = job_of(holding, answer)
    assert (job.state, job.answer, job.problem.type) == ("failed", None, "urn:gramledger:problem:not-found")
    assert "account 999999999 is not open" in job.problem.detail
    assert holding.balances()["reduction"] == 35
    assert holding.act("transfers", quantity_g=5, to=institution(live).account).status_code == 201


def test_a_defect_ends_the_job_and_no_other(live, holding, shop, monkeypatch):
    monkeypatch.setattr(runner.ORDERS["transfers"], "step", lambda *_: 1 / 0)
    broken = holding.act("transfers", quantity_g=33, to=shop.account)
    returned = shop.act("returns", all=True)
    work(live)
    assert job_of(holding, broken).problem.type == "urn:gramledger:problem:job-broken"
    assert job_of(shop, returned).state == "done"


def test_of_several_sorts_no_bundle_is_begun(live, shop):
    scenario = institution(live)
    live.issue({scenario.account: 40})
    work(live)
    answer = shop.act("returns", all=True)
    work(live)
    assert scenario.act("transfers", quantity_g=40, to=shop.account).status_code == 201
    for _ in range(3):
        live.issue({scenario.account: 2})
        scenario.act("transfers", quantity_g=2, to=shop.account)
    mixed = shop.act("bundles", all=True)
    work(live)
    assert job_of(shop, answer).state == "done"
    job = job_of(shop, mixed)
    assert (job.state, job.problem.type, job.done_g) == ("failed", "urn:gramledger:problem:rule-broken", 0)


def test_whoever_sends_grams_of_another_sort_stops_no_gathering(live):
    """They come first in the order of spending, and were points, which the others never were."""
    stranger, firm, rider = institution(live), institution(live), person_with(live, 6)
    rider.act("conversions", quantity_g=6)
    rider.act("redemptions", quantity_g=6, provider=stranger.account)
    assert stranger.act("returns", all=True).status_code == 201
    for _ in range(7):
        giver = institution(live)
        live.issue({giver.account: 5})
        giver.act("transfers", quantity_g=5, to=firm.account)
    answer = firm.act("bundles", all=True)
    a_step(live)
    assert stranger.act("transfers", quantity_g=6, to=firm.account).status_code == 201
    work(live)
    job = job_of(firm, answer)
    assert (job.state, job.problem) == ("done", None)
    assert len(firm.blocks()) == 2


def test_exactly_what_a_serial_names_in_however_many_blocks(live):
    firm, giver = institution(live), institution(live)
    lot = live.issue({giver.account: 60})
    for _ in range(12):
        assert giver.act("transfers", quantity_g=5, to=firm.account).status_code == 201
    serial = f"SHCER-{lot.first + 3}-{lot.first + 56}"
    answer = firm.act("bundles", serial=serial)
    assert answer.status_code == 202, answer.text
    work(live)
    first, last = read_serial(job_of(firm, answer).answer.bundle)
    assert last - first == 54
    assert sorted(firm.blocks()) == sorted(
        [
            (f"SHCER-{lot.first}-{lot.first + 2}", "reduction"),
            (f"SHCER-{lot.first + 57}-{lot.first + 59}", "reduction"),
            (f"SHCER-{first}-{last - 1}", "reduction"),
        ]
    )


def test_progress_of_one_long_act_is_seen_while_it_is_written(live, holding, monkeypatch):
    monkeypatch.setattr("registry.ledger.posting.MAX_RUN", 2)
    seen, true = [], jobs.tell

    def tell(tx, job, done_g):
        seen.append(jobs.get_job(tx, live.site.ledger.vault, job.account_id, job.id).done_g)
        true(tx, job, done_g)

    monkeypatch.setattr(jobs, "tell", tell)
    answer = holding.act("transfers", quantity_g=35, to=institution(live).account)
    work(live)
    assert job_of(holding, answer).state == "done"
    assert seen == [0, 10, 20, 30]


def test_jobs_are_their_account_s(live, shop):
    answer = shop.act("returns", all=True)
    path = answer.headers["Location"]
    assert is_problem(institution(live).get(path), 403, "forbidden")
    assert is_problem(Caller(live.url).get(path), 401, "unauthenticated")
    assert authority(live, "centre").get(path).status_code == 200
    assert is_problem(shop.get(path + "0"), 404, "not-found")
    work(live)


def test_an_erased_account_has_no_jobs(live, shop):
    shop.act("returns", all=True)
    work(live)
    confirm = shop.get(f"/v1/accounts/{shop.account}/erasure").json()["confirm"]
    assert shop.act("erasure", confirm=confirm, reductions="forfeit").status_code == 201
    with live.site.database.transaction() as tx:
        assert jobs.list_jobs(tx, live.site.ledger.vault, shop.account) == []


def test_an_account_that_is_erased_before_its_job_is_noted_gets_none(live, holding, monkeypatch):
    true = Write.perform

    def late(write, *given, **said):
        if said.get("status") == ACCEPTED:
            confirm = holding.get(f"/v1/accounts/{holding.account}/erasure").json()["confirm"]
            assert holding.act("erasure", confirm=confirm, reductions="forfeit").status_code == 201
        return true(write, *given, **said)

    monkeypatch.setattr(Write, "perform", late)
    refused = holding.act("cancellations", quantity_g=35, purpose="donation", statement="a fair")
    assert is_problem(refused, 403, "account-erased")
    with live.site.database.transaction() as tx:
        assert jobs.list_jobs(tx, live.site.ledger.vault, holding.account) == []
