"""What the database holds of jobs, whoever asks."""

import pytest

from registry.errors import JobUnderWay, NotFound
from registry.jobs.jobs import add_job, end, enter, get_job, go_on, next_job
from registry.ledger.ledger import Amount
from registry.points.points import convert, expire
from registry.upkeep.recovery.replay import begin
from tests.support.scheme import DAY


@pytest.fixture
def person(scheme):
    person = scheme.person()
    scheme.issue({person: 20})
    with scheme.database.transaction() as tx:
        convert(tx, scheme.ledger, person, Amount(5))
        add_job(tx, scheme.ledger.vault, person, "conversions", {"quantity_g": 10}, 10, scheme.clock())
    return person


def test_what_was_restored_from_a_backup_is_not_done_a_second_time(scheme, person):
    """The log may bring back what the job did; it ends, and its account is told to look."""
    with scheme.database.transaction() as tx:
        begin(tx, scheme.ledger.vault, 1, 2, "a mirror", scheme.clock())
        assert next_job(tx, scheme.ledger.vault) is None
        job = get_job(tx, scheme.ledger.vault, person, 1)
        assert (job.asked, job.answer, job.problem["type"]) == (None, None, "job-broken")
        number = add_job(tx, scheme.ledger.vault, person, "conversions", {"quantity_g": 10}, 10, scheme.clock())
    assert number > 1_000_000, "a number that somebody was told means no other job"


def test_only_the_job_takes_the_account_s_grams(scheme, person):
    with pytest.raises(JobUnderWay), scheme.database.transaction() as tx:
        convert(tx, scheme.ledger, person, Amount(1))
    with scheme.database.transaction() as tx:
        job = next_job(tx, scheme.ledger.vault)
        enter(tx, job)
        convert(tx, scheme.ledger, person, Amount(10))
        end(tx, scheme.ledger.vault, job, scheme.clock(), {"done": True})
    with scheme.database.transaction() as tx:
        convert(tx, scheme.ledger, person, Amount(1))


def test_whoever_had_a_turn_goes_behind_all_others(scheme, person):
    """Neither a long job nor one that cannot be done now waits for ever, or keeps others waiting."""
    others, turns = [scheme.person() for _ in range(4)], []
    for other in others:
        with scheme.database.transaction() as tx:
            add_job(tx, scheme.ledger.vault, other, "conversions", {"quantity_g": 1}, 1, scheme.clock())
            job = next_job(tx, scheme.ledger.vault)
            turns.append(job.account_id)
            if job.account_id == person:
                go_on(tx, job, 1, ())
    assert turns == [person, others[0], person, others[1]]


def test_points_expire_beside_a_job(scheme, person):
    scheme.clock.now += 3000 * DAY
    with scheme.database.transaction() as tx:
        assert expire(tx, scheme.ledger, person).quantity_g == 5


def test_one_at_a_time_and_nobody_else_s(scheme, person):
    with pytest.raises(JobUnderWay), scheme.database.transaction() as tx:
        add_job(tx, scheme.ledger.vault, person, "conversions", {"quantity_g": 1}, 1, scheme.clock())
    other = scheme.person()
    with scheme.database.transaction() as tx:
        number = next_job(tx, scheme.ledger.vault).id
        with pytest.raises(NotFound, match=f"Account {other} has no job {number}"):
            get_job(tx, scheme.ledger.vault, other, number)
