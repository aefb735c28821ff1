"""The composition root: starts what is embedded, connects to what is not, and gives the running site."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from anchoring.chain.client import AnchorClient, deploy
from anchoring.chain.embedded_process import EmbeddedChainProcess
from anchoring.errors import AnchoringError, Refuted, Unreachable
from api.binding import Installation, alone, bind
from api.data_folder import DataFolder, hold
from api.keys import AUTHORITIES, chain_signer, payer
from api.settings import Settings
from api.site import THRESHOLD, Site, Whereabouts, is_production
from contracts import artifact
from registry.accounts.vault import Vault
from registry.database.embedded import EmbeddedPostgres
from registry.database.engine import migrate
from registry.errors import Unavailable

Tell = Callable[[str], None]


@contextmanager
def running(settings: Settings, tell: Tell, *, create: bool = False) -> Iterator[Site]:
    """Run an installation until the block ends, in a new data folder only if `create` says so.

    `tell` is given one sentence for each thing worth knowing.

    Raises `registry.errors.Unavailable` or `anchoring.errors.AnchoringError` with a sentence for a person.
    """
    if is_production(settings):
        raise Unavailable(
            "Production takes signatures from the authorities' own machines only. This version has nothing but "
            "development keys to sign with, and production refuses them."
        )
    with ExitStack() as stack:
        folder = stack.enter_context(hold(settings.data, settings.origin, create=create))
        database_url = _database(settings, folder, stack, tell)
        rpc_url, revive = _chain(settings, folder, stack, tell)
        folder, where = _contract(settings, folder, database_url, rpc_url, tell)
        site = Site(settings, folder, where, revive)
        stack.callback(site.close)
        migrate(site.database)
        stack.enter_context(alone(database_url))
        _compare(site)
        tell("Development keys sign for the authorities; production refuses them.")
        yield site


def _database(settings: Settings, folder: DataFolder, stack: ExitStack, tell: Tell) -> str:
    if settings.database is not None:
        return settings.database.get_secret_value()
    tell("The embedded PostgreSQL is a stand-in for a database server; production refuses it.")
    server = EmbeddedPostgres(folder.postgres)
    url = server.start()
    stack.callback(server.stop)
    return url


def _chain(settings: Settings, folder: DataFolder, stack: ExitStack, tell: Tell) -> tuple[str, Callable[[], object]]:
    if settings.rpc is not None:
        return settings.rpc, lambda: None
    process = EmbeddedChainProcess(
        folder.chain, prefund=[payer(folder.keys).address], final_depth=settings.blocks_to_final
    )
    stack.enter_context(process)
    tell("The embedded chain is a stand-in for a network that others run too; production refuses it.")
    return process.rpc_url, process.revive


def _contract(
    settings: Settings, folder: DataFolder, database_url: str, rpc_url: str, tell: Tell
) -> tuple[DataFolder, Whereabouts]:
    """Find the contract, or deploy it on a chain where this log has none yet."""
    contract = settings.contract or folder.marker.contract
    if contract is None:
        tell("Deploying the anchor contract with three signers, two of whom must sign.")
        signers = [chain_signer(folder.keys, authority).address for authority in AUTHORITIES]
        pays = payer(folder.keys)
        try:
            plan = folder.path / "deployment.json"
            contract = deploy(rpc_url, pays, signers, THRESHOLD, artifact(), plan=plan)
        except Unreachable as error:
            raise Unreachable(f"{error} Transactions are paid by {pays.address}; it must hold ether.") from error
    with AnchorClient(rpc_url, contract) as client:
        chain_id = client.chain_id()
        if not client.code_present():
            raise Refuted(f"There is no contract at {contract} on chain {chain_id}; the log is anchored elsewhere.")
    if folder.marker.contract is None:
        folder = folder.with_contract(chain_id, contract)
    elif (folder.marker.chain_id, folder.marker.contract) != (chain_id, contract):
        raise AnchoringError(
            f"This log is anchored in {folder.marker.contract} on chain {folder.marker.chain_id}, "
            f"not in {contract} on chain {chain_id}."
        )
    return folder, Whereabouts(database_url, rpc_url, chain_id, contract, settings.rpc is None)


def _compare(site: Site) -> None:
    """Refuse to go on with parts that do not belong together, or of which one was set back.

    A database restored from a backup would sign another history than the one that is published, so it is compared
    with the log's own files and with the chain before anything is written.
    """
    installation = Installation(
        origin=site.folder.marker.origin,
        vkey=site.log_signer.verifier.vkey,
        master_check=Vault.check_value(site.master_key()),
        chain_id=site.where.chain_id,
        contract=site.where.contract,
    )
    with site.database.transaction() as tx:
        bind(tx, installation)
    signed = site.publisher.check()
    anchored = site.client.head().size
    if anchored > signed:
        raise Refuted(
            f"The chain holds a checkpoint of {anchored} leaves, and this database's log has {signed}: it was "
            "set back. Nothing was written; restore the database to its last state."
        )
