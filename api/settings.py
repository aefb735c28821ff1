"""Settings, from the environment (`GRAMLEDGER_...`) and the command line. What is not set runs embedded."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Environment(StrEnum):
    """Development may use stand-ins (embedded chain, development keys); production refuses them."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


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
    token_public_key: str | None = None
    """PEM of the identity service's Ed25519 key that signs bearer tokens; a development key when not set."""
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    public_url: str | None = None
    """Where the world reaches this server, `https://registry.city.example`; taken from each request when not set."""
    mirror: str | None = None
    """URL of a mirror of the log on somebody else's machine: asked at the start whether the database was set back."""
    workers: int = Field(default=2, ge=1, le=64)
    """HTTP processes. Python computes on one processor in each."""
    publish_interval_ms: int = Field(default=1000, ge=10)
    state_at: str = Field(default="00:00", pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|never)$")
    """When the state of all grams is recorded each day, by Shanghai's clock; `never` leaves it to `gram log state`."""
    anchor_interval_ms: int = Field(default=10_000, ge=10)
    stuck_after_s: int = Field(default=30, ge=1)
    """A transaction that is in no block after so long is sent again for a higher fee, under the same nonce."""
    max_fee_gwei: int = Field(default=10_000, ge=1)
    """What is paid for a unit of gas at most, whatever an endpoint asks."""
    final_depth: int | None = Field(default=None, ge=0)
    """Blocks on top of an anchor before it counts as final. When not set, 1 on the embedded chain, which takes nothing
    back, and 12 on any other."""

    @field_validator("master_key")
    @classmethod
    def _is_a_key(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None and not re.fullmatch(r"[0-9a-f]{64}", given.get_secret_value()):
            raise ValueError("A master key is 64 lower-case hex digits.")
        return given

    @field_validator("token_public_key")
    @classmethod
    def _is_a_public_key(cls, given: str | None) -> str | None:
        try:
            if given is None or isinstance(load_pem_public_key(given.encode()), Ed25519PublicKey):
                return given
        except (ValueError, UnsupportedAlgorithm):
            pass
        raise ValueError("The identity service's key is an Ed25519 public key in PEM.")

    @field_validator("public_url")
    @classmethod
    def _is_a_base(cls, given: str | None) -> str | None:
        if given is not None and not re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", given):
            raise ValueError("A public URL is http(s)://HOST, with a path or without.")
        return given if given is None else given.rstrip("/") + "/"

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
            needed = ("database", "rpc", "contract", "payer", "master_key", "token_public_key", "origin", "public_url")
            missing = [f"GRAMLEDGER_{name.upper()}" for name in needed if getattr(self, name) is None]
            if missing:
                raise ValueError(f"Production refuses stand-ins; set {', '.join(missing)}.")
        return self
