"""A database that was set back gets the public log back: exactly, resumed after each kill, and from no liar."""

import subprocess
import sys
from dataclasses import replace

import pytest
import sqlalchemy as sa

import registry.errors
from anchoring.auditing.audit import audit
from anchoring.errors import Behind
from anchoring.tree.sources import DirectorySource
from api.installation.officers import BUREAU, CENTRE, OFFICERS
from api.operating.recover import recover
from registry.accounts.accounts import get_account
from registry.activities.activities import Activity
from registry.consumption.transfer import transfer
from registry.database.engine import Database
from registry.database.schema import methodologies
from registry.errors import AccountErased, ActivitiesLost, HolderKnown, HolderUnknown, MethodologyUnsound, NotFound
from registry.issuance.issue import issue
from registry.issuance.report import Report
from registry.ledger.documents import whole
from registry.ledger.ledger import Amount
from registry.methodologies import published
from registry.methodologies.published import publish_methodology
from registry.methodologies.shelf import find
from registry.points.points import convert, redeem
from registry.policies.policies import in_force, publish_policy, shipped_policy
from registry.sources.approval import apply_for, approve
from registry.sources.sources import NewSource, get_source
from registry.upkeep.erasure import erase_account
from registry.upkeep.recovery.claims import recognise
from registry.upkeep.recovery.evidence import awaited, give_back
from tests.support.backups import LOG, TRUST, backup_of, checked, live_on, publisher_of, recovery_of, rows
from tests.support.scheme import DAY

STATE = {
    "live grams": "SELECT first_g, last_g, account_id, form, flags, until_ms FROM blocks ORDER BY first_g",
    "leaves": "SELECT index, leaf FROM log_entries ORDER BY index",
    "holders": """SELECT e.index, m.account_id, m.giver_id FROM movements m JOIN log_entries e ON e.movement_id = m.id
        ORDER BY 1""",
    "lots": "SELECT first_g, last_g, issued_ms FROM lots ORDER BY 1",
    "head": "SELECT h.size, h.published_size, c.root, c.frontier_g, c.ended_g, c.peaks, c.note FROM log_head h "
    "JOIN checkpoints c USING (size)",
    "acts": """SELECT array_agg(e.index ORDER BY e.index), a.kind, a.quantity_g,
        CASE WHEN min(m.kind) < 64 THEN a.at_ms / 60000 * 60000 ELSE a.at_ms END FROM acts a
        JOIN movements m ON m.act_id = a.id JOIN log_entries e ON e.movement_id = m.id GROUP BY a.id ORDER BY 1""",
}


def state(database: Database) -> dict[str, list]:
    with database.transaction() as tx:
        return {name: [tuple(row) for row in tx.execute(sa.text(sql))] for name, sql in STATE.items()}


def documents_of(scheme) -> list:
    return [whole(scheme.ledger.vault, row) for row in rows(scheme.database, "SELECT fields, sealed FROM evidence")]


def size_of(database: Database) -> int:
    with database.transaction() as tx:
        return tx.execute(sa.text("SELECT count(*) FROM log_entries")).scalar_one()


def test_everything_that_was_public_comes_back_and_the_log_goes_on(life, scheme, postgres_url, tmp_path):
    log = tmp_path / "log"
    with backup_of(scheme.database, postgres_url) as copy:
        scheme.clock.step = 61_000  # what is of one minute the log does not tell apart
        live_on(life)
        lost = state(scheme.database)
        recovery = recovery_of(copy, scheme, log)
        done = recover(recovery, DirectorySource(log), "the log", TRUST)
        assert (done.size, done.lost_holders) == (len(lost["leaves"]), 0)
        assert state(copy) == lost
        assert done.before < done.size
        assert done.lost_lots
        assert done.lost_evidence
        report = checked(copy, log)
        assert report.findings == []
        assert report.lost == done.lost_lots + done.lost_evidence
        assert recover(recovery, DirectorySource(log), "the log", TRUST).before == done.size, "again changes nothing"
        assert state(copy) == lost
        simulation = life[0]
        scheme.database, original = copy, scheme.database
        # Acts have other numbers now, and a refund names one.
        simulation.acts.drawers = [one for one in simulation.acts.drawers if one.__name__ != "refund"]
        for gram in simulation.acts.cards.grams.values():
            gram.act = 0
        simulation.acts.compare = lambda: None
        simulation.run(15)
        assert recovery.publisher.publish() > done.size
        assert checked(copy, log).findings == []
        assert audit(DirectorySource(log), LOG.verifier.vkey).holds
        scheme.database = original


def test_no_number_comes_to_mean_something_else(life, scheme, postgres_url, tmp_path):
    with backup_of(scheme.database, postgres_url) as copy:
        newcomer = scheme.person()
        live_on(life)
        recover(recovery_of(copy, scheme, tmp_path / "log"), DirectorySource(tmp_path / "log"), "the log", TRUST)
        scheme.database = copy
        assert scheme.person() > newcomer + 1_000_000


STEPS = ("verified", "begun", "leaves", "taken over", "rebuilt")


def test_killed_at_every_step_it_goes_on(life, scheme, postgres_url, tmp_path):
    log = tmp_path / "log"
    with backup_of(scheme.database, postgres_url) as copy:
        scheme.clock.step = 61_000  # what is of one minute the log does not tell apart
        live_on(life)
        lost = state(scheme.database)
        copy.close()
        url = copy.url.render_as_string(hide_password=False)
        for number, step in enumerate(STEPS):
            command = [sys.executable, "-m", "tests.support.recovering", url, log, step, str(number)]
            assert subprocess.run(command, check=False).returncode == -9, step
        done = recover(recovery_of(copy, scheme, log), DirectorySource(log), "the log", TRUST)
        assert done.size == len(lost["leaves"])
        assert {name: rows for name, rows in state(copy).items() if name != "acts"} == {
            name: rows for name, rows in lost.items() if name != "acts"
        }
        assert checked(copy, log).findings == []

        assert [row.finished_ms is not None for row in rows(copy, "SELECT * FROM recoveries")] == [True]


def test_killed_half_way_nothing_is_signed_or_written(life, scheme, postgres_url, tmp_path):
    log = tmp_path / "log"

    def stop(step: str) -> None:
        if step.startswith("leaves"):
            raise InterruptedError

    with backup_of(scheme.database, postgres_url) as copy:
        live_on(life)
        recovery = recovery_of(copy, scheme, log, on_step=stop, batch=16)
        with pytest.raises(InterruptedError):
            recover(recovery, DirectorySource(log), "the log", TRUST)
        elsewhere = publisher_of(copy, tmp_path / "elsewhere", scheme.clock)
        for publish in (elsewhere.publish, recovery.publisher.publish):
            with pytest.raises(Behind):
                publish()
        scheme.database, original = copy, scheme.database
        with pytest.raises(registry.errors.Behind):
            scheme.issue({life[0].acts.people[0]: 5})
        # The key that is destroyed now could no longer tell whose the grams of the lost time are.
        with pytest.raises(registry.errors.Behind), copy.transaction() as tx:
            erase_account(tx, life[0].acts.people[0], 1)
        scheme.database = original


# Who was lost, what was lost


def test_a_policy_that_was_lost_holds_again_for_its_document_is_public(life, scheme, postgres_url, tmp_path):
    """Otherwise the registry would go on under a policy that its own public log has replaced."""
    log, value = tmp_path / "log", {**shipped_policy("points"), "validity_months": 1}
    soon = (scheme.clock.now // 60_000 + 2) * 60_000
    with backup_of(scheme.database, postgres_url) as copy:
        with scheme.database.transaction() as tx:
            newer = publish_policy(tx, scheme.ledger, "points", value, soon, BUREAU)
        life[1].publish()
        query = "SELECT fields FROM evidence JOIN movements ON evidence = digest WHERE kind = 64 ORDER BY id DESC"
        ((document,), *_) = rows(scheme.database, query)
        done = recover(recovery_of(copy, scheme, log), DirectorySource(log), "the log", TRUST)
        assert (done.lost_rules, done.lost_evidence) == (0, 0)
        with copy.transaction() as tx:
            assert in_force(tx, scheme.ledger, "points", soon) == newer
            assert not give_back(tx, scheme.ledger.vault, document)
        assert recover(recovery_of(copy, scheme, log), DirectorySource(log), "the log", TRUST).lost_rules == 0
        assert checked(copy, log).findings == []


def test_a_holder_whose_account_was_lost_is_unknown_until_a_claim_is_proven(scheme, postgres_url, tmp_path):
    log = tmp_path / "log"
    publisher = publisher_of(scheme.database, log, scheme.clock)
    shop = scheme.institution()
    scheme.issue({scheme.person(): 10})
    publisher.publish()
    with backup_of(scheme.database, postgres_url) as copy:
        lost = scheme.person("Lost")
        scheme.issue({lost: 1000})
        with scheme.database.transaction() as tx:
            convert(tx, scheme.ledger, lost, Amount(600))
            redeem(tx, scheme.ledger, lost, shop, 500)
        publisher.publish()
        documents = documents_of(scheme)
        lots = rows(scheme.database, "SELECT to_jsonb(l) - 'activities' FROM lots l ORDER BY id")
        recovery = recovery_of(copy, scheme, log)
        assert recover(recovery, DirectorySource(log), "the log", TRUST).lost_holders == 1
        report = checked(copy, log)
        assert report.findings == []
        (unknown,) = {int(one.place.removeprefix("account ")) for one in report.losses if "account" in one.place}
        scheme.database = copy
        assert scheme.holdings(unknown) == {1: 400, 2: 100}
        assert scheme.holdings(shop) == {2: 500}
        for act in (convert, lambda *given: transfer(*given[:3], shop, given[3], "agreement")):
            with pytest.raises(HolderUnknown, match="unknown since a recovery"), copy.transaction() as tx:
                act(tx, scheme.ledger, unknown, Amount(1))
        with copy.transaction() as tx:
            recognise(tx, scheme.ledger, unknown, "Lost", bytes(32))
            assert get_account(tx, scheme.ledger.vault, unknown).name == "Lost"
            convert(tx, scheme.ledger, unknown, Amount(400))
        with pytest.raises(HolderKnown, match="does not stand for"), copy.transaction() as tx:
            recognise(tx, scheme.ledger, unknown, "Another", bytes(32))
        with copy.transaction() as tx:
            assert sum(give_back(tx, scheme.ledger.vault, document) for document in documents) == 3
            assert not give_back(tx, scheme.ledger.vault, documents[0])
        assert rows(copy, "SELECT to_jsonb(l) - 'activities' FROM lots l ORDER BY id") == lots
        recovery.publisher.publish()
        report = checked(copy, log)
        assert (report.findings, report.losses) == ([], [])


@pytest.mark.parametrize("order", [1, -1], ids=["source first", "lots first"])
def test_a_source_that_was_lost_is_back_and_its_applicant_with_its_evidence(scheme, postgres_url, tmp_path, order):
    log, rider = tmp_path / "log", scheme.person()
    publisher = publisher_of(scheme.database, log, scheme.clock)
    publisher.publish()
    with backup_of(scheme.database, postgres_url) as copy:
        window = scheme.source.valid_from_ms, scheme.source.valid_until_ms
        of = scheme.source.methodology_code, scheme.source.methodology_version
        # Its mark is of the form that a review leaves, for the way of demonstrations judges none.
        declared = {"rural": "reviewed", "shares": ["10000 developer 远山村集体"]}
        scenario = NewSource("scenario", "新场景", "New", scheme.source.applicant_id, *of, *window, **declared)
        with scheme.database.transaction() as tx:
            source = approve(tx, scheme.ledger, scenario, OFFICERS)
        scheme.source = source
        scheme.issue({rider: 10})
        publisher.publish()
        query = "SELECT fields, sealed FROM evidence JOIN movements ON evidence = digest ORDER BY id"
        documents = [whole(scheme.ledger.vault, row) for row in rows(scheme.database, query)]
        lots = rows(scheme.database, "SELECT to_jsonb(l) - 'activities' FROM lots l ORDER BY id")
        day = lots[-1][0]["period_from_ms"]
        assert recover(recovery_of(copy, scheme, log), DirectorySource(log), "the log", TRUST).lost_rules == 0
        with copy.transaction() as tx:
            returned = get_source(tx, source.id)
            assert replace(returned, applicant_id=source.applicant_id) == source
            with pytest.raises(AccountErased):  # it stands for one that is not known
                get_account(tx, scheme.ledger.vault, returned.applicant_id)
            (lot,) = tx.execute(sa.text("SELECT * FROM lots WHERE is_lost")).all()
            assert (lot.id, lot.source_id, lot.methodology_code) == (lots[-1][0]["id"], source.id, of[0])
            assert (lot.period_from_ms, lot.period_until_ms) == (day, day + DAY)
            for document in documents[::order]:
                give_back(tx, scheme.ledger.vault, document)
            assert get_source(tx, source.id) == source
        assert rows(copy, "SELECT to_jsonb(l) - 'activities' FROM lots l ORDER BY id") == lots
        assert checked(copy, log).findings == []


def test_a_methodology_that_was_lost_is_back_from_its_public_definition(scheme, postgres_url, tmp_path):
    log, methodology = tmp_path / "log", find("battery-electric-car")
    publisher = publisher_of(scheme.database, log, scheme.clock)
    publisher.publish()
    with backup_of(scheme.database, postgres_url) as copy:
        window = scheme.source.valid_from_ms, scheme.source.valid_until_ms
        of = methodology.key, methodology.version
        scenario = NewSource("scenario", "车", "Cars", scheme.source.applicant_id, *of, *window)
        with scheme.database.transaction() as tx:
            publish_methodology(tx, scheme.ledger, methodology, CENTRE, BUREAU)
            source = approve(tx, scheme.ledger, scenario, OFFICERS)
        publisher.publish()
        done = recover(recovery_of(copy, scheme, log), DirectorySource(log), "the log", TRUST)
        assert (done.lost_rules, done.lost_evidence) == (0, 1)  # whose account the source's applicant has
        query = "SELECT * FROM methodologies ORDER BY code, version"
        assert rows(copy, query) == rows(scheme.database, query)
        with copy.transaction() as tx:
            assert get_source(tx, source.id).methodology_code == methodology.key


def unreadable(*_given):
    raise MethodologyUnsound(["A later record."])


def read_later(database, methodology):
    """The row that the later program makes of it."""
    with database.transaction() as tx:
        query = sa.select(methodologies).where(methodologies.c.version == methodology.version)
        return dict(tx.execute(query).one()._mapping)


@pytest.mark.parametrize("lost", ["applicant", "methodology"])
def test_a_source_waits_for_what_it_needs_and_is_not_counted_as_given(
    scheme, postgres_url, tmp_path, lost, monkeypatch
):
    """Taken too early its document was missing no more, and given again it changed nothing."""
    log = tmp_path / "log"
    publisher = publisher_of(scheme.database, log, scheme.clock)
    publisher.publish()
    with backup_of(scheme.database, postgres_url) as copy:
        applicant = scheme.institution() if lost == "applicant" else scheme.source.applicant_id
        window = scheme.source.valid_from_ms, scheme.source.valid_until_ms
        methodology = replace(find("shared-bicycle"), version=2)
        with scheme.database.transaction() as tx:
            publish_methodology(tx, scheme.ledger, methodology, CENTRE, BUREAU)
            scenario = NewSource("scenario", "新场景", "New", applicant, methodology.key, 2, *window)
            source = apply_for(tx, scheme.ledger, scenario, CENTRE.proposing)
        publisher.publish()
        query = (
            "SELECT fields, sealed FROM evidence JOIN movements ON evidence = digest "
            "WHERE kind = 66 ORDER BY id DESC LIMIT 1"
        )
        (document,) = [whole(scheme.ledger.vault, row) for row in rows(scheme.database, query)]
        with monkeypatch.context() as patched:
            if lost == "methodology":  # which only a later version of this program can read
                patched.setattr(published, "parse", unreadable)
            recover(recovery_of(copy, scheme, log), DirectorySource(log), "the log", TRUST)
        with copy.transaction() as tx:
            assert [give_back(tx, scheme.ledger.vault, document) for _ in range(2)] == [False, False]
            needed = f"account {applicant}" if lost == "applicant" else f"methodology {methodology.key}, version 2"
            assert needed in awaited(tx, document)
            if lost == "methodology":
                with pytest.raises(NotFound):
                    get_source(tx, source.id)
            if lost == "applicant":
                tx.execute(sa.text(
                    "INSERT INTO accounts (id, kind, opened_ms) OVERRIDING SYSTEM VALUE VALUES (:id, 'institution', 0)"
                ), {"id": applicant})  # fmt: skip
            else:
                tx.execute(sa.insert(methodologies), read_later(scheme.database, methodology))
            assert awaited(tx, document) is None
            assert give_back(tx, scheme.ledger.vault, document)
            assert get_source(tx, source.id) == source


def test_a_report_about_the_time_that_was_lost_issues_nothing_again(life, scheme, postgres_url, tmp_path):
    log, rider = tmp_path / "log", life[0].acts.people[0]
    ride = Activity("ride", rider, scheme.clock(), scheme.clock(), 30)
    report = Report(scheme.source, [ride])
    with backup_of(scheme.database, postgres_url) as copy:
        with scheme.database.transaction() as tx:
            issue(tx, scheme.ledger, report, CENTRE)
        documents = documents_of(scheme)
        life[1].publish()
        recover(recovery_of(copy, scheme, log), DirectorySource(log), "the log", TRUST)
        with pytest.raises(ActivitiesLost, match="one physical act is issued once"), copy.transaction() as tx:
            issue(tx, scheme.ledger, report, CENTRE)
        with copy.transaction() as tx:
            assert sum(give_back(tx, scheme.ledger.vault, document) for document in documents) == 1
        with pytest.raises(ActivitiesLost, match="one physical act is issued once"), copy.transaction() as tx:
            issue(tx, scheme.ledger, report, CENTRE)
        tomorrow = scheme.clock() + DAY
        later = Activity("later", rider, tomorrow, tomorrow, 30)
        with copy.transaction() as tx:
            issue(tx, scheme.ledger, replace(report, activities=[later]), CENTRE)


@pytest.mark.parametrize("lost", [1, 2])
def test_lots_of_one_minute_are_told_apart_by_their_records(scheme, postgres_url, tmp_path, lost):
    """Of two lots, both or the second alone are lost with the database."""
    log, riders = tmp_path / "log", [scheme.person() for _ in range(3)]
    publisher = publisher_of(scheme.database, log, scheme.clock)
    publisher.publish()
    if lost == 1:
        scheme.issue(dict.fromkeys(riders, 10))
    with backup_of(scheme.database, postgres_url) as copy:
        if lost == 2:
            scheme.issue(dict.fromkeys(riders, 10))
        scheme.issue(dict.fromkeys(riders, 20))
        publisher.publish()
        issued = "SELECT fields, sealed FROM evidence JOIN movements ON evidence = digest WHERE kind = 1 ORDER BY id"
        documents = [whole(scheme.ledger.vault, row) for row in rows(scheme.database, issued)]
        recover(recovery_of(copy, scheme, log), DirectorySource(log), "the log", TRUST)
        query = "SELECT first_g, last_g, issued_ms, id, source_id FROM lots ORDER BY first_g"
        assert rows(copy, query) == rows(scheme.database, query)
        assert [row.is_lost for row in rows(copy, "SELECT is_lost FROM lots ORDER BY id")] == [lost == 2, True]
        with copy.transaction() as tx:
            assert all(give_back(tx, scheme.ledger.vault, document) for document in documents[-3:])
        assert [row.is_lost for row in rows(copy, "SELECT is_lost FROM lots ORDER BY id")] == [lost == 2, False]
        assert checked(copy, log).findings == []


def test_a_document_that_was_altered_is_not_taken_back(life, scheme, postgres_url, tmp_path):
    log = tmp_path / "log"
    with backup_of(scheme.database, postgres_url) as copy:
        scheme.clock.step = 61_000
        live_on(life)
        documents = documents_of(scheme)
        done = recover(recovery_of(copy, scheme, log), DirectorySource(log), "the log", TRUST)
        with copy.transaction() as tx:
            for document in documents:
                name = next(iter(document))
                assert not give_back(tx, scheme.ledger.vault, document | {name: [document[name][0], "another"]})
            for nonsense in ([], {}, None, {"a": 1}, {"a": []}, {"a": [1]}, {"x" * 5: ["s", 2**70]}):
                assert not give_back(tx, scheme.ledger.vault, nonsense)
            assert sum(give_back(tx, scheme.ledger.vault, document) for document in documents) == done.lost_evidence
        assert checked(copy, log).losses == []
