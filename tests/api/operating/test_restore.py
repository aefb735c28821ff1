"""The restore of docs/recovery.md, done: base backup and archived WAL, back to a point in time, and on from there."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from anchoring.auditing.audit import audit
from anchoring.errors import Behind
from anchoring.tree.sources import DirectorySource
from api.installation.services import running
from api.installation.settings import Settings
from registry.database.embedded import EmbeddedPostgres
from registry.database.program import installed
from tests.support.rest import holder, is_problem
from tests.support.running import Live, live_site, served


class Server:
    """A PostgreSQL of the operator's own, which archives its WAL."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "pg"
        self._server = EmbeddedPostgres(self.data)
        self.url = self._server.start()
        self.owner = self.data.stat()
        # PostgreSQL's own user is let into nothing of ours, so its archive is where everybody can go.
        self.archive = Path(tempfile.mkdtemp(prefix="gl-archive-"))
        os.chown(self.archive, self.owner.st_uid, self.owner.st_gid)
        self.restart(f"archive_mode = on\narchive_command = 'cp %p {self.archive}/%f'\n")

    def restart(self, settings: str) -> None:
        self.stop()
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(settings)
        self._server = EmbeddedPostgres(self.data)
        self.url = self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def ask(self, sql: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql)

    def back_up(self, to: Path) -> None:
        command = installed() / "pg_basebackup"
        subprocess.run([command, "-d", self.url, "-D", to, "-X", "none", "-c", "fast"], check=True)

    def restore(self, backup: Path, point: str) -> None:
        """As docs/recovery.md says it."""
        self.stop()
        shutil.rmtree(self.data)
        backup.rename(self.data)
        (self.data / "recovery.signal").touch()
        # The embedded server's socket lies in its data folder, and so did its lock, with the number of a process that
        # is by now perhaps another's.
        (self.data / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
        for path in (self.data, *self.data.rglob("*")):
            os.chown(path, self.owner.st_uid, self.owner.st_gid)
        self.restart(
            f"restore_command = 'cp {self.archive}/%f %p'\n"
            f"recovery_target_name = '{point}'\nrecovery_target_action = 'promote'\n"
        )


@pytest.fixture
def server(tmp_path):
    running_server = Server(tmp_path)
    yield running_server
    running_server.stop()
    shutil.rmtree(running_server.archive)


@contextmanager
def again(server: Server, before: Live) -> Iterator[Live]:
    """Start the same installation once more, and serve it."""
    settings = Settings(data=before.site.folder.path, database=server.url)
    with running(settings, lambda _sentence: None) as site, served(site) as url:
        yield Live(site, url, before.source, before._rides)


@pytest.mark.slow
def test_back_to_a_point_in_time_and_on_from_there(server, gram, tmp_path):
    with live_site(tmp_path, database=server.url) as live:
        rider, shop = holder(live, live.person()), live.institution()
        live.issue({rider.account: 1000})
        live.publish()
        server.back_up(tmp_path / "backup")
        assert rider.act("conversions", quantity_g=400).status_code == 201
        live.publish()
        assert rider.act("conversions", quantity_g=100).status_code == 201  # recorded then, and logged later
        server.ask("SELECT pg_create_restore_point('yesterday')")
        assert rider.act("redemptions", quantity_g=300, provider=shop).status_code == 201
        newcomer = live.person()
        live.issue({newcomer: 50})
        live.publish()
        rider.act("redemptions", quantity_g=1, provider=shop)  # never published
        size, log = live.site.publisher.check(), live.site.folder.log
        server.ask("SELECT pg_switch_wal()")
    server.restore(tmp_path / "backup", "yesterday")

    with again(server, live) as back:
        asked = holder(back, rider.account)
        refused = asked.act("redemptions", quantity_g=300, provider=shop)
        assert is_problem(refused, 503, "log-behind")
        assert is_problem(asked.act("conversions", quantity_g=10**6), 503, "log-behind"), "nothing is said of the grams"
        assert asked.balances() == {"points": 500, "reduction": 500}
        answer = asked.get("/v1/health")
        health = answer.json()
        assert (health["status"], health["writes"], health["known_size"]) == ("recovering", False, size)
        assert answer.headers["Gramledger-As-Of-Size"] == str(health["size"])
        with pytest.raises(Behind):
            back.site.publisher.publish()

    where = ("--data", live.site.folder.path, "--database", server.url)
    code, out, _ = gram("fsck", *where)
    assert (code, "the database was set back" in out) == (1, True)
    code, out, _ = gram("recover", "--from", log, *where)
    assert (code, f"This database has the log of {size} leaves" in out, "(gram recover holder): 1" in out) == (
        0,
        True,
        True,
    )
    with again(server, live) as forth:
        asked = holder(forth, rider.account)
        assert asked.balances() == {"points": 200, "reduction": 500}
        assert asked.get("/v1/health").json()["status"] == "ok"
        assert asked.act("redemptions", quantity_g=200, provider=shop).status_code == 201
        forth.publish()
        audited = audit(DirectorySource(log), forth.site.log_signer.verifier.vkey, forth.site.client)
        assert (audited.holds, audited.size > size) == (True, True)
    code, out, _ = gram("fsck", *where)
    assert (code, "Everything agrees" in out, "nobody can spend it" in out) == (0, True, True)
