# ruff: noqa: S608 (the names in the statements are this file's own)
"""What the database refuses although no code stands before it, and the name of the constraint that does."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError

from registry.consumption.cancel import Intent, cancel
from registry.consumption.transfer import transfer
from registry.ledger.ledger import Amount
from registry.ledger.movement import NO_TAG
from registry.points.points import convert, redeem
from registry.upkeep.erasure import erase_account
from tests.support.raw import columns_of, write_movement

OTHER = b"o" * 20


@pytest.fixture
def database(owner):
    """Even to the owner, who may do all that the registry's role may not."""
    return owner


WRITTEN_ONCE = {
    "movements": "to_tag = to_tag",
    "seals": "mac = mac",
    "log_entries": "leaf = leaf",
    "checkpoints": "note = note",
    "publications": "note = note",
    "lots": "issued_ms = 0",
    "activities": "quantity_g = 1",
    "acts": "kind = ''",
    "accounts": "id = DEFAULT",
    "policies": "value = '{}'",
    "methodologies": "class = 'I'",
}


@pytest.fixture
def world(scheme):
    """A person with grams 0 to 99: 0 to 9 cancelled, 10 to 49 points, the rest reductions; another with 100 to 149."""
    return World(scheme)


class World:
    def __init__(self, scheme):
        self.scheme = scheme
        self.ann, self.bob, self.shop = scheme.person(), scheme.person(), scheme.institution()
        lot = scheme.issue({self.ann: 100, self.bob: 50})
        self.lot, self.issued = lot.id, lot.movements[0].id
        ledger = scheme.ledger
        with scheme.database.transaction() as tx:
            intent = Intent("reduction", "donation")
            self.cancelled = cancel(tx, ledger, self.ann, Amount(10), intent).posted.movements[0].id
            self.points = convert(tx, ledger, self.ann, Amount(40)).movements[0].id

    def refused(self, do):
        """Run `do(tx)` in a transaction of its own and name the constraint that stopped it."""
        before = self.everything()
        with pytest.raises(IntegrityError) as caught, self.scheme.database.engine.begin() as tx:
            do(tx)
        assert self.everything() == before
        return caught.value.orig.diag.constraint_name

    def refused_sql(self, statement):
        return self.refused(lambda tx: tx.execute(sa.text(statement)))

    def refused_movement(self, **changes):
        """Try a lawful transfer of Ann's grams 60 to 69 to Bob with some columns changed."""
        return self.refused(lambda tx: write_movement(tx, **(self.transfer(tx) | changes)))

    def transfer(self, tx):
        """Columns of a lawful transfer of Ann's grams 60 to 69 to Bob."""
        of = columns_of(tx, self.issued)
        change = {"kind": 2, "purpose": 1, "first_g": 60, "last_g": 70, "parent_id": self.issued, "to_tag": OTHER}
        return of | change | {"giver_id": self.ann, "account_id": self.bob, "from_tag": of["to_tag"]}

    def everything(self):
        with self.scheme.database.transaction() as tx:
            return {
                name: tx.execute(sa.text(f"SELECT * FROM {name} ORDER BY 1")).all()
                for name in (
                    "movements",
                    "blocks",
                    "lots",
                    "frontier",
                    "activities",
                    "unsequenced",
                    "log_head",
                    "anchors",
                )
            }


def test_the_lawful_movement_that_the_others_depart_from_is_taken(world):
    with world.scheme.database.engine.begin() as tx:
        write_movement(tx, **world.transfer(tx))
    assert world.scheme.holdings(world.bob) == {1: 60}


@pytest.mark.parametrize("table", WRITTEN_ONCE)
def test_what_is_written_once_is_never_changed(world, table):
    assert world.refused_sql(f"UPDATE {table} SET {WRITTEN_ONCE[table]}") == f"{table}_written_once"
    signed = "UPDATE log_head SET size = 1; INSERT INTO log_entries VALUES (0, 1, decode(repeat('00', 114), 'hex'));"
    assert world.refused_sql(f"{signed} DELETE FROM {table}") == f"{table}_written_once"
    assert world.refused_sql(f"TRUNCATE {table} CASCADE") is not None


def test_a_leaf_that_no_signature_covers_may_be_staged_anew(world):
    with world.scheme.database.engine.begin() as tx:
        tx.execute(sa.text("INSERT INTO log_entries VALUES (0, 1, decode(repeat('00', 114), 'hex'))"))
        assert tx.execute(sa.text("DELETE FROM log_entries")).rowcount == 1


@pytest.mark.parametrize("table", ["certificates"])
def test_certificates_stay(world, table):
    assert world.refused_sql(f"DELETE FROM {table}") == f"{table}_written_once"
    assert world.refused_sql(f"TRUNCATE {table}") == f"{table}_written_once"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE blocks SET account_id = account_id",
        "DELETE FROM blocks",
        "TRUNCATE blocks",
        """INSERT INTO blocks (movement_id, account_id, lot_id, lot_first_g, lot_last_g, first_g, last_g, form, flags,
            until_ms) SELECT movement_id, account_id, lot_id, lot_first_g, lot_last_g, 0, 10, form, flags, until_ms
            FROM blocks LIMIT 1""",
    ],
)
def test_blocks_are_never_written_by_hand(world, statement):
    assert world.refused_sql(statement) == "blocks_follows"


@pytest.mark.parametrize(
    "statement",
    ["UPDATE frontier SET next_g = next_g - 1", "DELETE FROM frontier", "TRUNCATE frontier"],
)
def test_the_frontier_only_grows(world, statement):
    assert world.refused_sql(statement) == "frontier_only_grows"


def test_there_is_one_frontier(world):
    assert world.refused_sql("INSERT INTO frontier VALUES (true, 1000)") == "frontier_pkey"
    assert world.refused_sql("INSERT INTO frontier VALUES (false, 1000)") == "frontier_sole_check"


@pytest.mark.parametrize(("first", "last"), [(60, 70), (55, 61), (69, 80), (64, 65)])
def test_siblings_never_overlap(world, first, last):
    with world.scheme.database.engine.begin() as tx:
        write_movement(tx, **world.transfer(tx))
    assert world.refused_movement(first_g=first, last_g=last) == "movements_taken_once"


def test_siblings_in_one_statement_never_overlap(world):
    def twice(tx):
        write_movement(tx, **world.transfer(tx))
        tx.execute(
            sa.text("""
            INSERT INTO movements (act_id, giver_id, account_id, kind, form, flags, purpose, first_g, last_g,
                parent_id, at_ms, until_ms, from_tag, to_tag, evidence)
            SELECT act_id, giver_id, account_id, kind, form, flags, purpose, first_g + shift, last_g + shift,
                parent_id, at_ms, until_ms, from_tag, to_tag, evidence
            FROM movements, (VALUES (10), (19)) AS s (shift) WHERE kind = 2
        """)
        )

    assert world.refused(twice) == "movements_taken_once"


def test_siblings_in_one_statement_never_end_the_same_grams(world):
    """Nothing is left of these that could overlap."""

    def twice(tx):
        write_movement(tx, **world.transfer(tx))
        tx.execute(
            sa.text("""
            INSERT INTO movements (act_id, giver_id, account_id, kind, form, flags, purpose, first_g, last_g,
                parent_id, at_ms, until_ms, from_tag, to_tag, evidence)
            SELECT act_id, account_id, NULL, 8, 0, flags & ~24, 16, first_g + shift, last_g, id, at_ms, 0,
                to_tag, CAST('\\x' || repeat('00', 20) AS bytea), evidence
            FROM movements, (VALUES (0), (1)) AS s (shift) WHERE kind = 2
        """)
        )

    assert world.refused(twice) == "movements_taken_once"


@pytest.mark.parametrize(
    "range_",
    [(0, 10), (5, 15), (20, 30), (45, 55), (0, 100)],
    ids=["cancelled", "half cancelled", "points by now", "half points", "all that was issued"],
)
def test_grams_that_moved_on_are_not_taken_from_where_they_were(world, range_):
    assert world.refused_movement(first_g=range_[0], last_g=range_[1]) == "movements_taken_once"


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"first_g": 90, "last_g": 101}, "movements_lawful"),
        ({"first_g": 100, "last_g": 110}, "movements_lawful"),
        ({"flags": 0}, "movements_lawful"),
        ({"flags": 2 | 8 | 32}, "movements_lawful"),
        ({"purpose": 5}, "movements_lawful"),
        ({"form": 2}, "movements_lawful"),
        ({"at_ms": 0}, "movements_lawful"),
        ({"until_ms": 5}, "movements_lawful"),
        ({"from_tag": OTHER}, "movements_lawful"),
        ({"to_tag": NO_TAG, "kind": 8, "form": 0, "flags": 2, "purpose": 20, "account_id": None}, "movements_lawful"),
        ({"first_g": 70, "last_g": 60}, "movements_range"),
        ({"kind": 13}, "movements_kind"),
        ({"kind": 0}, "movements_kind"),
        ({"parent_id": None, "giver_id": None}, "movements_parent_named"),
        ({"giver_id": None}, "movements_giver_of_parent"),
        ({"parent_id": 10**9}, "movements_parent_before"),
        ({"account_id": None}, "movements_holder_of_form"),
        ({"act_id": 10**9}, "movements_act_id_fkey"),
        ({"account_id": 10**9}, "movements_account_id_fkey"),
        ({"giver_id": 10**9}, "movements_account_id_fkey"),
        ({"parent_id": 0}, "movements_parent_id_fkey"),
        ({"evidence": b"e" * 32}, "movements_evidence_fkey"),
        ({"from_tag": b"short"}, "movements_from_tag_check"),
        ({"at_ms": 2**48}, "movements_at_ms_check"),
    ],
    ids=str,
)
def test_unlawful_children_are_refused(world, changes, constraint):
    assert world.refused_movement(**changes) == constraint


def test_a_child_of_another_or_an_ended_parent_is_refused(world):
    assert world.refused_movement(parent_id=world.points) == "movements_lawful"
    assert world.refused_movement(parent_id=world.cancelled, first_g=0, last_g=10) == "movements_lawful"
    with world.scheme.database.transaction() as tx:
        record = tx.execute(sa.text("SELECT max(id) FROM movements WHERE kind >= 64")).scalar_one()
    assert world.refused_movement(parent_id=record, first_g=0, last_g=0) == "movements_range"
    assert world.refused_movement(parent_id=record) == "movements_lawful"


def test_giver_and_holder_are_whom_the_kind_says(world):
    ann, bob = world.ann, world.bob
    with world.scheme.database.engine.begin() as tx:
        same = columns_of(tx, world.issued)
    lock = {"kind": 10, "purpose": 32, "flags": 2 | 8 | 16, "to_tag": same["to_tag"]}
    assert world.refused_movement(giver_id=bob, account_id=ann) == "movements_held", "grams of another"
    assert world.refused_movement(account_id=ann) == "movements_held", "a transfer to oneself"
    assert world.refused_movement(**lock, account_id=bob) == "movements_held", "a lock that gives them away"


def test_a_refund_goes_to_the_account_that_redeemed(world):
    scheme = world.scheme
    with scheme.database.transaction() as tx:
        spent = redeem(tx, scheme.ledger, world.ann, world.shop, 5).movements[0]
    with scheme.database.engine.begin() as tx:
        redeemed = columns_of(tx, spent.id)
    refund = redeemed | {"kind": 5, "flags": 2 | 4 | 8, "parent_id": spent.id, "giver_id": world.shop}
    refund |= {"from_tag": redeemed["to_tag"], "to_tag": redeemed["from_tag"]}
    refund |= {"account_id": world.bob}
    assert world.refused(lambda tx: write_movement(tx, **refund)) == "movements_held"


@pytest.mark.parametrize(
    ("first", "last", "constraint"),
    [
        (0, 100, "movements_numbered_once"),
        (0, 10, "movements_numbered_once"),
        (99, 101, "movements_numbered_once"),
        (149, 151, "movements_numbered_once"),
        (150, 160, "movements_of_lot"),
        (10**15, 10**15 + 1, "movements_of_lot"),
    ],
    ids=["the same again", "grams that ended", "across two", "over the lot's end", "after the lot", "far off"],
)
def test_no_gram_is_issued_twice_or_outside_a_lot(world, first, last, constraint):
    issue = {"kind": 1, "form": 1, "flags": 2 | 8, "first_g": first, "last_g": last, "to_tag": OTHER}
    assert world.refused(lambda tx: write_movement(tx, **issue, account_id=world.ann)) == constraint


def issues(tx, world, *ranges):
    """Write ISSUEs of one lot by one statement: copies of one, with other grams."""
    copied = {name: value for name, value in columns_of(tx, world.issued).items() if not name.endswith("_g")}
    names, values = ", ".join(copied), ", ".join(f":{name}" for name in copied)
    numbers = {"firsts": [first for first, _ in ranges], "lasts": [last for _, last in ranges]}
    statement = sa.text(f"""
        INSERT INTO movements (act_id, evidence, first_g, last_g, {names})
        SELECT r.act_id, r.evidence, f, l, {values}
        FROM movements r, unnest(CAST(:firsts AS bigint[]), CAST(:lasts AS bigint[])) n (f, l) WHERE r.id = :record
    """)
    tx.execute(statement, copied | numbers | {"record": write_movement(tx, kind=70)})


def test_numbers_of_many_rows_are_held_apart_by_one_look(world):
    """Whatever stands there, and in whatever order a statement has them: taken if no two meet, else refused."""
    chance, taken, engine = random.Random(5), [(0, 100), (100, 150)], world.scheme.database.engine
    with engine.begin() as tx:
        write_lot(tx, world.lot, 150, 400)
    lawful = 0
    for _ in range(120):
        ranges = [
            (first, first + chance.randint(1, 12)) for first in chance.sample(range(150, 388), chance.randint(1, 4))
        ]
        numbered = sorted(taken + ranges)
        apart = all(one[1] <= other[0] for one, other in pairwise(numbered))
        if apart:
            with engine.begin() as tx:
                issues(tx, world, *ranges)
            taken, lawful = numbered, lawful + 1
        else:
            with pytest.raises(IntegrityError) as refused, engine.begin() as tx:
                issues(tx, world, *ranges)
            assert refused.value.orig.diag.constraint_name == "movements_numbered_once", ranges
    assert 10 < lawful < 110


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ"])
def test_of_two_writers_at_once_of_one_number_one_is_refused(world, isolation):
    engine = world.scheme.database.engine.execution_options(isolation_level=isolation)
    with engine.begin() as tx:
        write_lot(tx, world.lot, 150, 400)

    def second():
        with engine.begin() as tx:
            tx.execute(sa.text("SELECT count(*) FROM movements"))  # from here on one isolation sees no more
            begun.set()
            issues(tx, world, (190, 220))

    begun = threading.Event()
    with ThreadPoolExecutor(1) as pool, engine.begin() as tx:
        issues(tx, world, (150, 200))
        other = pool.submit(second)
        begun.wait()
        while not tx.execute(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one():
            assert not other.done(), "it waits for the first"
        tx.commit()
        with pytest.raises((IntegrityError, OperationalError)) as refused:
            other.result()
    found = refused.value.orig.diag
    assert (found.constraint_name, found.sqlstate) in {("movements_numbered_once", "23P01"), (None, "40001")}


@pytest.mark.parametrize(
    "change",
    [{"flags": 4}, {"flags": 16}, {"flags": 32}, {"purpose": 1}, {"until_ms": 1}, {"from_tag": OTHER}, {"form": 2}],
    ids=str,
)
def test_an_issue_starts_from_nothing(world, change):
    def attack(tx):
        write_lot(tx, world.lot, 150, 160)
        issue = {"kind": 1, "form": 1, "first_g": 150, "last_g": 160, "to_tag": OTHER, "account_id": world.ann}
        write_movement(tx, **(issue | change))

    assert world.refused(attack) == "movements_origin"


def write_lot(tx, like, first, last):
    tx.execute(
        sa.text("""
            INSERT INTO lots (first_g, last_g, source_id, methodology_code, methodology_version, period_from_ms,
                period_until_ms, issued_ms, inputs_sha256)
            SELECT :first, :last, source_id, methodology_code, methodology_version, 0, 0, 0, inputs_sha256
            FROM lots WHERE id = :like
        """),
        {"first": first, "last": last, "like": like},
    )


def test_lots_never_overlap(world):
    assert world.refused(lambda tx: write_lot(tx, world.lot, 149, 151)) == "lots_int8range_excl"


@pytest.mark.parametrize(
    "change",
    [
        {"form": 1}, {"flags": 1}, {"purpose": 1}, {"first_g": 1, "last_g": 2}, {"until_ms": 1}, {"from_tag": OTHER},
        {"to_tag": OTHER}, {"last_g": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_record_has_no_grams(world, change):
    holder = {"account_id": world.ann} if "form" in change else {}
    assert world.refused(lambda tx: write_movement(tx, **change, **holder)) == "movements_record"


def test_a_record_has_no_parent(world):
    attack = {"parent_id": world.issued, "giver_id": world.ann}
    assert world.refused(lambda tx: write_movement(tx, **attack)) == "movements_record"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM evidence",
        "TRUNCATE evidence CASCADE",
        "UPDATE evidence SET digest = sha256(digest)",
        "UPDATE evidence SET fields = '{}'",
        "UPDATE evidence SET fields = fields - 'act'",
        'UPDATE evidence SET fields = fields || \'{"more": ["salt", 1]}\'',
        'UPDATE evidence SET fields = fields || \'{"act": ["salt", "void"]}\'',
        "UPDATE evidence SET personal = '{act}'",
        "UPDATE evidence SET account_id = NULL, personal = '{}' WHERE personal <> '{}'",
    ],
)
def test_evidence_only_loses_values(world, statement):
    with world.scheme.database.transaction() as tx:
        transfer(tx, world.scheme.ledger, world.ann, world.shop, Amount(1), "agreement", "a word")
    assert world.refused_sql(statement) in {"evidence_written_once", "movements_written_once"}


def test_a_value_of_evidence_that_was_withheld_never_comes_back(world):
    with world.scheme.database.transaction() as tx:
        transfer(tx, world.scheme.ledger, world.ann, world.shop, Amount(1), "agreement", "a word")
        erase_account(tx, world.ann, 5)
    back = """UPDATE evidence SET fields = fields || '{"reference": ["salt", "a word"]}' WHERE fields ? 'reference'"""
    assert world.refused_sql(back) == "evidence_written_once"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log_head SET size = size - 1, published_size = 0",
        "UPDATE log_head SET published_size = published_size - 1",
        "DELETE FROM log_head",
        "TRUNCATE log_head",
    ],
)
def test_the_log_only_grows(world, statement):
    with world.scheme.database.engine.begin() as tx:
        tx.execute(sa.text("UPDATE log_head SET size = 5, published_size = 3"))
    assert world.refused_sql(statement) == "log_head_only_grows"


@pytest.fixture
def anchored(world):
    """Anchors of 1 and 2 leaves, the first final."""
    with world.scheme.database.engine.begin() as tx:
        for size in (1, 2):
            values = {"size": size, "final": 1 if size == 1 else None}
            tx.execute(sa.text("INSERT INTO checkpoints VALUES (:size, sha256(''), 0, 0, '', '', 0)"), values)
            tx.execute(sa.text("INSERT INTO publications VALUES (:size, '', 0)"), values)
            tx.execute(sa.text("INSERT INTO anchors VALUES (:size, 1, '', NULL, 7, NULL, 0, :final)"), values)
    return world


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM anchors",
        "TRUNCATE anchors",
        "UPDATE anchors SET final_ms = NULL",
        "UPDATE anchors SET chain_id = 8",
    ],
)
def test_a_final_anchor_stays(anchored, statement):
    assert anchored.refused_sql(statement) == "anchors_final"


def test_an_anchor_that_is_not_final_goes_with_its_block(anchored):
    with anchored.scheme.database.engine.begin() as tx:
        assert tx.execute(sa.text("DELETE FROM anchors WHERE final_ms IS NULL")).rowcount == 1


@pytest.mark.parametrize(
    "statement",
    ["DELETE FROM unsequenced", "TRUNCATE unsequenced", "UPDATE unsequenced SET movement_id = -movement_id"],
)
def test_no_movement_is_lost_on_its_way_to_the_log(world, statement):
    assert world.refused_sql(statement) == "unsequenced_until_logged"


def test_only_what_has_its_index_leaves_the_queue(world):
    logged = [world.issued, world.points]

    def log_and_leave(tx, leaving):
        for index, movement in enumerate(logged):
            leaf = {"index": index, "movement": movement, "leaf": bytes(114)}
            tx.execute(sa.text("INSERT INTO log_entries VALUES (:index, :movement, :leaf)"), leaf)
        tx.execute(sa.text("DELETE FROM unsequenced WHERE movement_id = ANY (:leaving)"), {"leaving": leaving})

    between = [*logged, world.cancelled]
    assert min(logged) < world.cancelled < max(logged)
    assert world.refused(lambda tx: log_and_leave(tx, between)) == "unsequenced_until_logged"
    with world.scheme.database.engine.begin() as tx:
        log_and_leave(tx, logged)


def test_every_movement_waits_to_be_logged(world):
    with world.scheme.database.transaction() as tx:
        waiting = tx.execute(sa.text("SELECT movement_id FROM unsequenced ORDER BY 1")).scalars().all()
        written = tx.execute(sa.text("SELECT id FROM movements ORDER BY 1")).scalars().all()
    assert waiting == written
