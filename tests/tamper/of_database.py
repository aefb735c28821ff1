"""Rows altered by a superuser past every trigger and foreign key; each in a transaction that is rolled back."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DataError, IntegrityError

from anchoring.leaf import decode, encode
from anchoring.tree.folder import CHECKPOINT
from anchoring.tree.sources import DirectorySource
from api.operating.fsck import Parts, Report, examine
from registry.database.schema import evidence
from tests.tamper.verdict import Tried, judged, refused
from tests.tamper.world import VKEY, Ledger

NUMBERS = {
    "movements": "kind form flags purpose first_g last_g parent_id at_ms until_ms account_id giver_id",
    "blocks": "movement_id account_id lot_id lot_first_g lot_last_g first_g last_g form flags until_ms",
    "checkpoints": "size frontier_g ended_g",
    "lots": "first_g last_g source_id issued_ms period_from_ms period_until_ms methodology_version",
    "log_head": "size published_size",
    "frontier": "next_g",
}
BYTES = {
    "movements": "from_tag to_tag evidence",
    "log_entries": "leaf",
    "checkpoints": "root peaks",
    "lots": "inputs_sha256",
    "account_keys": "sealed",
}
TEXTS = {"checkpoints": "note", "publications": "note"}
DELETED = "movements log_entries blocks checkpoints publications lots evidence account_keys"
KEYS = {
    "movements": "id", "blocks": "id", "checkpoints": "size", "publications": "size", "lots": "id",
    "evidence": "digest", "log_entries": "index", "log_head": "sole", "frontier": "sole", "account_keys": "account_id",
}  # fmt: skip


@dataclass
class Altered:
    """An alteration in an open transaction: where, and the places that would name it."""

    tx: sa.Connection
    kind: str
    what: str
    places: set[object]


class OfDatabase:
    """Draws alterations of a small ledger's rows."""

    def __init__(self, ledger: Ledger, random: Random) -> None:
        self.ledger, self.random = ledger, random
        self.database = ledger.scheme.database
        self.checkpoint = (ledger.folder / CHECKPOINT).read_bytes()
        with self.database.transaction() as tx:
            select = "SELECT * FROM {} ORDER BY 1"
            self.rows = {
                name: [dict(row._mapping) for row in tx.execute(sa.text(select.format(name)))] for name in KEYS
            }
            if list(self.named(tx)):
                raise AssertionError("the honest database is doubted")
        self.leaf_of = {row["movement_id"]: f"leaf {row['index']}" for row in self.rows["log_entries"]}
        self.sizes = [row["size"] for row in self.rows["checkpoints"]]

    def run(self, count: int) -> Iterator[Tried]:
        columns = [
            (make, table, column)
            for make, tables in ((self.number, NUMBERS), (self.bytes_, BYTES), (self.text, TEXTS))
            for table, names in tables.items()
            for column in names.split()
        ]
        kinds: list[Callable[[sa.Connection], Altered]] = []
        for make, table, column in columns:
            kinds.append(lambda tx, make=make, table=table, column=column: make(tx, table, column))
        kinds += [lambda tx, table=table: self.deleted(tx, table) for table in DELETED.split()]
        kinds += [
            self.document,
            self.document,
            self.swapped_leaves,
            self.both,
            self.both,
            self.copied_block,
            self.moved,
            self.forged,
        ]
        for number in range(count):
            yield self.tried(kinds[number % len(kinds)])

    def tried(self, alter: Callable[[sa.Connection], Altered]) -> Tried:
        with self.database.engine.connect() as tx:
            try:
                tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
                done = alter(tx)
            except (IntegrityError, DataError) as error:
                return refused("database: refused by a constraint", type(error.orig).__name__, error.orig)
            try:
                found = list(self.named(tx))
            finally:
                tx.rollback()
                (self.ledger.folder / CHECKPOINT).write_bytes(self.checkpoint)
        return judged(f"database: {done.kind}", done.what, found, done.places)

    def named(self, tx: sa.Connection) -> Iterator[object]:
        """Every place that `gram fsck` names."""
        report = Report()
        parts = Parts(self.ledger.scheme.ledger.vault, VKEY, {"log": DirectorySource(self.ledger.folder)})
        examine(tx, parts, report)
        if report.unchecked:
            raise AssertionError(report.unchecked)
        yield from (finding.place for finding in report.findings + report.losses)

    def update(self, tx: sa.Connection, table: str, row: dict[str, Any], **values: Any) -> None:
        sets = ", ".join(f'"{name}" = :{name}' for name in values)
        key = KEYS[table]
        statement = f'UPDATE {table} SET {sets} WHERE "{key}" = :the_key'  # noqa: S608
        done = tx.execute(sa.text(statement), {**values, "the_key": row[key]})
        if done.rowcount != 1:
            raise AssertionError(f"{table} has no such row")

    def places(self, table: str, row: dict[str, Any]) -> set[object]:
        """Where an alteration of this row may be named."""
        match table:
            case "movements":
                children = {f"movement {one['id']}" for one in self.rows["movements"] if one["parent_id"] == row["id"]}
                return {self.leaf_of[row["id"]], f"movement {row['id']}"} | (children if row["account_id"] else set())
            case "log_entries":
                return {f"leaf {row['index']}", f"movement {row['movement_id']}"}
            case "blocks":
                return {f"movement {row['movement_id']}"}
            case "checkpoints" | "publications" | "log_head":
                return {f"checkpoint {row['size']}"}
            case "account_keys":
                return {f"account {row['account_id']}"}
            case "evidence":
                digest = bytes(row["digest"])
                named = {f"movement {one['id']}" for one in self.rows["movements"] if bytes(one["evidence"]) == digest}
                return {f"evidence {digest.hex()}"} | named
            case "lots":
                return {f"lot {row['id']}"}
        return {"the frontier"}

    # Alterations

    def number(self, tx: sa.Connection, table: str, column: str) -> Altered:
        row = self.random.choice([one for one in self.rows[table] if one[column] is not None])
        value = max(0, row[column] + self.random.choice([-1, 1, 2, 7, 100]))
        value = value + 3 if value == row[column] else value
        self.update(tx, table, row, **{column: value})
        places = self.places(table, row) | ({f"checkpoint {value}"} if "size" in column else set())
        return Altered(tx, table, f"{column} {row[column]} to {value}", places)

    def bytes_(self, tx: sa.Connection, table: str, column: str) -> Altered:
        row = self.random.choice(self.rows[table])
        data = bytearray(row[column])
        data[self.random.randrange(len(data))] ^= self.random.randrange(1, 256)
        self.update(tx, table, row, **{column: bytes(data)})
        return Altered(tx, table, f"{column} of {row[KEYS[table]]!r}", self.places(table, row))

    def text(self, tx: sa.Connection, table: str, column: str) -> Altered:
        row = self.random.choice(self.rows[table])
        text, at = row[column], self.random.randrange(row[column].index("\n", row[column].index("\n\n") + 2))
        altered = text[:at] + self.random.choice("ABCxyz0189".replace(text[at], "")) + text[at + 1 :]
        self.update(tx, table, row, **{column: altered})
        return Altered(tx, table, f"{column} at {at}", self.places(table, row))

    def deleted(self, tx: sa.Connection, table: str) -> Altered:
        row = self.random.choice(self.rows[table])
        key = KEYS[table]
        tx.execute(sa.text(f'DELETE FROM {table} WHERE "{key}" = :key'), {"key": row[key]})  # noqa: S608
        places = self.places(table, row) | ({f"movement {row['id']}"} if table == "movements" else set())
        if table == "lots":
            places |= {
                f"movement {one['id']}"
                for one in self.rows["movements"]
                if row["first_g"] <= one["first_g"] < row["last_g"]
            }
        return Altered(tx, f"{table}, deleted", f"{row[key]!r}", places)

    def document(self, tx: sa.Connection) -> Altered:
        """One shown value, or salt, of an evidence document, or what is sealed of one."""
        row = self.random.choice([one for one in self.rows["evidence"] if one["fields"]])
        name, at = self.random.choice(sorted(row["fields"])), self.random.randrange(2)
        if isinstance(row["fields"][name], str):
            of_erased = {"fields": row["fields"] | {name: self.random.randbytes(32).hex()}}
            altered = {"sealed": self.random.randbytes(len(row["sealed"]))} if row["sealed"] else of_erased
        else:
            shown = list(row["fields"][name])
            shown[at] = f"{shown[at]}x" if at == 0 else [shown[at], 1]
            altered = {"fields": row["fields"] | {name: shown}}
        tx.execute(sa.update(evidence).where(evidence.c.digest == row["digest"]).values(altered))
        places = self.places("evidence", row) | {f"lot {one['id']}" for one in self.rows["lots"]}
        return Altered(tx, "evidence", f"{name}", places)

    def swapped_leaves(self, tx: sa.Connection) -> Altered:
        one, other = self.random.sample(self.rows["log_entries"], 2)
        self.update(tx, "log_entries", one, leaf=other["leaf"])
        self.update(tx, "log_entries", other, leaf=one["leaf"])
        return Altered(
            tx, "log_entries", f"{one['index']} {other['index']}", {f"leaf {one['index']}", f"leaf {other['index']}"}
        )

    def both(self, tx: sa.Connection) -> Altered:
        """The movement and its leaf alike: only the root that was signed, and the published files, tell."""
        row = self.random.choice(self.rows["log_entries"])
        movement = decode(bytes(row["leaf"]))
        later = movement.at + 60_000 * self.random.randrange(1, 1000)
        altered = encode(
            type(movement)(
                **{name: getattr(movement, name) for name in type(movement).__dataclass_fields__} | {"at": later}
            )
        )
        self.update(tx, "log_entries", row, leaf=altered)
        tx.execute(sa.text("UPDATE movements SET at_ms = :at WHERE id = :id"), {"at": later, "id": row["movement_id"]})
        first = min(size for size in self.sizes if size > row["index"])
        return Altered(tx, "movement and leaf alike", f"leaf {row['index']}", {f"checkpoint {first}"})

    def moved(self, tx: sa.Connection) -> Altered:
        """All that one person ever held becomes another's, everywhere alike: only the tags tell."""
        issues = [one for one in self.rows["movements"] if one["kind"] == 1]
        one, other = self.random.sample(issues, 2)
        accounts = {"one": one["account_id"], "other": other["account_id"]}
        for table, column in (("movements", "account_id"), ("movements", "giver_id"), ("blocks", "account_id")):
            statement = f"UPDATE {table} SET {column} = :other WHERE {column} = :one"  # noqa: S608
            tx.execute(sa.text(statement), accounts)
        return Altered(tx, "a person's grams made another's", f"{accounts}", {f"movement {one['id']}"})

    def copied_block(self, tx: sa.Connection) -> Altered:
        """A live block comes back for a movement whose grams have moved on, or that has none."""
        spent = [one for one in self.rows["movements"] if one["kind"] < 64 and one["parent_id"] and not one["form"]]
        row, block = self.random.choice(spent), self.random.choice(self.rows["blocks"])
        values = {name: block[name] for name in block if name != "id"}
        values |= {"movement_id": row["id"], "first_g": row["first_g"], "last_g": row["last_g"]}
        names = ", ".join(values)
        tx.execute(sa.text(f"INSERT INTO blocks ({names}) VALUES ({', '.join(':' + name for name in values)})"), values)  # noqa: S608
        return Altered(tx, "blocks, one made up", f"movement {row['id']}", {f"movement {row['id']}"})

    def forged(self, tx: sa.Connection) -> Altered:
        """A second movement of grams that moved already, past the trigger: it is in no queue, log or block."""
        row = self.random.choice([one for one in self.rows["movements"] if one["parent_id"]])
        values = {name: row[name] for name in row if name != "id"}
        values["to_tag"] = secrets.token_bytes(20) if row["form"] else row["to_tag"]
        names = ", ".join(values)
        text = f"INSERT INTO movements ({names}) VALUES ({', '.join(':' + name for name in values)}) RETURNING id"  # noqa: S608
        number = tx.execute(sa.text(text), values).scalar_one()
        return Altered(tx, "movements, one made up", f"copy of {row['id']}", {f"movement {number}"})
