"""An installation that is only read: beside the registry that runs, or with what is embedded started meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anchoring.chain.embedded_process import EmbeddedChainProcess
from anchoring.errors import Elsewhere, NotYet
from api.installation.data_folder import DataFolder, InUse, hold, read_folder
from api.installation.settings import Settings
from api.installation.site import Site, Whereabouts
from registry.database.embedded import EmbeddedPostgres, running_url
from registry.database.engine import Database, require_schema
from registry.database.roles import as_registry
from registry.errors import Unavailable

if TYPE_CHECKING:
    from anchoring.chain.client import AnchorClient


@dataclass(frozen=True)
class Beside:
    """A data folder and ways to what belongs to it; `runs` says whether a registry holds it now."""

    settings: Settings
    folder: DataFolder
    runs: bool
    _stack: ExitStack

    def database(self) -> Database:
        """Open the database under the registry's role. Raises `Unavailable` when there is none of this schema."""
        database = Database(self._database_url(), pool_size=2)
        self._stack.callback(database.close)
        require_schema(database)
        return database

    def rpc_urls(self) -> tuple[str, ...]:
        """Give the chain's endpoints; none when the folder has no chain of its own and none was named."""
        if self.settings.rpc_urls:
            return self.settings.rpc_urls
        if self.runs:
            return self._running_chain()
        if not self.folder.chain.exists():
            return ()
        return (self._stack.enter_context(EmbeddedChainProcess(self.folder.chain)).rpc_url,)

    def contract(self) -> "AnchorClient":
        """Open the contract that this log is anchored in.

        Raises `NotYet` when it has none, `Unavailable` when no node is known, `Elsewhere` when the node is of another
        chain than the log's.
        """
        from anchoring.chain.client import AnchorClient  # web3: most commands ask no chain

        marker, address = self.folder.marker, self._contract_address()
        urls = self.rpc_urls()
        if not urls:
            raise Unavailable("The node of this registry's chain is not known; name it with --rpc.")
        client = self._stack.enter_context(AnchorClient(urls, address))
        chain_id = client.chain_id()
        if marker.chain_id is not None and chain_id != marker.chain_id:
            raise Elsewhere(f"This log is anchored on chain {marker.chain_id}; the node is of chain {chain_id}.")
        return client

    def site(self) -> Site:
        """Give what is made from settings, keys and database; no node is asked, and no address of one is in it.

        Raises `NotYet` when the log has no contract, `Unavailable` when there is no database of this schema.
        """
        marker, address = self.folder.marker, self._contract_address()
        if marker.chain_id is None:
            raise NotYet("This log was not anchored on any chain yet; `gram serve` begins that.")
        self.database()
        where = Whereabouts(self._database_url(), (), marker.chain_id, address, embedded_chain=False)
        made = Site(self.settings, self.folder, where)
        self._stack.callback(made.close)
        return made

    def _contract_address(self) -> str:
        address = self.settings.contract or self.folder.marker.contract
        if address is None:
            raise NotYet(
                "This log has no contract yet. `gram serve` deploys one, or takes that of GRAMLEDGER_CONTRACT."
            )
        return address

    def _database_url(self) -> str:
        if self.settings.database is not None:
            return self.settings.database.get_secret_value()
        if self.runs:
            return as_registry(running_url(self.folder.postgres))
        if not self.folder.postgres.exists():
            raise Unavailable(f"{self.folder.path} has no database yet; `gram serve` makes one, or name a --database.")
        server = EmbeddedPostgres(self.folder.postgres)
        self._stack.callback(server.stop)
        return as_registry(server.start())

    def _running_chain(self) -> tuple[str, ...]:
        try:
            return (self.folder.chain_address.read_text(encoding="ascii"),)
        except (OSError, UnicodeDecodeError):
            return ()


@contextmanager
def beside(settings: Settings, tell: Callable[[str], None]) -> Iterator[Beside]:
    """Read an installation until the block ends. Raises `Unavailable` when there is none."""
    folder = read_folder(settings.data)
    with ExitStack() as stack:
        try:
            stack.enter_context(hold(settings.data, create=False))
            runs = False
        except InUse:
            tell("The registry is running; it is read beside it.")
            runs = True
        yield Beside(settings, folder, runs, stack)
