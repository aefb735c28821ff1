"""Keys of the chain and the EIP-712 signature of a checkpoint, without web3: a witness needs no more than this.

Sources: EIP-712 (typed structured data), EIP-55 (checksummed addresses), EIP-2 (low `s`). Keys are 32 bytes,
hashes and roots 32 bytes, signatures 65 bytes `r || s || v` with v 27 or 28 as Solidity's `ecrecover` takes it.
Addresses are checksummed text, `0x` and 40 hex digits.
"""

import secrets

from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey, Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from anchoring.errors import Malformed

NAME = "Gramledger"
VERSION = "1"
_DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_CHECKPOINT_TYPE = b"Checkpoint(uint64 size,bytes32 root,uint64 frontier,uint64 ended)"
# The order of the curve (SEC 2, secp256k1): a key is at least 1 and below it.
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def generate_key() -> bytes:
    """A fresh private key."""
    return (secrets.randbelow(ORDER - 1) + 1).to_bytes(32)


def address_of(key: bytes) -> str:
    """The address of a private key. Raises Malformed for what is no key."""
    return checksummed(_private(key).public_key.to_canonical_address())


def checksummed(address: bytes) -> str:
    """EIP-55 text of an address of 20 bytes."""
    digits = address.hex()
    upper = keccak(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if int(mark, 16) >= 8 else digit for digit, mark in zip(digits, upper, strict=False)
    )


def address_bytes(address: str) -> bytes:
    """The 20 bytes of an address; mixed case must be its EIP-55 form. Raises Malformed."""
    digits = address.removeprefix("0x")
    try:
        read = bytes.fromhex(digits)
    except ValueError:
        read = b""
    if len(read) != 20 or len(digits) != 40:
        raise Malformed(f"{address[:60]!r} is no address: 0x and 40 hex digits.")
    if digits not in (digits.lower(), digits.upper(), checksummed(read)[2:]):
        raise Malformed(f"{address} is not a checksummed address (EIP-55): a digit was mistyped.")
    return read


def checkpoint_digest(chain_id: int, contract: str, size: int, root: bytes, frontier: int, ended: int) -> bytes:
    """What an authority signs, 32 bytes: EIP-712 of one checkpoint for one contract on one chain.

    Raises Malformed for numbers outside uint64 (uint256 for the chain) or a root that is not 32 bytes.
    """
    if len(root) != 32 or not all(0 <= number < 1 << 64 for number in (size, frontier, ended)):
        raise Malformed("A checkpoint has a root of 32 bytes and numbers below 2^64.")
    if not 0 <= chain_id < 1 << 256:
        raise Malformed("A chain id is below 2^256.")
    domain = keccak(
        keccak(_DOMAIN_TYPE)
        + keccak(NAME.encode())
        + keccak(VERSION.encode())
        + _word(chain_id)
        + address_bytes(contract).rjust(32, b"\0")
    )
    checkpoint = keccak(keccak(_CHECKPOINT_TYPE) + _word(size) + root + _word(frontier) + _word(ended))
    return keccak(b"\x19\x01" + domain + checkpoint)


def sign_checkpoint(
    key: bytes, chain_id: int, contract: str, size: int, root: bytes, frontier: int, ended: int
) -> bytes:
    """An authority's signature, 65 bytes, deterministic (RFC 6979). Raises Malformed as `checkpoint_digest` does."""
    digest = checkpoint_digest(chain_id, contract, size, root, frontier, ended)
    signature = _private(key).sign_msg_hash(digest).to_bytes()
    return signature[:64] + bytes([signature[64] + 27])


def signer_of(
    signature: bytes, chain_id: int, contract: str, size: int, root: bytes, frontier: int, ended: int
) -> str | None:
    """The address that signed this checkpoint, or None if the bytes are no signature at all."""
    digest = checkpoint_digest(chain_id, contract, size, root, frontier, ended)
    if len(signature) != 65 or signature[64] not in (27, 28):
        return None
    try:
        recovered = Signature(signature[:64] + bytes([signature[64] - 27])).recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError, ValueError):
        return None
    return checksummed(recovered.to_canonical_address())


def _word(number: int) -> bytes:
    return number.to_bytes(32)


def _private(key: bytes) -> PrivateKey:
    if len(key) != 32 or not 0 < int.from_bytes(key) < ORDER:
        raise Malformed("A private key is 32 bytes, and a number from 1 to below the order of secp256k1.")
    return PrivateKey(key)
