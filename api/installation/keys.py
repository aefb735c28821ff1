"""The installation's keys: files of mode 600, made together with the data folder and never again.

A key that is missing later is a loss to be mended from a backup. A new one in its place would begin another log under
the old name, or seal accounts so that half of them cannot be opened.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path

from anchoring.chain.keys import open_key
from anchoring.chain.signers import KeyHolder, LocalKey
from anchoring.note import COSIGNATURE, ED25519, Signer, make_signer, parse_signer
from registry.errors import Unavailable
from registry.keyfile import write_secret

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Authority:
    """One of those who sign checkpoints: its id and names."""

    id: str
    name_zh: str
    name_en: str


AUTHORITIES = (
    Authority("centre", "市减污降碳中心", "Centre"),
    Authority("exchange", "上海环交所", "Exchange"),
    Authority("bureau", "市生态环境局", "Bureau"),
)


def make_keys(folder: Path, origin: str, *, stand_ins: bool) -> None:
    """Make the key of a new installation in `folder`, whose log is `origin`.

    With `stand_ins` also those that development has in place of a settings file and of other people's machines.
    """
    folder.mkdir(mode=0o700)
    write_secret(folder / "log.key", make_signer(origin, ED25519).secret.encode())
    if not stand_ins:
        return
    for name in ("master.key", "issuer.key", "payer.key", *(f"{authority.id}.chain.key" for authority in AUTHORITIES)):
        write_secret(folder / name, secrets.token_bytes(SECRET_BYTES))
    for one in AUTHORITIES:
        write_secret(folder / f"{one.id}.cosigner.key", make_signer(f"{origin}/{one.id}", COSIGNATURE).secret.encode())


def read_secret(folder: Path, name: str) -> bytes:
    """Read a key. Raises `Unavailable` when it is not there."""
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise Unavailable(
            f"The key {folder / name} cannot be read: {error.strerror}. Restore it from a backup; a new one would "
            "not do."
        ) from error


def log_signer(folder: Path, file: Path | None = None) -> Signer:
    """Read the log's signing key, from `file` when it is kept elsewhere."""
    return parse_signer(read_secret(*((folder, "log.key") if file is None else (file.parent, file.name))).decode())


def cosigner(folder: Path, authority: Authority) -> Signer:
    """Read an authority's development cosigning key."""
    return parse_signer(read_secret(folder, f"{authority.id}.cosigner.key").decode())


def chain_signer(folder: Path, authority: Authority) -> LocalKey:
    """Read an authority's development key for the chain."""
    return LocalKey(read_secret(folder, f"{authority.id}.chain.key"))


def payer(folder: Path, name: str | None) -> KeyHolder:
    """Give the key that pays for transactions: as `anchoring.chain.keys` names it, or the folder's development key."""
    return LocalKey(read_secret(folder, "payer.key")) if name is None else open_key(name)
