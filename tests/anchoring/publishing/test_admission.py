"""Whoever can write to the database puts nothing into the log, and keeps nobody out of it."""

# ruff: noqa: S608
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from anchoring.auditing.audit import audit
from anchoring.publishing.waiting import MOVEMENT
from anchoring.tree.sources import DirectorySource
from api.installation.officers import BUREAU, CENTRE
from registry.accounts.accounts import lock_even_erased
from registry.consumption.cancel import Intent, cancel
from registry.consumption.transfer import transfer
from registry.database.schema import acts, evidence, movements
from registry.errors import SetAside
from registry.ledger.blocks import Wanted
from registry.ledger.ledger import Amount
from registry.ledger.movement import NO_TAG, Form, Kind
from registry.ledger.sealing import COLUMNS, ROW
from registry.ledger.taking import take
from registry.points.points import convert, redeem, return_points
from registry.policies.policies import publish_policy, shipped_policy
from registry.procedure.clock import BEHIND_MS
from registry.upkeep.consistency import check_tables
from registry.upkeep.recovery.aside import dismiss, judge_again, list_aside
from registry.upkeep.sealed import check_seals
from tests.support.correcting import correct
from tests.support.insider import Insider
from tests.support.publishing import LOG, act
from tests.support.raw import columns_of, write_movement
from tests.support.waiting import wait_until_somebody_waits


@pytest.fixture
def insider(scheme, owner, tmp_path):
    return Insider(scheme, owner, tmp_path)


def test_rows_are_sealed_and_checked_as_the_same_bytes():
    assert (ROW.size, COLUMNS) == (MOVEMENT.itemsize, MOVEMENT.names)


def forged_redeem(insider: Insider) -> int:
    """A REDEEM to a shop with a random tag and digest, written with every trigger on."""
    with insider.scheme.database.transaction() as tx:
        parent = tx.execute(sa.select(movements).where(movements.c.kind == int(Kind.CONVERT))).one()
        digest = secrets.token_bytes(32)
        tx.execute(sa.insert(evidence).values(digest=digest, personal=[], fields={}))
        of = {"kind": "redeem", "account_id": insider.person, "at_ms": parent.at_ms, "quantity_g": 600}
        number = tx.execute(sa.insert(acts).values(of).returning(acts.c.id)).scalar_one()
        row = parent._asdict() | {
            "act_id": number, "giver_id": insider.person, "account_id": insider.shop, "kind": int(Kind.REDEEM),
            "flags": parent.flags & ~8, "parent_id": parent.id, "from_tag": parent.to_tag,
            "to_tag": secrets.token_bytes(20), "evidence": digest,
        }  # fmt: skip
        del row["id"]
        return int(tx.execute(sa.insert(movements).values(row).returning(movements.c.id)).scalar_one())


def test_a_redemption_that_nobody_sealed(insider):
    forged = forged_redeem(insider)
    insider.goes_on(forged)
    assert insider.refused[forged] == "unsealed"


def test_what_the_shop_would_do_with_it_goes_no_further(insider):
    forged = forged_redeem(insider)
    with insider.scheme.database.transaction() as tx:
        child = return_points(tx, insider.scheme.ledger, insider.shop, Amount(600)).movements[0].id
    insider.goes_on(forged, child)
    assert insider.refused[child] == "parent"


def test_a_second_cancellation_past_the_triggers(insider):
    with insider.scheme.database.transaction() as tx:
        cancel(
            tx, insider.scheme.ledger, insider.person, Amount(100), Intent("reduction", "voluntary-offset", None, None)
        )
    insider.publisher.publish()
    insider.goes_on(insider.copy(insider.last(Kind.CANCEL)))


def test_a_second_cancellation_that_the_program_sealed(insider):
    """The block comes back past the triggers, and its holder spends it again."""
    intent = Intent("reduction", "voluntary-offset", None, None)
    before = insider.execute("SELECT * FROM blocks WHERE account_id = :person AND form = 1", person=insider.person)[0]
    with insider.scheme.database.transaction() as tx:
        cancel(tx, insider.scheme.ledger, insider.person, Amount(400), intent)
    insider.publisher.publish()
    names = ", ".join(before._fields)
    values = ", ".join(f":{name}" for name in before._fields)
    insider.execute(
        f"INSERT INTO blocks ({names}) OVERRIDING SYSTEM VALUE VALUES ({values})", triggers=False, **before._asdict()
    )
    with insider.scheme.database.transaction() as tx:
        cancel(tx, insider.scheme.ledger, insider.person, Amount(400), intent)
    second = insider.last(Kind.CANCEL)
    insider.goes_on(second)
    assert insider.refused[second] == "rule-overlap"


@pytest.mark.parametrize(
    "change",
    ["to_tag = sha256('x')::bytea", "at_ms = at_ms + 60000", "account_id = account_id + 1", "first_g = first_g + 1"],
)
def test_a_waiting_row_that_was_changed(insider, change):
    with insider.scheme.database.transaction() as tx:
        redeem(tx, insider.scheme.ledger, insider.person, insider.shop, 50)
    number = insider.last(Kind.REDEEM)
    change = change.replace("sha256('x')::bytea", "substr(sha256('x'), 1, 20)")
    insider.execute(f"UPDATE movements SET {change} WHERE id = {number}", triggers=False)
    insider.goes_on(number)


def test_a_logged_parent_that_was_changed_with_its_leaf(insider):
    """What the program builds on it is lawful against the row, not against what was published."""
    number = insider.last(Kind.CONVERT)
    insider.execute(f"UPDATE movements SET until_ms = until_ms + 1 WHERE id = {number}", triggers=False)
    insider.execute(f"UPDATE blocks SET until_ms = until_ms + 1 WHERE movement_id = {number}", triggers=False)
    with insider.scheme.database.transaction() as tx:
        redeem(tx, insider.scheme.ledger, insider.person, insider.shop, 50)
    child = insider.last(Kind.REDEEM)
    insider.goes_on(child)
    assert insider.refused[child] == "rule-until"


def test_a_row_of_an_act_that_was_removed(insider):
    """Of the others of its run it can no longer be said that they are as they were written."""
    people = [insider.scheme.person() for _ in range(3)]
    insider.scheme.issue(dict.fromkeys(people, 10))
    last = insider.last(Kind.ISSUE)
    insider.execute(f"DELETE FROM movements WHERE id = {last - 1}", triggers=False)
    insider.goes_on(last - 2, last - 1, last)
    assert insider.refused[last - 1] == "gone"


def test_queue_rows_of_nothing_and_of_what_is_logged(insider):
    insider.execute("INSERT INTO unsequenced VALUES (-5), (0), (900000000)")
    insider.execute("INSERT INTO unsequenced SELECT movement_id FROM log_entries")
    insider.goes_on(-5, 0, 900000000)
    assert set(insider.refused) == {-5, 0, 900000000}


def test_an_old_row_with_its_seal_under_a_new_number(insider):
    number = insider.last(Kind.CONVERT)
    copy = insider.copy(number)
    insider.execute(f"INSERT INTO seals SELECT {copy}, count, mac FROM seals WHERE first_id = {number}")
    insider.goes_on(copy)


def test_seals_that_were_rewritten(insider):
    act(insider.scheme, 2)
    numbers = [row[0] for row in insider.execute("SELECT movement_id FROM unsequenced")]
    insider.execute("UPDATE seals SET mac = sha256(mac) WHERE first_id >= :first", triggers=False, first=min(numbers))
    insider.goes_on(*numbers)


def test_seals_that_were_added(insider):
    """Others cover the same movements, and stop none of them."""
    act(insider.scheme, 3)
    insider.execute("INSERT INTO seals SELECT n, 1000, sha256('x') FROM generate_series(1, 40) n")
    insider.goes_on()
    assert insider.refused == {}


def test_leaves_that_were_staged_by_hand(insider):
    forged = forged_redeem(insider)
    insider.execute(
        "INSERT INTO log_entries SELECT :size, :id, leaf FROM log_entries WHERE index = 0", size=insider.size, id=forged
    )
    insider.execute(
        "INSERT INTO log_entries SELECT :size, -1, leaf FROM log_entries WHERE index = 0", size=insider.size + 70_000
    )
    insider.goes_on(forged)


def test_an_index_that_was_given_to_another(insider):
    act(insider.scheme, 1)
    number = insider.execute("SELECT min(movement_id) FROM unsequenced")[0][0]
    insider.execute(f"UPDATE log_entries SET movement_id = {number} WHERE index = 0", triggers=False)
    act(insider.scheme, 2)
    insider.publisher.publish()
    assert insider.refused[number] == "indexed"
    assert insider.execute("SELECT count(*) FROM unsequenced") == [(0,)]


@pytest.mark.parametrize("fields", ["NULL", "'{}'", 'fields || \'{"first_g": ["AAAAAAAAAAAAAAAAAAAAAA", 7]}\''])
def test_evidence_that_was_altered(insider, fields):
    with insider.scheme.database.transaction() as tx:
        redeem(tx, insider.scheme.ledger, insider.person, insider.shop, 50)
    number = insider.last(Kind.REDEEM)
    digest = f"SELECT evidence FROM movements WHERE id = {number}"
    insider.execute(f"UPDATE evidence SET fields = {fields} WHERE digest = ({digest})", triggers=False)
    insider.goes_on(number)
    assert insider.refused[number] == "evidence"


def test_a_key_that_was_replaced(insider):
    """The tag was made by the key that is gone."""
    insider.scheme.issue({insider.person: 10})
    number = insider.last(Kind.ISSUE)
    vault = insider.scheme.ledger.vault
    insider.execute(
        "UPDATE account_keys SET sealed = :sealed WHERE account_id = :person",
        sealed=vault.new_key(insider.person),
        person=insider.person,
    )
    insider.goes_on(number)
    assert insider.refused[number] == "tag"


def test_a_record_without_a_seal(insider):
    number = insider.copy(insider.execute("SELECT min(id) FROM movements WHERE kind >= 64")[0][0])
    insider.goes_on(number)


def test_nothing_is_done_with_grams_that_were_set_aside(insider):
    """The shop is told; what it holds besides is its own."""
    forged = forged_redeem(insider)
    insider.publisher.publish()
    ledger = insider.scheme.ledger
    with insider.scheme.database.transaction() as tx, pytest.raises(SetAside, match=f"movement {forged}"):
        return_points(tx, ledger, insider.shop, Amount(600))
    insider.scheme.issue({insider.person: 50})
    with insider.scheme.database.transaction() as tx:
        convert(tx, ledger, insider.person, Amount(50))
        redeem(tx, ledger, insider.person, insider.shop, 50)
    with insider.scheme.database.transaction() as tx:
        assert return_points(tx, ledger, insider.shop, Amount(50)).quantity_g == 50
    insider.goes_on(forged)
    with insider.scheme.database.transaction() as tx:
        assert [one.place for one in check_tables(tx)] == [f"movement {forged}"]


def test_an_insiders_row_is_taken_out_with_all_that_came_of_it(insider):
    """As docs/recovery.md says: the person has the points back, and nothing is left to doubt."""
    before = insider.scheme.holdings(insider.person)
    forged = forged_redeem(insider)
    firm, ledger = insider.scheme.institution(), insider.scheme.ledger
    with insider.scheme.database.transaction() as tx:
        gathered, bundle = (one.id for one in return_points(tx, ledger, insider.shop, Amount(500)).movements)
        moved = transfer(tx, ledger, insider.shop, firm, Amount(200), "agreement", "1").movements[0].id
        ended = cancel(tx, ledger, firm, Amount(100), Intent("reduction", "donation")).posted.movements[0].id
    insider.goes_on(forged, gathered, bundle, moved, ended)
    with insider.scheme.database.transaction() as tx:
        assert [one.id for one in list_aside(tx)] == [forged, gathered, bundle, moved, ended]
        assert dismiss(tx, forged, 1) == [forged, gathered, bundle, moved, ended]
    assert insider.scheme.holdings(insider.person) == before
    assert insider.scheme.holdings(insider.shop) == insider.scheme.holdings(firm) == {}
    with insider.scheme.database.transaction() as tx:
        assert list(check_tables(tx)) == []
        redeem(tx, ledger, insider.person, insider.shop, 600)
    size = insider.publisher.publish()
    assert insider.publisher.publish() == size
    assert set(insider.refused) == {forged, gathered, bundle, moved, ended}


@pytest.mark.parametrize("is_taken_first", [True, False])
def test_a_row_is_taken_out_or_grams_are_taken_of_it_and_not_both(insider, is_taken_first):
    """Under the registry's role, by two at once: the second waits for the block, and is refused."""
    forged, database = forged_redeem(insider), insider.scheme.database
    insider.goes_on(forged)
    with database.transaction() as tx:
        of = columns_of(tx, forged)
    end = of | {"kind": int(Kind.CANCEL), "form": 0, "purpose": 16, "until_ms": 0, "parent_id": forged}
    end |= {"giver_id": insider.shop, "account_id": None, "from_tag": of["to_tag"], "to_tag": NO_TAG}

    def delete(tx):
        tx.execute(sa.text("DELETE FROM movements WHERE id = :id"), {"id": forged})

    def end_some(tx):
        write_movement(tx, **end)

    def second(do):
        with database.engine.begin() as tx:
            do(tx)

    one, other = (end_some, delete) if is_taken_first else (delete, end_some)
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as tx:
            one(tx)
            waiting = pool.submit(second, other)
            wait_until_somebody_waits(database)
        with pytest.raises(IntegrityError) as refused:
            waiting.result()
    named = "movements_parent_id_fkey" if is_taken_first else "movements_taken_once"
    assert refused.value.orig.diag.constraint_name == named


def test_what_was_sealed_beside_a_row_that_was_dismissed_is_not_doubted(insider):
    """One honest act over a true block and a made up one: half of its run is logged, the other half taken out."""
    ledger, other = insider.scheme.ledger, insider.scheme.person()
    forged = forged_redeem(insider)
    insider.scheme.issue({other: 50})
    with insider.scheme.database.transaction() as tx:
        convert(tx, ledger, other, Amount(50))
        redeem(tx, ledger, other, insider.shop, 50)
        intent = Intent("points", "donation")
        done = cancel(tx, ledger, insider.shop, Amount(650), intent).posted.movements
    assert len(done) == 2
    insider.publisher.publish()
    (aside,) = {one.id for one in done} & set(insider.refused)
    with insider.scheme.database.transaction() as tx:
        assert list(check_seals(tx, ledger.vault.sealer)) == [], "what is set aside is told as that"
        assert dismiss(tx, forged, 1) == sorted([forged, aside])
        assert list(check_seals(tx, ledger.vault.sealer)) == []


def test_what_was_put_right_is_logged_after_all(insider):
    """A row of somebody's act that was altered, and given back from a backup."""
    with insider.scheme.database.transaction() as tx:
        redeem(tx, insider.scheme.ledger, insider.person, insider.shop, 50)
    number = insider.last(Kind.REDEEM)
    insider.execute(f"UPDATE movements SET at_ms = at_ms + 60000 WHERE id = {number}", triggers=False)
    insider.goes_on(number)
    insider.execute(f"UPDATE movements SET at_ms = at_ms - 60000 WHERE id = {number}", triggers=False)
    with insider.scheme.database.transaction() as tx:
        assert judge_again(tx) == 1
    insider.refused.clear()
    insider.goes_on()
    assert insider.execute(f"SELECT count(*) FROM log_entries WHERE movement_id = {number}") == [(1,)]


def test_what_is_put_right_too_late_would_stop_the_log_and_is_set_aside_again(insider):
    """No witness takes a leaf of more than an hour before others, and what is signed is never taken back."""
    with insider.scheme.database.transaction() as tx:
        redeem(tx, insider.scheme.ledger, insider.person, insider.shop, 50)
    number = insider.last(Kind.REDEEM)
    insider.execute(f"UPDATE movements SET at_ms = at_ms + 60000 WHERE id = {number}", triggers=False)
    insider.goes_on(number)
    insider.execute(f"UPDATE movements SET at_ms = at_ms - 60000 WHERE id = {number}", triggers=False)
    insider.scheme.clock.now += BEHIND_MS + 60_000
    insider.goes_on(number)
    with insider.scheme.database.transaction() as tx:
        judge_again(tx)
    insider.goes_on(number)
    assert insider.refused[number] == "late"


def test_a_clock_that_was_set_back_stops_no_log(insider):
    insider.scheme.clock.now += 2 * BEHIND_MS
    insider.goes_on()
    insider.scheme.clock.now -= 2 * BEHIND_MS
    person = insider.scheme.person()
    insider.scheme.issue({person: 10})
    before = [row[0] for row in insider.execute("SELECT movement_id FROM unsequenced")]
    insider.scheme.clock.now += 2 * BEHIND_MS
    insider.goes_on(*before)
    assert {insider.refused[number] for number in before} == {"late"}


# What rests on a decision: it is not logged before the decision is, whoever took that away, and however.

HIDING = {
    "set aside by hand": "INSERT INTO set_aside (movement_id, reason, at_ms) VALUES ({number}, 'unsealed', 0)",
    "altered": "UPDATE movements SET at_ms = at_ms + 1 WHERE id = {number}",
    "without its document": "UPDATE evidence SET public = NULL WHERE digest = ({digest})",
    "gone": "DELETE FROM movements WHERE id = {number}",
    "gone from the cases too": "DELETE FROM decisions WHERE movement_id = {number}",
}
DIGEST = "SELECT evidence FROM movements WHERE id = {number}"


def hide(insider, number, way):
    statement = HIDING[way].format(number=number, digest=DIGEST.format(number=number))
    insider.execute(statement, triggers=False)
    if way in ("set aside by hand", "gone", "gone from the cases too"):
        insider.execute(f"DELETE FROM unsequenced WHERE movement_id = {number}", triggers=False)


def lawful(insider):
    """The log goes on, and an outsider who replays its decisions finds it lawful."""
    act(insider.scheme, 1)
    size = insider.publisher.publish()
    report = audit(DirectorySource(insider.folder), LOG.verifier.vkey)
    assert (report.size, [*report.faults]) == (size, [])


@pytest.mark.parametrize("way", HIDING)
def test_an_issue_waits_for_its_issuance(insider, way):
    lot = insider.scheme.issue({insider.person: 70})
    hide(insider, insider.last(Kind.ISSUANCE), way)
    lawful(insider)
    assert insider.refused[lot.movements[0].id] == "decision-lot"


@pytest.mark.parametrize("way", HIDING)
def test_a_conversion_waits_for_its_policy(insider, way):
    scheme = insider.scheme
    scheme.clock.now += 60_000
    in_force = (scheme.clock.now // 60_000 + 2) * 60_000
    with scheme.database.transaction() as tx:
        value = {**shipped_policy("points"), "validity_years": 5}
        publish_policy(tx, scheme.ledger, "points", value, in_force, BUREAU, "illustrative")
    scheme.clock.now = in_force + 60_000
    with scheme.database.transaction() as tx:
        converted = convert(tx, scheme.ledger, insider.person, Amount(10)).movements[0].id
    hide(insider, insider.last(Kind.POLICY), way)
    insider.publisher.publish()
    assert insider.refused[converted] == "decision-policy"
    report = audit(DirectorySource(insider.folder), LOG.verifier.vkey)
    assert [*report.faults] == []


@pytest.mark.parametrize("way", HIDING)
def test_a_void_waits_for_its_correction(insider, way):
    scheme = insider.scheme
    with scheme.database.transaction() as tx:
        lock_even_erased(tx, insider.person)
        pieces = take(tx, Wanted(insider.person, Form.REDUCTION), 5)
        voided = correct(tx, scheme.ledger, insider.person, pieces, CENTRE, "abnormal_data").movements[0].id
    hide(insider, insider.last(Kind.CORRECTION), way)
    lawful(insider)
    assert insider.refused[voided] == "decision-voided"


@pytest.mark.parametrize("way", HIDING)
def test_a_decision_waits_for_the_one_before_it(insider, way):
    lot = insider.scheme.issue({insider.person: 70})
    number = insider.last(Kind.ISSUANCE)
    hide(insider, number - 1, way)
    lawful(insider)
    assert [insider.refused[one] for one in (number, lot.movements[0].id)] == ["decision-previous", "decision-lot"]
