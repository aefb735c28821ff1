"""What a monitor is told: the logs to follow, from sources that are not their operators. Read from TOML, strictly."""

import tomllib
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from anchoring import note
from anchoring.errors import Malformed
from anchoring.signing import address_bytes, checksummed

MAX_CONFIG: Final = 256 * 1024
MAX_LOGS: Final = 64
DAY_S: Final = 86_400

Seconds = Annotated[int, Field(ge=1, le=366 * DAY_S)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
"""Names a folder, a metric's label and a line of the log, so it is plain ASCII."""
Url = Annotated[str, Field(max_length=2000, pattern=r"^https?://[!-~]+$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WitnessConfig(_Table):
    """One witness: its vkey; the URL of its monitoring prefix; the address (EIP-55) it signs for the contract by."""

    vkey: str
    url: Url | None = None
    address: str | None = None

    @field_validator("vkey")
    @classmethod
    def _cosigns(cls, vkey: str) -> str:
        return _key(vkey, note.COSIGNATURE, "a witness's verifier key is of type cosignature (0x04)")

    @field_validator("address")
    @classmethod
    def _is_address(cls, address: str | None) -> str | None:
        return _address(address)

    @property
    def name(self) -> str:
        """The name in its key."""
        return note.parse_vkey(self.vkey).name


class LogConfig(_Table):
    """One log, its witnesses, its contract, and when it is late. Times are seconds."""

    name: Name
    url: str = Field(min_length=1, max_length=2000)
    """Or a folder."""
    vkey: str
    witnesses: tuple[WitnessConfig, ...] = Field(default=(), max_length=32)
    rpcs: tuple[Url, ...] = Field(default=(), max_length=8)
    contract: str | None = None
    chain_id: int | None = Field(default=None, ge=1, lt=2**63)
    receipts: Path | None = None
    checkpoint_within_s: Seconds = DAY_S + 7200
    """A log writes a leaf a day at least, and an hour or two may be lost."""
    anchored_within_s: Seconds = 7200
    witnessed_within_s: Seconds = 7200
    max_leaves: int = Field(default=50_000_000, ge=1, le=2**40)
    """Of the disk: a leaf takes 240 bytes of it."""

    @field_validator("vkey")
    @classmethod
    def _signs(cls, vkey: str) -> str:
        return _key(vkey, note.ED25519, "a log's verifier key is of type Ed25519 (0x01)")

    @field_validator("contract")
    @classmethod
    def _is_address(cls, address: str | None) -> str | None:
        return _address(address)

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if len({self.contract is None, self.chain_id is None, not self.rpcs}) > 1:
            raise ValueError("contract, chain_id and rpcs belong together: an address, which chain, and its nodes")
        if len({witness.vkey for witness in self.witnesses}) < len(self.witnesses):
            raise ValueError("a witness is given twice")
        if any(one.address and not (one.url and self.contract) for one in self.witnesses):
            raise ValueError("a witness's address is compared with what its url gives for the contract; give both")
        return self


class Config(_Table):
    """All of it: where to keep what was seen (`state`), how often to look, and the logs."""

    state: Path
    interval_s: Seconds = 30
    log: tuple[LogConfig, ...] = Field(min_length=1, max_length=MAX_LOGS)

    @model_validator(mode="after")
    def _are_different(self) -> Self:
        if len({log.name for log in self.log}) < len(self.log):
            raise ValueError("two logs have one name")
        return self


def parse_config(data: bytes, base: Path) -> Config:
    """Read a configuration; paths in it are relative to the folder `base`. Malformed says what is wrong, and where."""
    if len(data) > MAX_CONFIG:
        raise Malformed(f"a configuration of more than {MAX_CONFIG} bytes is not read")
    try:
        said = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise Malformed(f"the configuration is no TOML: {ascii(str(error))[1:200]}") from None
    config = make_config(said)
    logs = tuple(
        log.model_copy(update={"receipts": None if log.receipts is None else base / log.receipts}) for log in config.log
    )
    return config.model_copy(update={"state": base / config.state, "log": logs})


def make_config(said: dict[str, object]) -> Config:
    """Check a configuration's values; Malformed says what is wrong, and where, without repeating a value."""
    try:
        return Config.model_validate(said)
    except ValidationError as error:
        first = error.errors()[0]
        where = ascii(".".join(str(part) for part in first["loc"]))[1:-1][:200]
        sentence = first["msg"].removeprefix("Value error, ")
        raise Malformed(f"the configuration is wrong at {where or 'its top'}: {sentence}") from None


def _key(vkey: str, key_type: int, sentence: str) -> str:
    try:
        found = note.parse_vkey(vkey).key_type
    except Malformed as error:
        raise ValueError(str(error)) from None
    if found != key_type:
        raise ValueError(sentence)
    return vkey


def _address(address: str | None) -> str | None:
    if address is not None:
        try:
            return checksummed(address_bytes(address))
        except Malformed as error:
            raise ValueError(str(error)) from None
    return None
