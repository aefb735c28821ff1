"""A running installation, as each of its processes needs to know it: where things are, and who signs.

The supervisor hands it to its children as JSON in the environment; secrets stay in their files.
"""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from anchoring.chain.journal import DatabaseJournal
from anchoring.cosigning import Cosigner, LocalCosigner, quorum
from anchoring.merkle import EMPTY_ROOT
from anchoring.note import Signer
from anchoring.publishing.epochs import Epochs
from anchoring.publishing.publisher import Publisher
from anchoring.publishing.shown import known_to_chain
from anchoring.publishing.standing import Known, known_to
from anchoring.tree.folder import LogFolder
from anchoring.tree.sources import DirectorySource, HttpSource
from anchoring.tree.tiles import TileReader
from anchoring.witness.client import WitnessClient
from api.installation import logs
from api.installation.condition import Conditions
from api.installation.data_folder import DataFolder, read_folder
from api.installation.development_issuer import NAME as DEVELOPMENT
from api.installation.development_issuer import DevelopmentIssuer, known_issuer
from api.installation.gate import gate_of
from api.installation.keys import AUTHORITIES, Authority, chain_signer, cosigner, log_signer, payer, read_secret
from api.installation.settings import Environment, Settings
from api.installation.witnesses import Witnessing
from registry.accounts.vault import Vault
from registry.clock import system_clock
from registry.database.engine import Database
from registry.errors import Forbidden, Unavailable
from registry.ledger.ledger import Ledger

if TYPE_CHECKING:
    from anchoring.chain.anchorer import Anchorer
    from anchoring.chain.client import AnchorClient

SITE_VARIABLE = "GRAMLEDGER_SITE"
WITNESS_S = 10.0
"""For all that one ask of a witness needs; one that has more to replay is asked again later."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Addresses of what is running. The database's URL may hold a password; it never leaves our processes."""

    database_url: str
    rpc_urls: tuple[str, ...]
    chain_id: int
    contract: str
    embedded_chain: bool
    issuer: str = ""
    """The identity service, by the `iss` of its tokens."""


@dataclass(frozen=True)
class Site:
    """An installation whose services run, and what is made from them. Everything is made when first used."""

    settings: Settings
    folder: DataFolder
    where: Whereabouts
    revive: Callable[[], object] = lambda: None
    """Starts again what runs embedded and was killed; only the supervisor has something to start."""
    as_of: int | None = None
    """The size of the log that the database knows, when it was set back and is only read; else None."""

    @cached_property
    def database(self) -> Database:
        """The database."""
        return Database(self.where.database_url)

    @cached_property
    def ledger(self) -> Ledger:
        """Clock and vault."""
        return Ledger(system_clock, Vault(self.master_key()))

    def master_key(self) -> bytes:
        """The key that account keys are sealed under: from the settings, or from its file."""
        return master_key(self.settings, self.folder)

    @property
    def is_issuer_embedded(self) -> bool:
        """Whether the issuer is the one for development."""
        return self.settings.issuer is None

    @property
    def issuer_name(self) -> str:
        """By which the registry knows the issuer's subjects."""
        return issuer_name(self.settings)

    @property
    def development_issuer(self) -> DevelopmentIssuer:
        """The issuer for development, to sign in its name. Raises `Forbidden` in production, or with another one."""
        return development_issuer(self.settings, self.folder)

    @cached_property
    def log_signer(self) -> Signer:
        """The log's own key."""
        return log_signer(self.folder.keys, self.settings.log_key)

    @cached_property
    def reader(self) -> TileReader:
        """The published log, read from its folder."""
        return TileReader(DirectorySource(self.folder.log))

    @cached_property
    def client(self) -> "AnchorClient":
        """The anchor contract."""
        return self.client_of(self.where.rpc_urls, self.where.chain_id, self.where.contract)

    def client_of(self, rpc_urls: Sequence[str], chain_id: int, contract: str) -> "AnchorClient":
        """A contract that this log is anchored in; what is sent to it is written down in the database."""
        from anchoring.chain.client import AnchorClient, Patience  # web3: an HTTP worker never asks for it

        settings = self.settings
        return AnchorClient(
            rpc_urls,
            contract,
            chain_id=chain_id,
            final_depth=settings.blocks_to_final,
            journal=DatabaseJournal(self.database.transaction),
            patience=Patience(stuck_seconds=settings.stuck_after_s, max_fee_wei=settings.max_fee_gwei * 10**9),
        )

    @cached_property
    def publisher(self) -> Publisher:
        """Publishes the log, cosigned by the witnesses, or by development keys."""
        cosigners: Sequence[Cosigner] = self.witnesses or [
            LocalCosigner(cosigner(self.folder.keys, one), system_clock) for one in self._stand_ins
        ]
        return Publisher(
            self.database.transaction,
            LogFolder(self.folder.log),
            self.log_signer,
            quorum(cosigners, self.settings.threshold, system_clock),
            system_clock,
            gate_of(self.ledger.vault, self.settings.bounds),
            on_refused=logs.set_aside,
        )

    @cached_property
    def outsiders(self) -> Sequence[Callable[[], Known]]:
        """Those beside us who hold this log, each a way to ask how much of it."""
        asks: list[Callable[[], Known]] = [self._known_to_chain]
        if self.settings.mirror is not None:
            asks.append(partial(_known_to_mirror, self.settings.mirror, self.log_signer.verifier.vkey))
        asks += [partial(self._known_to_witness, one) for one in self.witnesses]
        return asks

    def _known_to_witness(self, witness: WitnessClient) -> Known:
        last = witness.last_cosigned(self.log_signer.verifier)
        size, root = (0, EMPTY_ROOT) if last is None else (last.size, last.root)
        return Known(f"The witness {witness.verifier.name}", size, root)

    def _known_to_chain(self) -> Known:
        authorities = [str(signer["address"]) for signer in self.signers]
        return known_to_chain(self.client, self.where.chain_id, authorities, self.settings.threshold)

    @cached_property
    def epochs(self) -> Epochs:
        """Records the state of all grams in the log, and keeps its maps."""
        return Epochs(self.publisher, self.folder.state)

    @cached_property
    def anchorer(self) -> "Anchorer":
        """Anchors the log, signed by the witnesses, or by development keys."""
        from anchoring.chain.anchorer import Anchorer

        return Anchorer(
            transaction=self.database.transaction,
            reader=self.reader,
            client=self.client,
            signers=self.witnesses or [chain_signer(self.folder.keys, one) for one in self._stand_ins],
            threshold=self.settings.threshold,
            payer=payer(self.folder.keys, self.settings.payer),
            clock=system_clock,
            final_depth=self.settings.blocks_to_final,
        )

    @cached_property
    def witnesses(self) -> Sequence[WitnessClient]:
        """The witnesses of the authorities; none when development keys stand in for them."""
        return [WitnessClient(one.url, one.vkey, one.address, WITNESS_S) for one in self.settings.witnesses or ()]

    @property
    def _stand_ins(self) -> Sequence[Authority]:
        """Those for whom development keys sign. Raises `Unavailable` in production, where none ever does."""
        if is_production(self.settings):
            raise Unavailable("Production takes signatures from witnesses only; set GRAMLEDGER_WITNESSES.")
        return AUTHORITIES

    @property
    def witnessing(self) -> Witnessing:
        """What is told of the witnesses, by the one process that asks them to all the others."""
        return Witnessing(self.folder.path / "witnesses.json")

    @property
    def counts(self) -> Path:
        """Where HTTP workers count requests, while the supervisor runs."""
        return self.folder.path / "counts"

    @property
    def conditions(self) -> Conditions:
        """What is out of the ordinary, since when."""
        return Conditions(self.folder.path / "conditions.json", self.witnessing)

    @cached_property
    def signers(self) -> Sequence[dict[str, str]]:
        """The authorities with their public keys, for `/v1/about`."""
        if self.settings.witnesses:
            return [
                {
                    "id": one.name,
                    "name_zh": one.name_zh or one.name,
                    "name_en": one.name_en or one.name,
                    "address": one.address,
                    "cosigner_vkey": one.vkey,
                }
                for one in self.settings.witnesses
            ]
        return [
            {
                "id": authority.id,
                "name_zh": authority.name_zh,
                "name_en": authority.name_en,
                "address": chain_signer(self.folder.keys, authority).address,
                "cosigner_vkey": cosigner(self.folder.keys, authority).verifier.vkey,
            }
            for authority in self._stand_ins
        ]

    def environment(self) -> dict[str, str]:
        """Give the environment for a child process that is to see the same site."""
        said = {"where": asdict(self.where), "data": str(self.folder.path), "as_of": self.as_of}
        counting = {} if self.settings.metrics_port is None else {"PROMETHEUS_MULTIPROC_DIR": str(self.counts)}
        return {
            **os.environ,
            **self.settings.exported(),
            SITE_VARIABLE: json.dumps(said),
            "GRAMLEDGER_FINAL_DEPTH": str(self.settings.blocks_to_final),
            **counting,
        }

    def base_url(self, asked: str) -> str:
        """Give the address, ending in a slash, that outsiders are told; `asked` is the one a request came to."""
        return self.settings.public_url or asked

    def close(self) -> None:
        """Give back connections."""
        if "database" in self.__dict__:
            self.database.close()
        if "client" in self.__dict__:
            self.client.close()
        for witness in self.__dict__.get("witnesses", ()):
            witness.close()


def _known_to_mirror(url: str, vkey: str) -> Known:
    with HttpSource(url) as source:
        return known_to(source, vkey, url)


def site_from_environment() -> Site:
    """Take up the site a supervisor handed to this process."""
    said = json.loads(os.environ[SITE_VARIABLE])
    where = said["where"] | {"rpc_urls": tuple(said["where"]["rpc_urls"])}
    return Site(Settings(), read_folder(Path(said["data"])), Whereabouts(**where), as_of=said["as_of"])


def master_key(settings: Settings, folder: DataFolder) -> bytes:
    """Read the key that account keys are sealed under, of an installation that need not run."""
    configured = settings.master_key
    return bytes.fromhex(configured.get_secret_value()) if configured else read_secret(folder.keys, "master.key")


def vault_if_any(settings: Settings) -> Vault | None:
    """Give the vault of an installation; None where neither a setting nor a folder has its master key."""
    if settings.master_key is not None:
        return Vault(bytes.fromhex(settings.master_key.get_secret_value()))
    with suppress(Unavailable):
        return Vault(read_secret(read_folder(settings.data).keys, "master.key"))
    return None


def issuer_name(settings: Settings) -> str:
    """By which the registry knows the subjects of its issuer."""
    return settings.issuer or DEVELOPMENT


def development_issuer(settings: Settings, folder: DataFolder) -> DevelopmentIssuer:
    """Give the issuer for development as it ran last, to sign in its name.

    Raises `Forbidden` in production, or where another issuer is named, and `Unavailable` where it never ran.
    """
    if is_production(settings) or settings.issuer is not None:
        raise Forbidden("Tokens come from the identity service (GRAMLEDGER_ISSUER) only.")
    return known_issuer(folder.issuer_address, settings.audience, read_secret(folder.keys, "issuer.key"))


def is_production(settings: Settings) -> bool:
    """Whether stand-ins are refused."""
    return settings.environment == Environment.PRODUCTION
