"""What insiders do to movements that wait for the log."""

# ruff: noqa: S608
from typing import Any

import sqlalchemy as sa

from registry.ledger.movement import Flag, Kind
from tests.tamper.insider import Aim, Attack, Waiting, World

CHANGES = {
    "to_tag": "substr(sha256(to_tag), 1, 20)",
    "from_tag": "substr(sha256(from_tag), 1, 20)",
    "evidence": "(SELECT digest FROM evidence ORDER BY digest LIMIT 1)",
    "at_ms": "at_ms + 60000",
    "until_ms": "until_ms + 1",
    "first_g": "first_g + 1",
    "last_g": "last_g - 1",
    "flags": "flags # 8",
    "kind": "CASE kind WHEN 1 THEN 2 ELSE kind + 1 END",
    "purpose": "purpose + 1",
    "account_id": "account_id - 1",
    "act_id": "act_id - 1",
    "parent_id": "coalesce(parent_id, id) - 1",
}


def forged(world: World, tx: sa.Connection, waiting: Waiting) -> Aim:
    """A redemption at the shop that every trigger lets pass: lawful, and nobody's but theirs."""
    block = world.random.choice([row for row in waiting if row.kind == Kind.CONVERT])
    row = block._asdict() | {
        "giver_id": block.account_id, "account_id": world.shop, "kind": int(Kind.REDEEM), "parent_id": block.id,
        "flags": block.flags & ~Flag.INDIVIDUAL, "first_g": block.last_g - 5, "from_tag": block.to_tag,
        "to_tag": world.random.randbytes(20), "evidence": _document(world, tx),
    }  # fmt: skip
    return Aim({_inserted(tx, row)})


def added(world: World, tx: sa.Connection, waiting: Waiting) -> Aim:
    """A copy of a movement that waits, or one like it under another tag and document."""
    row = world.random.choice(waiting)._asdict()
    other = {"evidence": _document(world, tx), "to_tag": world.random.randbytes(20)}
    return Aim({_inserted(tx, row | (other if world.random.random() < 0.7 else {}))})


def replayed(world: World, tx: sa.Connection, _waiting: Waiting) -> Aim:
    """A row that is in the log already, as a backup has it, with its seal or without."""
    row = logged(world, tx)
    new = _inserted(tx, {name: value for name, value in row._asdict().items() if name != "index"})
    if world.random.random() < 0.5:
        tx.execute(sa.text("INSERT INTO seals SELECT :new, count, mac FROM seals WHERE first_id <= :id "
                           "ORDER BY first_id DESC LIMIT 1"), {"new": new, "id": row.id})  # fmt: skip
    return Aim({new})


def changed(world: World, tx: sa.Connection, waiting: Waiting) -> Aim:
    """A column of a movement that waits."""
    number, column = world.random.choice(waiting).id, world.random.choice(sorted(CHANGES))
    tx.execute(sa.text(f"UPDATE movements SET {column} = {CHANGES[column]} WHERE id = {number}"))
    return Aim({number})


def removed(world: World, tx: sa.Connection, waiting: Waiting) -> Aim:
    """A movement that waits, its document or its seal."""
    row = world.random.choice(waiting)
    statement = world.random.choice([
        "DELETE FROM movements WHERE id = :id",
        "DELETE FROM evidence WHERE digest = :digest",
        "DELETE FROM seals WHERE first_id <= :id AND first_id + count > :id",
        "UPDATE evidence SET fields = '{}' WHERE digest = :digest",
    ])  # fmt: skip
    tx.execute(sa.text(statement), {"id": row.id, "digest": row.evidence})
    return Aim({row.id})


def sealed_again(world: World, tx: sa.Connection, waiting: Waiting) -> Aim:
    """A changed row under a seal that they made."""
    number = world.random.choice(waiting).id
    tx.execute(sa.text(f"UPDATE movements SET to_tag = substr(sha256(to_tag), 1, 20) WHERE id = {number}"))
    tx.execute(sa.text("INSERT INTO seals VALUES (:id, 1, sha256(:noise))"),
               {"id": number, "noise": world.random.randbytes(8)})  # fmt: skip
    return Aim({number})


def staged(world: World, tx: sa.Connection, waiting: Waiting) -> Aim:
    """A forged movement that has its index already, and the leaf of another."""
    row = world.random.choice(waiting)._asdict() | {"to_tag": world.random.randbytes(20)}
    new = _inserted(tx, row)
    tx.execute(sa.text("INSERT INTO log_entries SELECT max(index) + 1, :id, (SELECT leaf FROM log_entries "
                       "ORDER BY index DESC LIMIT 1) FROM log_entries"), {"id": new})  # fmt: skip
    return Aim({new})


def unqueued(world: World, tx: sa.Connection, waiting: Waiting) -> Aim:
    """A movement is taken out of the queue, as set aside, as dismissed, or as it is; or all of them are."""
    row = world.random.choice(waiting)
    aside = world.random.choice(["", "NULL", "1"])
    if aside:
        tx.execute(sa.text(f"INSERT INTO set_aside VALUES (:id, 'unsealed', 1, {aside})"), {"id": row.id})
    tx.execute(sa.text("DELETE FROM unsequenced WHERE movement_id = :id"), {"id": row.id})
    return Aim({row.id})


def with_another_key(world: World, tx: sa.Connection, waiting: Waiting) -> Aim:
    """The key that made a holder's tag is another's, or noise."""
    row = world.random.choice([row for row in waiting if row.kind == Kind.ISSUE])
    sealed = world.random.randbytes(60)
    if world.random.random() < 0.5:
        others = sa.text("SELECT sealed FROM account_keys WHERE account_id <> :id LIMIT 1")
        sealed = tx.execute(others, {"id": row.account_id}).scalar_one()
    values = {"id": row.account_id, "sealed": sealed}
    tx.execute(sa.text("DELETE FROM account_keys WHERE account_id = :id"), values)
    tx.execute(sa.text("INSERT INTO account_keys VALUES (:id, :sealed)"), values)
    return Aim({row.id}, {f"account {row.account_id}"})


def without_its_decision(world: World, tx: sa.Connection, waiting: Waiting) -> Aim:
    """What an issuance rests on never comes: a decision is hidden, and the cases do not say that it was taken."""
    issue = world.random.choice([row for row in waiting if row.kind == Kind.ISSUE])
    found = sa.text("SELECT d.movement_id FROM decisions d JOIN lots l ON d.case_number = 'I-' || l.id "
                    "WHERE l.first_g <= :gram AND :gram < l.last_g ORDER BY d.movement_id")  # fmt: skip
    decisions = tx.execute(found, {"gram": issue.first_g}).scalars().all()
    values = {"id": world.random.choice(decisions)}
    statements = world.random.choice([
        ("DELETE FROM decisions WHERE movement_id = :id",),
        ("DELETE FROM decisions WHERE movement_id = :id", "DELETE FROM movements WHERE id = :id"),
        ("UPDATE decisions SET movement_id = -movement_id WHERE movement_id = :id",),
        ("UPDATE decisions SET case_number = (SELECT min(number) FROM cases) WHERE movement_id = :id",),
        (),
    ])  # fmt: skip
    for statement in (*statements, "DELETE FROM unsequenced WHERE movement_id = :id"):
        tx.execute(sa.text(statement), values)
    return Aim({row.id for row in waiting if row.act_id == issue.act_id}, {f"movement {values['id']}"})


def logged(world: World, tx: sa.Connection, kind: Kind | None = None) -> sa.Row[Any]:
    """Draw a movement that is in the log, with its index; no record, for nothing more is decided of an altered case."""
    last = tx.execute(sa.text("SELECT max(index) FROM log_entries")).scalar_one()
    where = f"e.index >= :index AND m.kind {'< 64' if kind is None else f'= {int(kind)}'}"
    one = f"SELECT m.*, e.index FROM log_entries e JOIN movements m ON m.id = e.movement_id WHERE {where}"
    for index in (world.random.randrange(last), 0):
        row = tx.execute(sa.text(f"{one} ORDER BY e.index LIMIT 1"), {"index": index}).one_or_none()
        if row is not None:
            return row
    raise LookupError(kind)


def _document(world: World, tx: sa.Connection) -> bytes:
    digest = world.random.randbytes(32)
    tx.execute(sa.text("INSERT INTO evidence (digest, personal, fields) VALUES (:d, '{}', '{}')"), {"d": digest})
    return digest


def _inserted(tx: sa.Connection, row: dict[str, Any]) -> int:
    names = [name for name in row if name != "id"]
    values = ", ".join(f":{name}" for name in names)
    statement = f"INSERT INTO movements ({', '.join(names)}) VALUES ({values}) RETURNING id"
    number = int(tx.execute(sa.text(statement), row).scalar_one())
    tx.execute(sa.text("INSERT INTO unsequenced VALUES (:id) ON CONFLICT DO NOTHING"), {"id": number})
    return number


OF_ROWS = (
    Attack("forged", forged),
    Attack("added", added),
    Attack("changed", changed),
    Attack("removed", removed),
    Attack("replayed", replayed),
    Attack("sealed again", sealed_again),
    Attack("staged", staged),
    Attack("unqueued", unqueued, is_found_by_fsck=True),
    Attack("with another key", with_another_key),
    Attack("without its decision", without_its_decision),
)
