"""Whoever writes to the database while the registry runs: nothing of it enters the log, and nothing stops the log."""

# ruff: noqa: S608
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from anchoring.audit import audit
from anchoring.errors import AnchoringError
from anchoring.leaf import decode
from anchoring.log.folder import LogFolder
from anchoring.log.publisher import Publisher
from anchoring.log.sources import DirectorySource
from registry.database.engine import Database
from registry.database.roles import as_registry, establish
from registry.errors import RegistryError
from registry.ledger.movement import Flag, Kind, Movement
from registry.points.points import redeem
from tests.support.publishing import GATE, LOG, act, cosigning
from tests.support.scheme import Scheme
from tests.tamper.verdict import Tried, judged, missed, refused
from tests.tamper.world import fresh_database

A_LIFE = 100
"""Alterations of one registry; what was set aside stays there, and makes its log and tables longer."""
ROLES = ("registry", "owner", "owner past the triggers")
WAITING = """
    SELECT m.* FROM unsequenced u JOIN movements m ON m.id = u.movement_id
    WHERE m.kind < 64 AND m.id > :after ORDER BY m.id
"""
CHANGES = {
    "to_tag": "substr(sha256(to_tag), 1, 20)",
    "from_tag": "substr(sha256(from_tag), 1, 20)",
    "evidence": "(SELECT digest FROM evidence ORDER BY digest LIMIT 1)",
    "at_ms": "at_ms + 1",
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


def of_insiders(server_url: str, random: Random, count: int) -> Iterator[Tried]:
    """Draw `count` alterations, each in the middle of a registry's work; now and then a registry begins anew."""
    while count > 0:
        part, count = min(count, A_LIFE), count - A_LIFE
        with fresh_database(server_url) as database, TemporaryDirectory(prefix="gl-insiders-") as folder:
            yield from OfInsiders(database, Path(folder), random).run(part)


@dataclass
class OfInsiders:
    """A registry that runs under its own role, and somebody beside it who writes under each."""

    owner: Database
    folder: Path
    random: Random
    told: dict[int, str] = field(default_factory=dict)
    written: dict[int, Movement] = field(default_factory=dict)
    """What the program itself wrote, by number."""

    def __post_init__(self) -> None:
        with self.owner.transaction() as tx:
            establish(tx)
        self.registry = Database(as_registry(self.owner.url.render_as_string(hide_password=False)))
        self.scheme = Scheme.found(self.registry)
        clock, transaction = self.scheme.clock, self.registry.transaction
        quorum, folder = cosigning([], clock), LogFolder(self.folder)
        self.publisher = Publisher(transaction, folder, LOG, quorum, clock, GATE, on_refused=self.told.update)
        self.shop = self.scheme.institution()
        act(self.scheme, 3)
        self.publisher.publish()

    def run(self, count: int) -> Iterator[Tried]:
        kinds: list[Callable[[sa.Connection, list[sa.Row[Any]]], set[int]]] = [
            self.forged, self.added, self.changed, self.removed, self.replayed, self.sealed_again, self.staged,
        ]  # fmt: skip
        for number in range(count):
            alter = kinds[number % len(kinds)]
            yield self.tried(alter, ROLES[self.random.randrange(len(ROLES))])
        report = audit(DirectorySource(self.folder), LOG.verifier.vkey)
        if not report.holds:
            yield missed("insider: the whole log", "audited at the end", report.verdict)
        self.registry.close()

    def tried(self, alter: Callable[[sa.Connection, list[sa.Row[Any]]], set[int]], role: str) -> Tried:
        kind = f"insider: {alter.__name__.replace('_', ' ')}, {role}"
        waiting = self.act()
        self.told.clear()
        done: DBAPIError | None = None
        targets: set[int] = set()
        try:
            with (self.registry if role == "registry" else self.owner).engine.begin() as tx:
                if role == ROLES[-1]:
                    tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
                targets = alter(tx, waiting)
        except DBAPIError as error:
            done = error
        honest = self.act()
        try:
            self.publisher.publish()
        except (AnchoringError, RegistryError, sa.exc.SQLAlchemyError) as error:
            return missed(kind, f"{targets}", f"the log stands still: {error}")
        wrong = self.wrong({row.id for row in honest} | ({row.id for row in waiting} if done else set()))
        if wrong:
            return missed(kind, f"{targets}", wrong)
        return refused(kind, "", type(done.orig).__name__) if done else judged(kind, "", self.told, targets)

    def act(self) -> list[sa.Row[Any]]:
        """People act; give the movements that wait for it, as the program wrote them."""
        with self.registry.reading() as tx:
            last = tx.execute(sa.text("SELECT max(id) FROM movements")).scalar_one()
        act(self.scheme, 2)
        with self.registry.reading() as tx:
            person = tx.execute(sa.text(f"SELECT account_id FROM ({WAITING}) w LIMIT 1"), {"after": last}).scalar_one()
        with self.registry.transaction() as tx:
            redeem(tx, self.scheme.ledger, person, self.shop, 20)
        with self.registry.reading() as tx:
            rows = tx.execute(sa.text(WAITING), {"after": last}).all()
            self.written |= {row.id: _movement(row) for row in tx.execute(_SINCE, {"after": last})}
        return list(rows)

    def wrong(self, expected: set[int]) -> str:
        """What is in the log and should not be, or is not and should."""
        with self.registry.reading() as tx:
            logged = {row.movement_id: bytes(row.leaf) for row in tx.execute(_LOGGED, {"ids": list(self.written)})}
            strangers = tx.execute(_STRANGERS, {"ids": list(self.written)}).scalars().all()
        if strangers:
            return f"movements {strangers[:3]}, which the program did not write, are in the log"
        for number, leaf in logged.items():
            said = decode(leaf)
            if _facts(said) != _facts(self.written[number]):
                return f"movement {number} is in the log otherwise than the program wrote it"
        missing = expected - logged.keys()
        return f"movements {sorted(missing)[:3]}, which nobody touched, are not in the log" if missing else ""

    # What they do, each giving the numbers that must not get into the log

    def forged(self, tx: sa.Connection, waiting: list[sa.Row[Any]]) -> set[int]:
        """A redemption at the shop that every trigger lets pass: lawful, and nobody's but theirs."""
        block = self.random.choice([row for row in waiting if row.kind == Kind.CONVERT])
        digest = self.random.randbytes(32)
        tx.execute(sa.text("INSERT INTO evidence (digest, personal, fields) VALUES (:d, '{}', '{}')"), {"d": digest})
        row = block._asdict() | {
            "giver_id": block.account_id, "account_id": self.shop, "kind": int(Kind.REDEEM), "parent_id": block.id,
            "flags": block.flags & ~Flag.INDIVIDUAL, "first_g": block.last_g - 5, "from_tag": block.to_tag,
            "to_tag": self.random.randbytes(20), "evidence": digest,
        }  # fmt: skip
        return {self._inserted(tx, row)}

    def added(self, tx: sa.Connection, waiting: list[sa.Row[Any]]) -> set[int]:
        """A copy of a movement that waits, or one like it under another tag and document."""
        row = self.random.choice(waiting)._asdict()
        digest = self.random.randbytes(32)
        tx.execute(sa.text("INSERT INTO evidence (digest, personal, fields) VALUES (:d, '{}', '{}')"), {"d": digest})
        row |= {"evidence": digest, "to_tag": self.random.randbytes(20)} if self.random.random() < 0.7 else {}
        return {self._inserted(tx, row)}

    def replayed(self, tx: sa.Connection, _waiting: list[sa.Row[Any]]) -> set[int]:
        """A row that is in the log already, as a backup has it, with its seal or without."""
        size = tx.execute(sa.text("SELECT size FROM log_head")).scalar_one()
        row = tx.execute(_LOGGED_SINCE, {"index": self.random.randrange(size - 1)}).one()
        new = self._inserted(tx, row._asdict())
        if self.random.random() < 0.5:
            tx.execute(sa.text("INSERT INTO seals SELECT :new, count, mac FROM seals WHERE first_id <= :id "
                               "ORDER BY first_id DESC LIMIT 1"), {"new": new, "id": row.id})  # fmt: skip
        return {new}

    def changed(self, tx: sa.Connection, waiting: list[sa.Row[Any]]) -> set[int]:
        """A column of a movement that waits."""
        number, column = self.random.choice(waiting).id, self.random.choice(sorted(CHANGES))
        tx.execute(sa.text(f"UPDATE movements SET {column} = {CHANGES[column]} WHERE id = {number}"))
        return {number}

    def removed(self, tx: sa.Connection, waiting: list[sa.Row[Any]]) -> set[int]:
        """A movement that waits, its document or its seal."""
        row = self.random.choice(waiting)
        statement = self.random.choice([
            "DELETE FROM movements WHERE id = :id",
            "DELETE FROM evidence WHERE digest = :digest",
            "DELETE FROM seals WHERE first_id <= :id AND first_id + count > :id",
            "UPDATE evidence SET fields = '{}' WHERE digest = :digest",
        ])  # fmt: skip
        tx.execute(sa.text(statement), {"id": row.id, "digest": row.evidence})
        return {row.id}

    def sealed_again(self, tx: sa.Connection, waiting: list[sa.Row[Any]]) -> set[int]:
        """A changed row under a seal that they made, or that another has."""
        number = self.random.choice(waiting).id
        tx.execute(sa.text(f"UPDATE movements SET to_tag = substr(sha256(to_tag), 1, 20) WHERE id = {number}"))
        tx.execute(sa.text("INSERT INTO seals VALUES (:id, 1, sha256(:noise))"),
                   {"id": number, "noise": self.random.randbytes(8)})  # fmt: skip
        return {number}

    def staged(self, tx: sa.Connection, waiting: list[sa.Row[Any]]) -> set[int]:
        """A forged movement that has its index already, and the leaf of another."""
        row = self.random.choice(waiting)._asdict() | {"to_tag": self.random.randbytes(20)}
        new = self._inserted(tx, row)
        tx.execute(sa.text("INSERT INTO log_entries SELECT max(index) + 1, :id, (SELECT leaf FROM log_entries "
                           "ORDER BY index DESC LIMIT 1) FROM log_entries"), {"id": new})  # fmt: skip
        return {new}

    def _inserted(self, tx: sa.Connection, row: dict[str, Any]) -> int:
        names = [name for name in row if name != "id"]
        values = ", ".join(f":{name}" for name in names)
        statement = f"INSERT INTO movements ({', '.join(names)}) VALUES ({values}) RETURNING id"
        number = int(tx.execute(sa.text(statement), row).scalar_one())
        tx.execute(sa.text("INSERT INTO unsequenced VALUES (:id) ON CONFLICT DO NOTHING"), {"id": number})
        return number


_SINCE = sa.text("SELECT * FROM movements WHERE id > :after")
_LOGGED_SINCE = sa.text("""
    SELECT m.* FROM log_entries e JOIN movements m ON m.id = e.movement_id
    WHERE e.index >= :index ORDER BY e.index LIMIT 1
""")
_LOGGED = sa.text("SELECT movement_id, leaf FROM log_entries WHERE movement_id = ANY (:ids)")
_STRANGERS = sa.text("""
    SELECT movement_id FROM log_entries WHERE movement_id <> ALL (:ids) AND index < (SELECT size FROM log_head)
        AND movement_id > (SELECT min(x) FROM unnest(CAST(:ids AS bigint[])) x)
""")


def _movement(row: sa.Row[Any]) -> Movement:
    return Movement(
        row.kind, row.form, row.flags, row.purpose, row.first_g, row.last_g, row.parent_id, row.at_ms, row.until_ms,
        bytes(row.from_tag), bytes(row.to_tag), bytes(row.evidence),
    )  # fmt: skip


def _facts(of: Movement) -> tuple[object, ...]:
    return tuple(getattr(of, name) for name in Movement.__dataclass_fields__ if name != "parent")
