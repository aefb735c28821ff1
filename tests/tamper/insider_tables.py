"""What insiders do to what is logged, to blocks, to the log's own tables, and to tables altogether."""

# ruff: noqa: S608
import sqlalchemy as sa

from registry.database.engine import Database
from registry.database.roles import REGISTRY_ROLE
from registry.ledger.movement import Kind
from registry.points.points import redeem
from tests.tamper.insider import Aim, Attack, Waiting, World
from tests.tamper.insider_rows import CHANGES, logged

LEDGER = ("movements", "blocks", "totals", "origins", "acts", "evidence", "seals", "unsequenced")
OF_LOG = ("log_entries", "log_head", "checkpoints", "publications")
BACKUPS = {
    "the queue": ("unsequenced",),
    "blocks": ("blocks",),
    "the ledger": LEDGER,
    "the ledger and its leaves": (*LEDGER, "log_entries"),
    "leaves": ("log_entries",),
    "the log": OF_LOG,
    "all": (*LEDGER, *OF_LOG, "frontier", "lots", "accounts", "account_keys", "activities", "set_aside"),
}
KEPT = sorted({table for tables in BACKUPS.values() for table in tables})


def keep(owner: Database) -> None:
    """Make a backup, as it is now, beside the tables."""
    with owner.transaction() as tx:
        tx.execute(sa.text("CREATE SCHEMA kept"))
        for table in KEPT:
            tx.execute(sa.text(f"CREATE TABLE kept.{table} AS TABLE {table}"))
        tx.execute(sa.text(f"GRANT USAGE ON SCHEMA kept TO {REGISTRY_ROLE}"))
        tx.execute(sa.text(f"GRANT SELECT ON ALL TABLES IN SCHEMA kept TO {REGISTRY_ROLE}"))


def restored(world: World, tx: sa.Connection, waiting: Waiting) -> Aim:
    """A whole older state of some tables, or of all, as a backup has them."""
    name = world.random.choice(sorted(BACKUPS))
    for table in BACKUPS[name]:
        tx.execute(sa.text(f"DELETE FROM {table}"))
        identity = "OVERRIDING SYSTEM VALUE" if table in {"movements", "blocks", "acts", "accounts"} else ""
        tx.execute(sa.text(f"INSERT INTO {table} {identity} SELECT * FROM kept.{table}"))
    lost = {row.id for row in waiting} if {"unsequenced", "movements"} & set(BACKUPS[name]) else set()
    size = tx.execute(sa.text("SELECT size FROM log_head")).scalar_one()
    places = {f"movement {row.id}" for row in waiting} | {f"leaf {index}" for index in range(size + 50)}
    numbers = tx.execute(sa.text("SELECT coalesce(max(movement_id), 0) FROM log_entries")).scalar_one()
    places |= {f"movement {number}" for number in range(numbers + 50)}
    return Aim(lost, places, may_stop=name in {"the log", "all"}, is_total=bool(lost))


def logged_and_changed(world: World, tx: sa.Connection, _waiting: Waiting) -> Aim:
    """A movement that is in the log, its document, or its seal, changed or deleted."""
    row, column = logged(world, tx), world.random.choice(sorted(CHANGES))
    statement = world.random.choice([
        f"UPDATE movements SET {column} = {CHANGES[column]} WHERE id = :id",
        "DELETE FROM movements WHERE id = :id",
        "UPDATE evidence SET fields = '{}' WHERE digest = :digest",
        "DELETE FROM evidence WHERE digest = :digest",
        "DELETE FROM seals WHERE first_id <= :id AND first_id + count > :id",
    ])  # fmt: skip
    tx.execute(sa.text(statement), {"id": row.id, "digest": row.evidence})
    places = {f"movement {row.id}", f"leaf {row.index}", f"evidence {row.evidence.hex()}"}
    if "seals" in statement:
        places |= {f"movement {row.id + beside}" for beside in (-2, -1, 1, 2)}
    return Aim(places=places)


def leaves_changed(world: World, tx: sa.Connection, waiting: Waiting) -> Aim:
    """A leaf that is in the log: altered, deleted, given to another movement; or one far beyond."""
    row, one = logged(world, tx), world.random.choice(waiting)
    statement, targets = world.random.choice([
        ("UPDATE log_entries SET leaf = set_byte(leaf, 50, get_byte(leaf, 50) # 1) WHERE index = :index", set()),
        ("DELETE FROM log_entries WHERE index = :index", set()),
        ("DELETE FROM log_entries WHERE index = :index; INSERT INTO unsequenced VALUES (:id)", set()),
        ("UPDATE log_entries SET movement_id = :one WHERE index = :index", {one.id}),
        ("INSERT INTO log_entries SELECT :index + 1000000, -1, leaf FROM log_entries WHERE index = :index", set()),
        ("INSERT INTO unsequenced SELECT movement_id FROM log_entries ON CONFLICT DO NOTHING", set()),
    ])  # fmt: skip
    for part in statement.split(";"):
        tx.execute(sa.text(part), {"index": row.index, "id": row.id, "one": one.id})
    is_nothing = "unsequenced SELECT" in statement or "1000000" in statement
    return Aim(targets, {f"leaf {row.index}", f"movement {row.id}"}, is_nothing=is_nothing)


def spent_again(world: World, tx: sa.Connection, _waiting: Waiting) -> Aim:
    """A logged redemption is gone with its leaf, and its block is back; the person spends it once more."""
    row = logged(world, tx, Kind.REDEEM)
    for statement in (
        "DELETE FROM log_entries WHERE movement_id = :id",
        "DELETE FROM blocks WHERE movement_id = :id",
        "DELETE FROM movements WHERE id = :id",
        """INSERT INTO blocks
            (movement_id, account_id, lot_id, lot_first_g, lot_last_g, first_g, last_g, form, flags, until_ms)
            SELECT p.id, p.account_id, l.id, l.first_g, l.last_g, :first, :last, p.form, p.flags, p.until_ms
            FROM movements p JOIN lots l ON l.first_g <= p.first_g AND l.last_g >= p.last_g WHERE p.id = :parent""",
    ):
        values = {"id": row.id, "first": row.first_g, "last": row.last_g, "parent": row.parent_id}
        tx.execute(sa.text(statement), values)
    return Aim(places={f"leaf {row.index}"}, then=lambda: _spend(world, row.giver_id, row.first_g))


def _spend(world: World, person: int, first_g: int) -> set[int]:
    """Spend what is there, and give the movement of it that takes the gram `first_g`."""
    held = world.scheme.holdings(person)[2]
    with world.registry.transaction() as tx:
        posted = redeem(tx, world.scheme.ledger, person, world.shop, held)
    return {one.id for one in posted.movements if one.movement.first <= first_g < one.movement.last}


def blocks_changed(world: World, tx: sa.Connection, waiting: Waiting) -> Aim:
    """A live block: made another's, longer valid, unlocked, another form, given once more; its holder spends it."""
    row = [row for row in waiting if row.kind == Kind.CONVERT][-1]
    statement = world.random.choice([
        "UPDATE blocks SET account_id = :shop WHERE movement_id = :id",
        "UPDATE blocks SET until_ms = until_ms + 86400000 WHERE movement_id = :id",
        "UPDATE blocks SET flags = 0 WHERE movement_id = :id",
        "UPDATE blocks SET form = 1 WHERE movement_id = :id",
        "UPDATE blocks SET last_g = last_g - 1 WHERE movement_id = :id",
        "DELETE FROM blocks WHERE movement_id = :id",
    ])  # fmt: skip
    tx.execute(sa.text(statement), {"id": row.id, "shop": world.shop})
    return Aim(places={f"movement {row.id}"})


ANOTHERS_CHECKPOINT = """
    INSERT INTO checkpoints SELECT size + 2, root, frontier_g, ended_g, peaks, note, 1 FROM checkpoints
    ORDER BY size DESC LIMIT 1; UPDATE log_head SET size = size + 2
"""


def the_head(world: World, tx: sa.Connection, _waiting: Waiting) -> Aim:
    """What was signed, and what others are said to hold."""
    statement = world.random.choice([
        "UPDATE log_head SET size = size + 1",
        "UPDATE log_head SET size = size - 1, published_size = published_size - 1",
        "UPDATE log_head SET known_size = size + 100",
        "UPDATE log_head SET size = 0, published_size = 0",
        "DELETE FROM log_head",
        "DELETE FROM publications; DELETE FROM checkpoints",
        "UPDATE checkpoints SET root = sha256(root)",
        "UPDATE checkpoints SET peaks = substr(peaks, 1, length(peaks) - 1)",
        "UPDATE checkpoints SET note = ''",
        ANOTHERS_CHECKPOINT,
    ])  # fmt: skip
    for part in statement.split(";"):
        tx.execute(sa.text(part))
    return Aim(may_stop=True)


SHAPES = {
    "from_tag": ("NULL", "''", "repeat('x', 5000)::bytea"),
    "to_tag": ("NULL", "'x'"),
    "evidence": ("NULL", "'x'"),
    "kind": ("NULL", "-1"),
    "purpose": ("NULL", "-1", "2147483647"),
    "at_ms": ("NULL", "-1", "9223372036854775807"),
    "first_g": ("NULL", "-1"),
    "act_id": ("NULL",),
    "flags": ("NULL", "32767"),
}


def reshaped(world: World, tx: sa.Connection, waiting: Waiting) -> Aim:
    """Constraints and triggers are dropped, and a column gets a value that no movement can have."""
    row, column = world.random.choice(waiting), world.random.choice(sorted(SHAPES))
    found = sa.text(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'movements'::regclass AND contype IN ('c', 'f', 'x')"
    )
    for name in tx.execute(found).scalars().all():
        tx.execute(sa.text(f'ALTER TABLE movements DROP CONSTRAINT "{name}"'))
    tx.execute(sa.text("ALTER TABLE movements DISABLE TRIGGER ALL"))
    tx.execute(sa.text(f"ALTER TABLE movements ALTER COLUMN {column} DROP NOT NULL"))
    tx.execute(sa.text(f"UPDATE movements SET {column} = {world.random.choice(SHAPES[column])} WHERE id = {row.id}"))
    tx.execute(sa.text("ALTER TABLE movements ENABLE TRIGGER ALL"))
    return Aim({row.id})


def under_one_number(world: World, tx: sa.Connection, waiting: Waiting) -> Aim:
    """No number is unique any more, and a movement has a second row, of another tag."""
    row = world.random.choice(waiting)._asdict() | {"to_tag": world.random.randbytes(20)}
    tx.execute(sa.text("ALTER TABLE movements DROP CONSTRAINT movements_pkey CASCADE"))
    tx.execute(sa.text("ALTER TABLE log_entries DROP CONSTRAINT log_entries_movement_id_key"))
    tx.execute(sa.text("DROP INDEX movements_numbered_once"))
    tx.execute(sa.text("ALTER TABLE movements DISABLE TRIGGER ALL"))
    names = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    tx.execute(sa.text(f"INSERT INTO movements ({names}) OVERRIDING SYSTEM VALUE VALUES ({values})"), row)
    tx.execute(sa.text("ALTER TABLE movements ENABLE TRIGGER ALL"))
    return Aim({row["id"]})


def retabled(world: World, tx: sa.Connection, _waiting: Waiting) -> Aim:
    """Tables, columns and rights are others than the program made."""
    statement = world.random.choice([
        "ALTER TABLE seals RENAME TO his",
        "ALTER TABLE movements RENAME COLUMN purpose TO his",
        "ALTER TABLE movements ALTER COLUMN purpose TYPE text",
        "ALTER TABLE log_entries ALTER COLUMN index TYPE numeric",
        "ALTER TABLE unsequenced DROP COLUMN movement_id",
        "ALTER TABLE log_entries ADD CHECK (index < 3) NOT VALID",
        "DROP TABLE set_aside",
        f"REVOKE ALL ON log_entries FROM {REGISTRY_ROLE}",
        f"REVOKE ALL ON seals FROM {REGISTRY_ROLE}",
        "ALTER TABLE log_head ALTER COLUMN known_size DROP NOT NULL; UPDATE log_head SET known_size = NULL",
    ])  # fmt: skip
    for part in statement.split(";"):
        tx.execute(sa.text(part))
    # Whoever does not own a table revokes nothing, and is not told so.
    rights = sa.text(
        "SELECT bool_and(has_table_privilege(:role, name, 'SELECT')) FROM unnest(ARRAY['seals', 'log_entries']) name"
    )
    is_nothing = "REVOKE" in statement and bool(tx.execute(rights, {"role": REGISTRY_ROLE}).scalar_one())
    return Aim(may_stop=True, is_total=True, is_nothing=is_nothing)


OF_TABLES = (
    Attack("restored from a backup", restored, is_found_by_fsck=True, is_alone=True),
    Attack("logged and changed", logged_and_changed, is_found_by_fsck=True),
    Attack("leaves changed", leaves_changed, is_found_by_fsck=True),
    Attack("spent again", spent_again, is_found_by_fsck=True),
    Attack("blocks changed", blocks_changed, is_found_by_fsck=True),
    Attack("the head", the_head, is_found_by_fsck=True, is_alone=True),
    Attack("reshaped", reshaped, is_alone=True),
    Attack("under one number", under_one_number, is_alone=True),
    Attack("retabled", retabled, is_alone=True),
)
