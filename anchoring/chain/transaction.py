"""Signed transactions as fields, to be compared with what was asked: RLP lists, of EIP-155 or of EIP-1559 (type 2)."""

from collections.abc import Mapping
from typing import Any, Final

import rlp
from eth_hash.auto import keccak
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException

from anchoring.errors import Malformed
from anchoring.signing import address_bytes, checksummed

_LEGACY: Final = ("nonce", "gasPrice", "gas", "to", "value", "data", "v", "r", "s")
_FEE_MARKET: Final = (
    "chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "to", "value", "data", "accessList",
    "v", "r", "s",
)  # fmt: skip
FEES: Final = ("gasPrice", "maxFeePerGas", "maxPriorityFeePerGas")
MAX_RAW_BYTES: Final = 131_072
"""Nodes take no larger transaction."""


def decode(raw: bytes) -> dict[str, Any]:
    """The fields of a signed transaction, without its signature, and `from`, who signed it; `to` None if it creates.

    Numbers are integers, `data` bytes, addresses checksummed. Raises Malformed for anything else than a legacy
    transaction with a chain id (EIP-155) or one of type 2 with an empty access list, in its one canonical form.
    """
    try:
        return _fields(raw)
    except (
        RLPException, BadSignature, ValidationError, ValueError, TypeError, AttributeError, IndexError
    ) as error:  # fmt: skip
        raise Malformed("This is no signed transaction of a kind that is used here.") from error


def _fields(raw: bytes) -> dict[str, Any]:
    names, listed = (_FEE_MARKET, rlp.decode(raw[1:])) if raw[:1] == b"\x02" else (_LEGACY, rlp.decode(raw))
    if len(raw) > MAX_RAW_BYTES:
        raise ValueError("larger than nodes take")
    said = dict(zip(names, listed, strict=True))
    if said.pop("accessList", []) != [] or not isinstance(said["data"], bytes):
        raise ValueError("an access list, or data that is none")
    fields = {name: value if name in ("to", "data") else _number(value) for name, value in said.items()}
    if names is _LEGACY and fields["v"] < 35:
        raise ValueError("a transaction for any chain")
    fields |= {"chainId": (fields["v"] - 35) // 2} if names is _LEGACY else {}
    to = checksummed(_address(fields["to"])) if fields["to"] else None
    sender = checksummed(_signer(raw[:1], listed, fields))
    return {name: value for name, value in fields.items() if name not in ("v", "r", "s")} | {"to": to, "from": sender}


def _signer(kind: bytes, listed: list[Any], fields: Mapping[str, Any]) -> bytes:
    """The address of whoever signed, 20 bytes: what is signed is the list without its signature (EIP-155, EIP-1559)."""
    if kind == b"\x02":
        signed, parity = kind + rlp.encode(listed[:-3]), fields["v"]
    else:
        signed, parity = rlp.encode([*listed[:-3], fields["chainId"], 0, 0]), (fields["v"] - 35) % 2
    signature = Signature(vrs=(parity, fields["r"], fields["s"]))
    return bytes(signature.recover_public_key_from_msg_hash(keccak(signed)).to_canonical_address())


def fees_of(raw: bytes) -> dict[str, int]:
    """What a transaction offers for a unit of gas, in wei."""
    return {name: value for name, value in decode(raw).items() if name in FEES}


def is_call(raw: bytes, to: str | None, data: bytes) -> bool:
    """Whether a signed transaction makes this call, whatever it pays."""
    fields = decode(raw)
    return bool((fields["to"], fields["data"]) == (to and checksummed(address_bytes(to)), data))


def created_address(payer: str, nonce: int) -> str:
    """The address of the contract that the payer's transaction of this nonce creates (Yellow Paper, 7)."""
    return checksummed(keccak(rlp.encode([address_bytes(payer), nonce]))[12:])


def differences(asked: Mapping[str, Any], signed: Mapping[str, Any]) -> list[str]:
    """The names of the fields in which a signed transaction is not what was asked for."""
    wanted = {**asked, "to": asked.get("to"), "data": bytes.fromhex(asked["data"].removeprefix("0x"))}
    if wanted["to"] is not None:
        wanted["to"] = checksummed(address_bytes(wanted["to"]))
    return sorted(name for name in {*wanted, *signed} if wanted.get(name) != signed.get(name))


def _number(value: Any) -> int:
    if not isinstance(value, bytes) or len(value) > 32 or value[:1] == b"\0":
        raise ValueError("no canonical integer")
    return int.from_bytes(value)


def _address(value: Any) -> bytes:
    if not isinstance(value, bytes) or len(value) != 20:
        raise ValueError("no address")
    return value
