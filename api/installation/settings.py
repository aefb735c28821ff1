"""Settings, from the environment (`GRAMLEDGER_...`) and the command line. What is not set runs embedded."""

import ipaddress
import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from anchoring import note
from anchoring.errors import Malformed
from anchoring.signing import address_bytes, checksummed
from registry.procedure.clock import Bounds


class Environment(StrEnum):
    """Development may use stand-ins (embedded chain, development keys); production refuses them."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


REAL = (
    "database", "rpc", "contract", "payer", "master_key", "issuer", "origin", "public_url", "witnesses",
)  # fmt: skip
"""What production must be given; development has stand-ins for it."""


class WitnessSetting(BaseModel):
    """An authority's witness (`gram witness`): where it is, and the two keys it prints when it starts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    vkey: str
    address: str
    name_zh: str | None = Field(default=None, max_length=100)
    name_en: str | None = Field(default=None, max_length=100)
    """What the authority is called; the name in its key when not set."""

    @field_validator("url")
    @classmethod
    def _is_a_url(cls, given: str) -> str:
        if not re.fullmatch(r"https?://[^/?#\s@]+(/[^?#\s@]*)?", given):
            raise ValueError("A witness's URL is http(s)://HOST, with a path or without, and no password.")
        return given.rstrip("/")

    @field_validator("vkey")
    @classmethod
    def _is_a_cosigner(cls, given: str) -> str:
        try:
            if note.parse_vkey(given).key_type == note.COSIGNATURE:
                return given
        except Malformed:
            pass
        raise ValueError("A witness's vkey is the one that `gram witness` prints, NAME+ID+KEY of type cosignature.")

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, given: str) -> str:
        try:
            return checksummed(address_bytes(given))
        except Malformed as error:
            raise ValueError(str(error)) from None

    @property
    def name(self) -> str:
        """The name in its key."""
        return note.parse_vkey(self.vkey).name

    @property
    def key(self) -> bytes:
        """The key itself, 32 bytes, whatever name stands before it."""
        return note.parse_vkey(self.vkey).public_key


class Settings(BaseSettings):
    """Everything that differs between two installations. Secrets never show in a repr or a log."""

    model_config = SettingsConfigDict(env_prefix="GRAMLEDGER_", extra="ignore")

    environment: Environment = Environment.DEVELOPMENT
    data: Path = Path("data")
    """Data folder: log, keys, and whatever runs embedded."""
    database: SecretStr | None = None
    """`postgresql://...`; embedded when not set."""
    rpc: str | None = None
    """JSON-RPC endpoint of an EVM chain, or several of one chain with commas between; embedded when not set."""
    contract: str | None = None
    """Address of the anchor contract; deployed when not set (development only)."""
    payer: str | None = None
    """The key that pays for transactions: `file:PATH`, `keystore:PATH` or `web3signer:URL#ADDRESS`; a development key
    when not set."""
    origin: str | None = None
    """The log's origin line, fixed when the data folder is made."""
    master_key: SecretStr | None = None
    """64 hex digits; a file in the data folder when not set (development only)."""
    issuer: str | None = None
    """The identity service (OpenID Connect), as the `iss` of its tokens names it; one for development when not set."""
    audience: str = Field(default="gramledger", min_length=1, max_length=500)
    """What the `aud` of an access token names when it is for this registry."""
    client_id: str | None = Field(default=None, min_length=1, max_length=500)
    """What the identity service knows the registry's own pages as, where people sign in; they cannot when not set."""
    client_secret: SecretStr | None = None
    """The secret of that client, if it has one."""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    public_url: str | None = None
    """Where the world reaches this server, `https://registry.city.example`; taken from each request when not set."""
    mirror: str | None = None
    """URL of a mirror of the log on somebody else's machine: asked at the start whether the database was set back."""
    proxies: str | None = None
    """Addresses of proxies of your own, with commas between, through which everybody comes. Only the limit of all
    connections holds for them, and their X-Forwarded headers are believed; how many each visitor may have, and for
    how long, is then theirs to bound."""
    connections_per_address: int = Field(default=128, ge=1, le=1024)
    """How many connections one address may hold to each HTTP process; of IPv6, one network of 64 bits. A household or
    an office behind one address shares them, and who has more loses those that have waited longest."""
    workers: int = Field(default=2, ge=1, le=64)
    """HTTP processes. Python computes on one processor in each."""
    events_days: int = Field(default=90, ge=7, le=3650)
    """How long events are kept for those who ask for them. No webhook is tried for longer than four days."""
    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    """Where Prometheus asks, on 127.0.0.1 and `/metrics`; nothing is counted when not set."""
    request_log: Path | None = None
    """A file that gets a line for each request, with its route and no words of the caller's; none when not set."""
    publish_interval_ms: int | None = Field(default=None, ge=10)
    """How long an act waits at most until it is logged. A minute when not set, in development a second. What is logged
    together hides in its number; `at` says the minute, so a longer interval hides nothing more."""
    publish_acts: int = Field(default=1000, ge=1)
    """A batch of so many acts is logged before the interval is over."""
    state_at: str = Field(default="00:00", pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|never)$")
    """When the state of all grams is recorded each day, by Shanghai's clock; `never` leaves it to `gram log state`."""
    leaf_ahead_s: int = Field(default=60, ge=1)
    """How much later than a witness's clock a leaf may be: the least of the witnesses' `--ahead`."""
    leaf_behind_s: int = Field(default=3600, ge=1)
    """How much earlier than the newest leaf before it: the least of the witnesses' `--behind`."""
    anchor_interval_ms: int = Field(default=10_000, ge=10)
    stuck_after_s: int = Field(default=30, ge=1)
    """A transaction that is in no block after so long is sent again for a higher fee, under the same nonce."""
    max_fee_gwei: int = Field(default=10_000, ge=1)
    """What is paid for a unit of gas at most, whatever an endpoint asks."""
    final_depth: int | None = Field(default=None, ge=0)
    """Blocks on top of an anchor before it counts as final. When not set, 1 on the embedded chain, which takes nothing
    back, and 12 on any other."""

    witnesses: tuple[WitnessSetting, ...] | None = Field(default=None, min_length=1, max_length=note.MAX_SIGNATURES - 1)
    """JSON, `[{"url": ..., "vkey": ..., "address": ...}, ...]`: who cosigns, and signs for the contract. Development
    keys for three authorities when not set."""
    threshold: int = Field(default=2, ge=1)
    """How many of the witnesses must have signed before a checkpoint is public, or anchored."""
    log_key: Path | None = None
    """File with the log's signing key; in the data folder when not set."""

    @property
    def logged_within_ms(self) -> int:
        """How long an act waits at most until it is logged, if nothing fails."""
        if self.publish_interval_ms is not None:
            return self.publish_interval_ms
        return 60_000 if self.environment == Environment.PRODUCTION else 1_000

    @property
    def bounds(self) -> Bounds:
        """What every witness lets a leaf's time be."""
        return Bounds(self.leaf_ahead_s * 1000, self.leaf_behind_s * 1000)

    @field_validator("witnesses", mode="before")
    @classmethod
    def _is_json(cls, given: object) -> object:
        if isinstance(given, str):  # what could not be read as JSON
            raise ValueError("GRAMLEDGER_WITNESSES is no JSON: a list of objects with url, vkey and address.")  # noqa: TRY004
        return given

    @field_validator("master_key")
    @classmethod
    def _is_a_key(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None and not re.fullmatch(r"[0-9a-f]{64}", given.get_secret_value()):
            raise ValueError("A master key is 64 lower-case hex digits.")
        return given

    @field_validator("issuer")
    @classmethod
    def _is_an_issuer(cls, given: str | None) -> str | None:
        """Tokens and keys go over it, so it is reached safely: by TLS, or without leaving this machine."""
        where = r"https://[^/?#\s@]+|http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?"
        if given is None or re.fullmatch(rf"({where})(/[^?#\s]*)?", given):
            return given
        raise ValueError("An issuer is https://HOST, with a path or without; http:// only on this machine.")

    @field_validator("public_url")
    @classmethod
    def _is_a_base(cls, given: str | None) -> str | None:
        if given is not None and not re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", given):
            raise ValueError("A public URL is http(s)://HOST, with a path or without.")
        return given if given is None else given.rstrip("/") + "/"

    @field_validator("proxies")
    @classmethod
    def _are_addresses(cls, given: str | None) -> str | None:
        try:
            for address in (given or "").split(","):
                if address:
                    ipaddress.ip_address(address)
        except ValueError:
            raise ValueError("GRAMLEDGER_PROXIES are IP addresses with commas between: 10.0.0.2,10.0.0.3.") from None
        return given

    @property
    def proxy_addresses(self) -> frozenset[str]:
        """The addresses in `proxies`."""
        return frozenset(address for address in (self.proxies or "").split(",") if address)

    @property
    def rpc_urls(self) -> tuple[str, ...]:
        """The endpoints in `rpc`; none when the chain is embedded."""
        return tuple(url for url in (self.rpc or "").split(",") if url)

    @property
    def blocks_to_final(self) -> int:
        """`final_depth` as set, or by the kind of chain."""
        if self.final_depth is not None:
            return self.final_depth
        return 1 if self.rpc is None else 12

    @model_validator(mode="after")
    def _refuse_stand_ins(self) -> Self:
        if self.environment == Environment.PRODUCTION:
            missing = [f"GRAMLEDGER_{name.upper()}" for name in REAL if getattr(self, name) is None]
            if missing:
                raise ValueError(f"Production refuses stand-ins; set {', '.join(missing)}.")
            if self.threshold < 2:
                raise ValueError("Production needs the signatures of two witnesses at least; set GRAMLEDGER_THRESHOLD.")
            if 2 * self.threshold <= len(self.witnesses or ()):
                raise ValueError(
                    "Production needs more than half of the witnesses: two halves could each be shown another history. "
                    "Set GRAMLEDGER_THRESHOLD."
                )
        return self

    @model_validator(mode="after")
    def _is_no_audience(self) -> Self:
        """What says to the pages who signed in must not open the interface for programs, nor the other way round."""
        if self.client_id == self.audience:
            raise ValueError("GRAMLEDGER_CLIENT_ID and GRAMLEDGER_AUDIENCE are one; they must differ.")
        return self

    @model_validator(mode="after")
    def _are_distinct(self) -> Self:
        witnesses = self.witnesses
        if witnesses is None:
            return self
        for what in ("url", "name", "key", "address"):
            if len({getattr(one, what) for one in witnesses}) < len(witnesses):
                raise ValueError(f"Two of GRAMLEDGER_WITNESSES have one {what}; each authority runs its own.")
        if self.threshold > len(witnesses):
            raise ValueError(f"GRAMLEDGER_THRESHOLD is {self.threshold}, of {len(witnesses)} witnesses.")
        return self

    def exported(self) -> dict[str, str]:
        """Give the environment that says the same settings to another process of ours; secrets are in it."""
        return {f"GRAMLEDGER_{name.upper()}": _export(getattr(self, name)) for name in self.model_fields_set}


def _export(value: object) -> str:
    if isinstance(value, tuple):
        return json.dumps([one.model_dump() for one in value])
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
