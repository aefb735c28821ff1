"""The composition root: starts what is embedded, connects to what is not, and gives the running site."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace

import sqlalchemy as sa

from anchoring.chain.client import AnchorClient, deploy
from anchoring.chain.embedded_process import EmbeddedChainProcess
from anchoring.errors import AnchoringError, Behind, Elsewhere, Refuted, Unreachable
from anchoring.publishing.sequencer import Standing
from anchoring.publishing.standing import Known, standing, take_note
from anchoring.quorum import WHOLE_S, collect
from api.installation.binding import Installation, alone, bind
from api.installation.condition import RECOVERING
from api.installation.data_folder import POSTGRES, DataFolder, hold
from api.installation.development_issuer import issuing
from api.installation.keys import AUTHORITIES, chain_signer, payer, read_secret
from api.installation.moving import follow
from api.installation.settings import Settings
from api.installation.site import Site, Whereabouts, is_production, master_key
from contracts import artifact
from registry.accounts.vault import Vault
from registry.clock import system_clock
from registry.database.embedded import EmbeddedPostgres, check_place
from registry.database.engine import Database, migrate, require_schema
from registry.database.program import known_hole, version
from registry.database.roles import as_registry, establish, powers
from registry.errors import Unavailable

Tell = Callable[[str], None]


@contextmanager
def running(settings: Settings, tell: Tell, *, create: bool = False, mend: bool = False) -> Iterator[Site]:
    """Run an installation until the block ends, in a new data folder only if `create` says so.

    `tell` is given one sentence for each thing worth knowing. `mend` is for what brings a log's folder up to date: it
    may be behind then, or empty.

    Raises `registry.errors.Unavailable` or `anchoring.errors.AnchoringError` with a sentence for a person.
    """
    if settings.database is None:
        check_place(settings.data / POSTGRES)  # before anything is made
    stand_ins = not is_production(settings)
    with ExitStack() as stack:
        folder = stack.enter_context(hold(settings.data, settings.origin, create=create, stand_ins=stand_ins))
        database_url = _database(settings, folder, stack, tell)
        rpc_urls, revive = _chain(settings, folder, stack, tell)
        folder, where = _contract(settings, folder, database_url, rpc_urls, tell)
        where = replace(where, issuer=_issuer(settings, folder, stack, tell))
        site = Site(settings, folder, where, revive)
        stack.callback(site.close)
        stack.enter_context(alone(database_url))
        now = _compare(site, tell, mend=mend)
        site.conditions.note(RECOVERING, system_clock, holds=now.is_behind)
        if now.is_behind:
            site = replace(site, as_of=now.size)
            stack.callback(site.close)
        if site.witnesses:
            tell(f"{settings.threshold} of {len(site.witnesses)} witnesses must sign; nobody signs for them here.")
        else:
            tell("Development keys sign for the authorities; production refuses them.")
        yield site


def _database(settings: Settings, folder: DataFolder, stack: ExitStack, tell: Tell) -> str:
    if settings.database is not None:
        url = settings.database.get_secret_value()
        _judge_role(url, settings, folder, tell)
        return url
    tell("The embedded PostgreSQL is a stand-in for a database server; production refuses it.")
    if hole := known_hole(version()):
        tell(f"{hole} Only this machine's own user reaches the embedded one.")
    server = EmbeddedPostgres(folder.postgres)
    stack.callback(server.stop)
    return prepared(server.start(), Vault(master_key(settings, folder)))


def prepared(owner_url: str, vault: Vault | None = None) -> str:
    """Bring a server of our own to this version's schema as its owner; give the URL that the registry works under."""
    with closing(Database(owner_url, pool_size=1)) as database:
        migrate(database, vault=vault)
        with database.transaction() as tx:
            establish(tx)
    return as_registry(owner_url)


def _judge_role(url: str, settings: Settings, folder: DataFolder, tell: Tell) -> None:
    """Refuse, in production, a role that could pass the ledger's own rules; elsewhere warn, and migrate under it."""
    with closing(Database(url, pool_size=1)) as database:
        with database.reading() as tx:
            found, hole = powers(tx), known_hole(divmod(int(tx.execute(_VERSION).scalar_one()), 10_000))
        if hole:
            tell(f"{hole} Bring the database server up to date.")
        if found and is_production(settings):
            raise Unavailable(
                f"The registry's database role must not pass the ledger's rules, but it {', it '.join(found)}. Let "
                "another role own the tables, and give this one its rights: "
                "gram migrate --database OWNER_URL --role ROLE"
            )
        if found:
            tell(f"The registry's database role is too strong: it {', it '.join(found)}. Production refuses it.")
            migrate(database, vault=Vault(master_key(settings, folder)))
        require_schema(database)


def _chain(
    settings: Settings, folder: DataFolder, stack: ExitStack, tell: Tell
) -> tuple[tuple[str, ...], Callable[[], object]]:
    if settings.rpc is not None:
        return settings.rpc_urls, lambda: None
    process = EmbeddedChainProcess(
        folder.chain, prefund=[payer(folder.keys, settings.payer).address], final_depth=settings.blocks_to_final
    )
    stack.enter_context(process)
    folder.chain_address.write_text(process.rpc_url, encoding="ascii")
    tell("The embedded chain is a stand-in for a network that others run too; production refuses it.")
    return (process.rpc_url,), process.revive


def _issuer(settings: Settings, folder: DataFolder, stack: ExitStack, tell: Tell) -> str:
    if settings.issuer is not None:
        return settings.issuer
    key = read_secret(folder.keys, "issuer.key")
    issuer = stack.enter_context(issuing(folder.issuer_address, settings.audience, key))
    tell("The development issuer believes everybody who they say they are; production refuses it.")
    return issuer.url


def _contract(
    settings: Settings, folder: DataFolder, database_url: str, rpc_urls: tuple[str, ...], tell: Tell
) -> tuple[DataFolder, Whereabouts]:
    """Find the contract, or deploy it on a chain where this log has none yet."""
    folder = follow(folder, database_url)
    contract = settings.contract or folder.marker.contract
    if contract is None:
        signers = [one.address for one in settings.witnesses or ()]
        signers = signers or [chain_signer(folder.keys, authority).address for authority in AUTHORITIES]
        tell(f"Deploying the anchor contract with {len(signers)} signers, {settings.threshold} of whom must sign.")
        pays = payer(folder.keys, settings.payer)
        plan = folder.path / "deployment.json"
        contract = deploy(rpc_urls, pays, signers, settings.threshold, artifact(), plan=plan)
    with AnchorClient(rpc_urls, contract) as client:
        chain_id = client.chain_id()
        client.check()
    if folder.marker.contract is None:
        folder = folder.with_contract(chain_id, contract)
    elif (folder.marker.chain_id, folder.marker.contract) != (chain_id, contract):
        raise Elsewhere(
            f"This log is anchored in {folder.marker.contract} on chain {folder.marker.chain_id}, "
            f"not in {contract} on chain {chain_id}."
        )
    return folder, Whereabouts(database_url, rpc_urls, chain_id, contract, settings.rpc is None)


def _compare(site: Site, tell: Tell, *, mend: bool) -> Standing:
    """Refuse to go on with parts that do not belong together; a database that was set back is only read from then on.

    Restored from a backup it would sign another history than the one that is published. So whoever holds this log is
    asked before anything is written: its own folder, the chain, and those who are independent of us.
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
    _compare_signers(site)
    known = list(_asked(site.outsiders, tell))
    if not known and is_production(site.settings):
        raise Unreachable(
            "None of those who hold this log beside us (the chain, witnesses, a mirror) answers. Nothing is signed "
            "before one of them has said that this database was not set back."
        )
    now = take_note(site.database.transaction, known)
    if not now.is_behind and not mend:
        now = _held_against_folder(site, now)
    if now.is_behind:
        tell(
            f"The database was set back: it has {now.size} leaves of a log that has {now.known_size}. All can be read "
            f"as of {now.size}; nothing is written or signed until `gram recover --from URL_OR_FOLDER` has run."
        )
    return now


def _asked(outsiders: Sequence[Callable[[], Known]], tell: Tell) -> Iterator[Known]:
    """Ask all who hold this log; what is not answered, or not signed by the log, is told and does not count."""
    for outcome in collect(outsiders, len(outsiders), WHOLE_S):
        if isinstance(outcome, AnchoringError):
            tell(f"Not compared with this database: {outcome}")
        else:
            yield outcome


def _compare_signers(site: Site) -> None:
    """Refuse signers whose signatures the contract would not take, or of which it needs another number."""
    addresses, needed = site.client.signers()
    ours = [str(signer["address"]) for signer in site.signers]
    if needed != site.settings.threshold or not addresses.issuperset(ours):
        raise Refuted(
            f"The contract takes {needed} signatures of {', '.join(sorted(addresses))}. Here "
            f"{site.settings.threshold} of {', '.join(ours)} are to sign, and would not be anchored. Set "
            "GRAMLEDGER_WITNESSES and GRAMLEDGER_THRESHOLD as the contract has them."
        )


def _held_against_folder(site: Site, now: Standing) -> Standing:
    try:
        site.publisher.check()
    except Behind:
        return standing(site.database.transaction)
    return now


_VERSION = sa.text("SHOW server_version_num")
