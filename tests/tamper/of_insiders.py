"""Whoever writes to the database while the registry runs: nothing of it enters the log, and nothing stops the log.

What is in the log is read from its published files; the database is the insiders'. Whoever did nothing but act beside
them is logged by the very next publication. Where the log cannot go on at all it stands still, and says why.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from anchoring.auditing.audit import audit
from anchoring.checkpoint import open_checkpoint
from anchoring.errors import Behind
from anchoring.leaf import decode
from anchoring.publishing.publisher import Publisher
from anchoring.tree.builder import leaves_at
from anchoring.tree.folder import CHECKPOINT, LogFolder
from anchoring.tree.sources import DirectorySource
from api.installation.witnesses import Publishing, Witnessing
from registry.database.engine import Database
from registry.database.roles import as_registry, establish
from registry.errors import RegistryError
from registry.ledger.blocks import movement_of
from registry.ledger.movement import Movement
from registry.points.points import redeem
from registry.upkeep.bindings import check_evidence, check_holders
from registry.upkeep.consistency import check_tables
from registry.upkeep.sealed import check_seals
from tests.support.publishing import GATE, LOG, act, cosigning
from tests.support.scheme import Scheme
from tests.tamper.insider import PAST_THE_TRIGGERS, ROLES, Aim, Attack, Waiting, World
from tests.tamper.insider_rows import OF_ROWS
from tests.tamper.insider_tables import OF_TABLES, keep
from tests.tamper.verdict import Tried, Verdict, judged, missed, refused
from tests.tamper.world import fresh_database

A_LIFE = 60
"""Attacks on one registry; what was set aside stays there, and makes its log and tables longer."""
KINDS: Sequence[Attack] = (*OF_ROWS, *OF_TABLES)
REFUSALS = (DBAPIError, RegistryError)
DENIED = ("23", "42501", "0A000", "42804", "42883")
"""What PostgreSQL's codes of a refusal begin with; another is a slip of the campaign's own."""


def of_insiders(server_url: str, random: Random, count: int) -> Iterator[Tried]:
    """Draw `count` attacks, each in the middle of a registry's work; now and then a registry begins anew."""
    number = 0
    while number < count:
        with fresh_database(server_url) as database, TemporaryDirectory(prefix="gl-insiders-") as folder:
            insiders = OfInsiders.found(database, Path(folder), random)
            part = range(number, min(count, number + A_LIFE))
            yield from insiders.run([KINDS[one % len(KINDS)] for one in part])
        number = part.stop


@dataclass
class OfInsiders:
    """A registry that runs under its own role, and somebody beside it who writes under each."""

    world: World
    folder: Path
    publishing: Publishing
    witnessing: Witnessing
    stopped: str = ""
    """Why the log stood still at the last publication."""
    told: dict[int, str] = field(default_factory=dict)
    """What the serve log said of the last publication."""
    written: dict[int, Movement] = field(default_factory=dict)
    """What the program itself wrote, by number."""
    numbers: dict[bytes, int] = field(default_factory=dict)
    """The same numbers by digest of evidence, of which no two are alike."""
    named: set[str] = field(default_factory=set)
    """What fsck named of earlier attacks."""
    logged: list[int] = field(default_factory=list)
    """The numbers of the published leaves, by index."""

    @classmethod
    def found(cls, owner: Database, folder: Path, random: Random) -> "OfInsiders":
        with owner.transaction() as tx:
            establish(tx)
        scheme = Scheme.found(Database(as_registry(owner.url.render_as_string(hide_password=False))))
        made = cls._of(World(owner, scheme, scheme.institution(), random), folder)
        made.note(0)
        made.act()
        made.publishing.turn()
        made.wrong(set())
        keep(owner)
        return made

    @classmethod
    def _of(cls, world: World, folder: Path) -> "OfInsiders":
        clock, told = world.scheme.clock, dict[int, str]()
        log = LogFolder(folder / "log")
        publisher = Publisher(
            world.registry.transaction,
            log,
            LOG,
            cosigning([], clock),
            clock,
            GATE,
            on_refused=told.update,
            draw=np.random.default_rng(0).random,
        )
        witnessing = Witnessing(folder / "witnesses.json")
        return cls(world, folder, Publishing(publisher, witnessing, clock), witnessing, told=told)

    @contextmanager
    def copied(self) -> Iterator["OfInsiders"]:
        """The same registry once more, for what leaves nothing to go on with."""
        owner, name = self.world.owner, f"{self.world.owner.url.database}_copy"
        for database in (owner, self.world.registry):
            database.close()
        with psycopg.connect(_server(owner), autocommit=True) as server:
            server.execute(f"CREATE DATABASE {name} TEMPLATE {owner.url.database}")
        copy = Database(owner.url.set(drivername="postgresql", database=name).render_as_string(hide_password=False))
        try:
            with TemporaryDirectory(prefix="gl-insiders-") as folder:
                shutil.copytree(self.folder, folder, dirs_exist_ok=True)
                scheme = replace(
                    self.world.scheme,
                    database=Database(as_registry(copy.url.render_as_string(hide_password=False))),
                )
                made = self._of(replace(self.world, owner=copy, scheme=scheme), Path(folder))
                made.written, made.numbers, made.logged = dict(self.written), dict(self.numbers), list(self.logged)
                made.named = set(self.named)
                yield made
                scheme.database.close()
        finally:
            copy.close()
            with psycopg.connect(_server(owner), autocommit=True) as server:
                server.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def run(self, attacks: Sequence[Attack]) -> Iterator[Tried]:
        for attack in attacks:
            role = ROLES[self.world.random.randrange(len(ROLES))]
            if attack.is_alone:
                with self.copied() as copy:
                    yield copy.tried(attack, role)
            else:
                yield self.tried(attack, role)
        report = audit(DirectorySource(self.folder / "log"), LOG.verifier.vkey)
        if not report.holds:
            yield missed("insider: the whole log", "audited at the end", report.verdict)
        self.world.registry.close()

    def tried(self, attack: Attack, role: str) -> Tried:
        kind = f"insider: {attack.name}, {role}"
        waiting = self.act()
        self.told.clear()
        try:
            aim = self._done(attack, role, waiting)
        except REFUSALS as error:
            if isinstance(error, DBAPIError) and not str(getattr(error.orig, "sqlstate", "")).startswith(DENIED):
                raise
            stands = self._others_go_on({row.id for row in waiting}, Aim())
            return missed(kind, "refused", stands) if stands else refused(kind, "", type(error).__name__)
        stands = self._others_go_on(aim.bystanders(waiting), aim)
        if stands:
            return missed(kind, f"{sorted(aim.targets)}", stands)
        if self.stopped:
            return Tried(f"{kind}: stands still", "", Verdict.FOUND, self.stopped)
        if aim.is_nothing:
            return refused(kind, "", "it came to nothing")
        found = {f"movement {number}" for number in self.told}
        if attack.is_found_by_fsck:
            found |= self.places() - self.named
            self.named |= found
        return judged(kind, "", found, aim.places | {f"movement {number}" for number in aim.targets})

    def _done(self, attack: Attack, role: str, waiting: Waiting) -> Aim:
        with (self.world.registry if role == ROLES[0] else self.world.owner).engine.begin() as tx:
            if role == PAST_THE_TRIGGERS:
                tx.execute(sa.text("SET LOCAL session_replication_role = replica"))
            aim = attack.do(self.world, tx, waiting)
        if aim.then is None:
            return aim
        last = self._last()
        targets = aim.then()
        self.note(last)
        return replace(aim, targets=aim.targets | targets)

    def _others_go_on(self, expected: set[int], aim: Aim) -> str:
        """Others act, and the registry publishes once; say what should not be so."""
        self.stopped = ""
        try:
            honest = {row.id for row in self.act()}
        except REFUSALS:
            if not aim.may_stop:
                raise
            honest = set()
        try:
            with capture_logs():
                self.publishing.turn()
        except Behind as error:
            self.stopped = str(error)
        self.stopped = self.stopped or self.witnessing.read().stopped or ""
        if self.stopped and not aim.may_stop:
            return f"the log stands still: {self.stopped}"
        return self.wrong(set() if self.stopped else expected | honest)

    def act(self) -> Waiting:
        """People act; give the movements that wait for it, as the program wrote them."""
        scheme, registry = self.world.scheme, self.world.registry
        last = self._last()
        act(scheme, 2)
        with registry.reading() as tx:
            person = tx.execute(_PERSON, {"after": last}).scalar_one()
        with registry.transaction() as tx:
            redeem(tx, scheme.ledger, person, self.world.shop, 20)
        return self.note(last)

    def _last(self) -> int:
        with self.world.registry.reading() as tx:
            return max(tx.execute(_LAST).scalar_one(), *self.written, 0)

    def note(self, last: int) -> Waiting:
        """Remember what the program wrote after the number `last`; give what of it are grams."""
        with self.world.registry.reading() as tx:
            rows = tx.execute(_SINCE, {"after": last}).all()
        self.written |= {row.id: movement_of(row) for row in rows}
        self.numbers |= {bytes(row.evidence): row.id for row in rows}
        return [row for row in rows if row.kind < 64]

    def wrong(self, expected: set[int]) -> str:
        """What is in the published log and should not be, or is not and should."""
        folder = LogFolder(self.folder / "log")
        size = open_checkpoint(folder.read(CHECKPOINT), LOG.verifier.vkey).checkpoint.size
        for leaf in leaves_at(folder, size, np.arange(len(self.logged), size)):
            said = decode(leaf.tobytes())
            number = self.numbers.get(said.evidence)
            if number is None or number in self.logged:
                return f"leaf {len(self.logged)} is in the log, and the program did not write it, or once only"
            parent = None if said.parent is None else self.logged[said.parent]
            if replace(said, parent=parent) != self.written[number]:
                return f"movement {number} is in the log otherwise than the program wrote it"
            self.logged.append(number)
        missing = expected - set(self.logged)
        return f"movements {sorted(missing)[:3]}, which nobody touched, are not in the log" if missing else ""

    def places(self) -> set[str]:
        """What fsck names."""
        vault = self.world.scheme.ledger.vault
        with self.world.registry.snapshot() as tx:
            checks = (
                check_tables(tx), check_seals(tx, vault.sealer), check_evidence(tx, vault), check_holders(tx, vault)
            )  # fmt: skip
            return {finding.place for check in checks for finding in check}


def _server(owner: Database) -> str:
    return owner.url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)


_LAST = sa.text("SELECT coalesce(max(id), 0) FROM movements")
_SINCE = sa.text("SELECT * FROM movements WHERE id > :after ORDER BY id")
_PERSON = sa.text("SELECT account_id FROM movements WHERE id > :after AND kind = 3 ORDER BY id LIMIT 1")
