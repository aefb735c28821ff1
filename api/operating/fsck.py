"""`gram fsck`: whether database, log and chain agree, and where not, since when. It reads, and repairs nothing.

All of the database is read in one snapshot, beside whatever runs; files and chain may be newer than that, never older.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from anchoring.chain.client import AnchorClient
from anchoring.errors import AnchoringError, Unreachable
from anchoring.publishing.consistency import REPLAY, check_anchors, check_checkpoints
from anchoring.publishing.served import check_served, read_checkpoint
from anchoring.tree.sources import DirectorySource, HttpSource, Source
from api.installation.binding import Installation, differences
from api.installation.data_folder import DataFolder
from api.installation.keys import log_signer
from api.installation.settings import Settings
from api.installation.site import master_key
from api.operating.beside import beside
from registry.accounts.vault import Vault
from registry.database.engine import Database
from registry.errors import Unavailable
from registry.ledger.finding import Finding
from registry.upkeep.bindings import check_evidence, check_holders
from registry.upkeep.consistency import check_tables
from registry.upkeep.sealed import check_seals

SHOWN: Final = 1_000
"""Findings kept; of what is more, the number. One fault can have as many as there are movements."""


@dataclass
class Report:
    """What was compared, what could not be, and what does not agree. `size` is that of the database's published log."""

    size: int = 0
    checked: list[str] = field(default_factory=list)
    unchecked: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    losses: list[Finding] = field(default_factory=list)
    faults: int = 0
    lost: int = 0
    first_size: int | None = None
    """The first size of the log at which something does not agree."""
    first_ms: int | None = None

    @property
    def exit_code(self) -> int:
        """0 all agrees, 1 something does not, 2 something could not be compared."""
        return 1 if self.faults else 2 if self.unchecked else 0

    def add(self, finding: Finding) -> None:
        """Take one finding."""
        if finding.is_loss:
            self.lost += 1
            kept = self.losses
        else:
            self.faults += 1
            kept = self.findings
            self.first_size = _least(self.first_size, finding.size)
            self.first_ms = _least(self.first_ms, finding.at_ms)
        if len(kept) < SHOWN:
            kept.append(finding)

    def run(self, what: str, findings: Callable[[], Iterable[Finding]]) -> None:
        """Do one comparison; what does not answer is noted and the others go on."""
        try:
            for finding in findings():
                self.add(finding)
        except (Unreachable, Unavailable) as error:
            self.unchecked[what] = str(error)
        except AnchoringError as error:
            self.add(Finding(what, str(error), REPLAY))
        else:
            self.checked.append(what)


def _least(one: int | None, other: int | None) -> int | None:
    given = [number for number in (one, other) if number is not None]
    return min(given, default=None)


@dataclass(frozen=True, slots=True)
class Parts:
    """What is compared: the database with the vault of its accounts' keys, logs by their names, and the chain."""

    vault: Vault
    vkey: str
    logs: Mapping[str, Source]
    chain: AnchorClient | None = None
    installation: Installation | None = None


def examine(tx: sa.Connection, parts: Parts, report: Report) -> None:
    """Compare everything, as the transaction `tx` sees it."""
    report.size = tx.execute(_HEAD).one().published_size
    if parts.installation is not None:
        report.run("installation", lambda: _bound(tx, parts.installation))
    report.run("tables", lambda: check_tables(tx))
    report.run("evidence", lambda: check_evidence(tx, parts.vault))
    report.run("holders", lambda: check_holders(tx, parts.vault))
    report.run("seals", lambda: check_seals(tx, parts.vault.sealer))
    report.run("checkpoints", lambda: check_checkpoints(tx, parts.vkey))
    for name, source in parts.logs.items():
        report.run(name, lambda source=source, name=name: check_served(tx, source, parts.vkey, name))  # type: ignore[misc]  # mypy cannot infer a lambda with defaults
    if parts.chain is not None:
        report.run("chain", lambda: _chain(tx, parts.chain))


def _bound(tx: sa.Connection, installation: Installation | None) -> Iterator[Finding]:
    remedy = "name the data folder, database, keys and contract that belong together"
    for words in differences(tx, installation) if installation else ():
        yield Finding("installation", words, remedy)


def _chain(tx: sa.Connection, client: AnchorClient | None) -> Iterator[Finding]:
    if client is None:
        return
    head = client.head()
    if head.broken:
        yield Finding("contract", "it was convicted of a broken rule", "see `gram chain status`; it takes no more")
    yield from check_anchors(tx, client.anchored())


def _ahead(database: Database, parts: Parts) -> Iterator[Finding]:
    """Give every log that has more leaves than the database has signed by now, after the snapshot."""
    seen = {name: read_checkpoint(source, parts.vkey) for name, source in parts.logs.items()}
    with database.transaction() as tx:
        signed = tx.execute(_HEAD).one().size
    for name, checkpoint in seen.items():
        if checkpoint is not None and not isinstance(checkpoint, Finding) and checkpoint.size > signed:
            sentence = f"it has {checkpoint.size} leaves, and the database signed {signed}: the database was set back"
            yield Finding(f"{name}: checkpoint", sentence, REPLAY, signed + 1)


def fsck(settings: Settings, log_url: str | None, tell: Callable[[str], None]) -> Report:
    """Compare an installation's parts, whether it runs or not. Raises `Unavailable` when there is no database."""
    report = Report()
    with beside(settings, tell) as at, ExitStack() as stack:
        database = at.database()
        parts = _parts(settings, at.folder, at.rpc_urls(), log_url, stack)
        if parts.chain is None:
            report.unchecked["chain"] = "its node is not known; give --rpc and --contract"
        with database.snapshot() as tx:
            examine(tx, parts, report)
        report.run("sizes", lambda: _ahead(database, parts))
    return report


def _parts(
    settings: Settings, folder: DataFolder, rpc_urls: tuple[str, ...], log_url: str | None, stack: ExitStack
) -> Parts:
    logs: dict[str, Source] = {"log": DirectorySource(folder.log)}
    if log_url is not None:
        logs[log_url] = (
            stack.enter_context(HttpSource(log_url))
            if log_url.startswith(("http://", "https://"))
            else DirectorySource(Path(log_url))
        )
    contract, chain, installation = settings.contract or folder.marker.contract, None, None
    key, vkey = master_key(settings, folder), log_signer(folder.keys, settings.log_key).verifier.vkey
    if rpc_urls and contract is not None:
        chain = stack.enter_context(AnchorClient(rpc_urls, contract))
        chain_id = folder.marker.chain_id if folder.marker.chain_id is not None else chain.chain_id()
        installation = Installation(folder.marker.origin, vkey, Vault.check_value(key), chain_id, contract)
    return Parts(Vault(key), vkey, logs, chain, installation)


_HEAD = sa.text("SELECT size, published_size FROM log_head")
