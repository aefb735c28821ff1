"""Where a signing key is: a file, an encrypted keystore, or a signer on another machine; named by one line of text.

`file:PATH`
    64 hex digits in a file that nobody but its owner can read.
`keystore:PATH`
    Web3 Secret Storage, version 3. The passphrase is in the environment, `GRAMLEDGER_KEYSTORE_PASSPHRASE`, or in the
    file that `GRAMLEDGER_KEYSTORE_PASSPHRASE_FILE` names, readable by its owner only; never on a command line.
`web3signer:URL#ADDRESS`
    A signer that speaks web3signer's API (`anchoring.chain.remote_signer`), for the key of this address.
"""

import json
import os
import re
import stat
from pathlib import Path
from typing import Any, Final

from anchoring.chain.signers import KeyHolder, LocalKey
from anchoring.errors import Malformed
from anchoring.signing import address_bytes, checksummed

UNLOCK_VARIABLE: Final = "GRAMLEDGER_KEYSTORE_PASSPHRASE"
UNLOCK_FILE_VARIABLE: Final = "GRAMLEDGER_KEYSTORE_PASSPHRASE_FILE"
MAX_FILE_BYTES: Final = 16_384
MAX_SCRYPT_BYTES: Final = 512 << 20
"""128 n r (RFC 7914, 2): what a keystore may make us take. geth's and web3signer's standard is 256 MiB."""
MAX_SCRYPT_R: Final = 32
MAX_SCRYPT_P: Final = 8
"""A keystore has r 8 and p 1 (or 6, the reverse for light ones); larger ones take minutes within the same memory."""
MAX_PBKDF2_ROUNDS: Final = 10_000_000


def open_key(name: str) -> KeyHolder:
    """Whoever signs with the key of this name. Connects to nothing yet.

    Raises Malformed with a sentence that never quotes a secret.
    """
    scheme, colon, rest = name.partition(":")
    if colon and rest:
        if scheme == "file":
            return _from_file(Path(rest))
        if scheme == "keystore":
            return _from_keystore(Path(rest))
        if scheme == "web3signer":
            url, hash_mark, address = rest.partition("#")
            if hash_mark:
                from anchoring.chain.remote_signer import RemoteSigner  # RLP and BLS: only who has one waits for them

                return RemoteSigner(url, address)
            raise Malformed("A remote signer is web3signer:URL#ADDRESS; the address is missing.")
    raise Malformed("A key is named file:PATH, keystore:PATH or web3signer:URL#ADDRESS.")


def _from_file(path: Path) -> LocalKey:
    text = _read(path, private=True).strip().decode("ascii", "replace").removeprefix("0x")
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise Malformed(f"{path} does not hold a private key: 64 hex digits.")
    return LocalKey(bytes.fromhex(text))


def _from_keystore(path: Path) -> LocalKey:
    from eth_account import Account

    keystore = _keystore(path)
    passphrase = _passphrase()
    try:
        key = LocalKey(bytes(Account.decrypt(keystore, passphrase)))
    except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
        is_mac = "MAC" in str(error)
        told = "the passphrase is not its own, or the file was altered" if is_mac else "it is not of version 3"
        raise Malformed(f"{path} cannot be opened: {told}.") from None
    said = keystore.get("address")
    if isinstance(said, str) and _address(said, path) != key.address:
        raise Malformed(f"{path} says that it holds the key of {said[:60]}, and holds another.")
    return key


def _address(said: str, path: Path) -> str:
    try:
        return checksummed(address_bytes(said.lower()))
    except Malformed:
        raise Malformed(f"{path} says an address that is none.") from None


def _keystore(path: Path) -> dict[str, Any]:
    """A keystore whose parameters ask for no more memory and work than honest ones do."""
    try:
        keystore = json.loads(_read(path, private=False))
        crypto = keystore.get("crypto") or keystore["Crypto"]
        kdf, params = crypto["kdf"], crypto["kdfparams"]
        if kdf == "scrypt":
            memory = 128 * int(params["n"]) * int(params["r"])
            narrow = 0 < int(params["r"]) <= MAX_SCRYPT_R and 0 < int(params["p"]) <= MAX_SCRYPT_P
            bounded = narrow and 0 < memory <= MAX_SCRYPT_BYTES
        else:
            bounded = kdf == "pbkdf2" and 0 < int(params["c"]) <= MAX_PBKDF2_ROUNDS
        bounded = bounded and 0 < int(params["dklen"]) <= 64
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Malformed(f"{path} is no keystore: Web3 Secret Storage, version 3.") from None
    if not bounded or not isinstance(keystore, dict):
        raise Malformed(f"{path} asks for more memory or work than a keystore needs, or for an unknown function.")
    return keystore


def _passphrase() -> str:
    given, file = os.environ.get(UNLOCK_VARIABLE), os.environ.get(UNLOCK_FILE_VARIABLE)
    if (given is None) == (file is None):
        raise Malformed(f"A keystore's passphrase is in {UNLOCK_VARIABLE} or {UNLOCK_FILE_VARIABLE}; set one of them.")
    if file is None:
        return given or ""
    try:
        return _read(Path(file), private=True).decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise Malformed(f"{file} does not hold a passphrase in UTF-8.") from None


def _read(path: Path, *, private: bool) -> bytes:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Malformed(f"{path} is no file.")
            if private and status.st_mode & 0o077:
                raise Malformed(f"{path} can be read by others (mode {status.st_mode & 0o777:o}); chmod 600 it.")
            data = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        told = error.strerror if isinstance(error, OSError) else "no path"
        raise Malformed(f"The key {str(path)[:200]!r} cannot be read: {told}.") from None
    if len(data) > MAX_FILE_BYTES:
        raise Malformed(f"{path} is larger than a key can be.")
    return data
