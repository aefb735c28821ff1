"""JSON-RPC values of Ethereum, to and from Python: QUANTITY and DATA, blocks, transactions, receipts, logs.

Source: the Ethereum JSON-RPC specification (ethereum/execution-apis), "hex value encoding": a QUANTITY is `0x` and
hex digits without leading zeros, DATA is `0x` and two digits a byte. eth-tester's own JSON-RPC speaks Python's
integers and other names, which only web3.py understands, so this module translates its fields itself.
"""

import re
from collections.abc import Callable
from typing import Any, TypeAlias

Json: TypeAlias = Any
Fields: TypeAlias = dict[str, Any]

_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})", re.ASCII)
_DATA = re.compile(r"0x([0-9a-fA-F]{2})*", re.ASCII)
MAX_DATA_BYTES = 131_072


class BadValue(ValueError):
    """A parameter that is not of the form the specification asks for."""


def quantity(number: int) -> str:
    return hex(number)


def data(value: bytes) -> str:
    return "0x" + value.hex()


def word(number: int) -> str:
    """32 bytes."""
    return f"0x{number:064x}"


def _bloom(number: int) -> str:
    return f"0x{number:0512x}"


def read_quantity(value: Json) -> int:
    """The integer below 2^256 of a QUANTITY. Raises BadValue."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise BadValue(f"{_shown(value)} is no QUANTITY (0x and hex digits without leading zeros)")
    return int(value, 16)


def read_data(value: Json, size: int | None = None) -> bytes:
    """The bytes of DATA, of exactly `size` bytes if given. Raises BadValue."""
    too_long = isinstance(value, str) and len(value) > 2 + 2 * MAX_DATA_BYTES
    if too_long or not isinstance(value, str) or not _DATA.fullmatch(value):
        raise BadValue(f"{_shown(value)} is no DATA (0x and two hex digits a byte, {MAX_DATA_BYTES} bytes at most)")
    read = bytes.fromhex(value[2:])
    if size is not None and len(read) != size:
        raise BadValue(f"{_shown(value)} has {len(read)} bytes, not {size}")
    return read


def read_word(value: Json) -> int:
    """A storage slot: a QUANTITY, or DATA of up to 32 bytes as other nodes take it too. Raises BadValue."""
    if isinstance(value, str) and re.fullmatch(r"0x[0-9a-fA-F]{1,64}", value, re.ASCII):
        return int(value, 16)
    raise BadValue(f"{_shown(value)} is no storage slot")


def _shown(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


Encoder: TypeAlias = Callable[[Any], Json]


def _nullable(encode: Encoder) -> Encoder:
    return lambda value: None if value in (None, b"") else encode(value)


def _access_list(entries: Any) -> Json:
    return [{"address": data(address), "storageKeys": [word(key) for key in keys]} for address, keys in entries]


def _identity(value: Any) -> Json:
    return value


# eth-tester's field -> the specification's field and its encoding. A field that is absent stays absent.
_BLOCK: dict[str, tuple[str, Encoder]] = {
    "number": ("number", quantity),
    "hash": ("hash", data),
    "parent_hash": ("parentHash", data),
    "nonce": ("nonce", data),
    "sha3_uncles": ("sha3Uncles", data),
    "logs_bloom": ("logsBloom", _bloom),
    "transactions_root": ("transactionsRoot", data),
    "receipts_root": ("receiptsRoot", data),
    "state_root": ("stateRoot", data),
    "coinbase": ("miner", data),
    "difficulty": ("difficulty", quantity),
    "total_difficulty": ("totalDifficulty", quantity),
    "mix_hash": ("mixHash", data),
    "size": ("size", quantity),
    "extra_data": ("extraData", data),
    "gas_limit": ("gasLimit", quantity),
    "gas_used": ("gasUsed", quantity),
    "timestamp": ("timestamp", quantity),
    "uncles": ("uncles", _identity),
    "base_fee_per_gas": ("baseFeePerGas", quantity),
    "withdrawals": ("withdrawals", _identity),
    "withdrawals_root": ("withdrawalsRoot", data),
    "parent_beacon_block_root": ("parentBeaconBlockRoot", data),
    "blob_gas_used": ("blobGasUsed", quantity),
    "excess_blob_gas": ("excessBlobGas", quantity),
    "requests_hash": ("requestsHash", data),
}
_TRANSACTION: dict[str, tuple[str, Encoder]] = {
    "type": ("type", quantity),
    "hash": ("hash", data),
    "nonce": ("nonce", quantity),
    "block_hash": ("blockHash", data),
    "block_number": ("blockNumber", quantity),
    "transaction_index": ("transactionIndex", quantity),
    "from": ("from", data),
    "to": ("to", _nullable(data)),
    "value": ("value", quantity),
    "gas": ("gas", quantity),
    "data": ("input", data),
    "gas_price": ("gasPrice", quantity),
    "chain_id": ("chainId", quantity),
    "access_list": ("accessList", _access_list),
    "max_fee_per_gas": ("maxFeePerGas", quantity),
    "max_priority_fee_per_gas": ("maxPriorityFeePerGas", quantity),
    "v": ("v", quantity),
    "r": ("r", quantity),
    "s": ("s", quantity),
    "y_parity": ("yParity", quantity),
}
_RECEIPT: dict[str, tuple[str, Encoder]] = {
    "block_hash": ("blockHash", data),
    "block_number": ("blockNumber", quantity),
    "contract_address": ("contractAddress", _nullable(data)),
    "cumulative_gas_used": ("cumulativeGasUsed", quantity),
    "effective_gas_price": ("effectiveGasPrice", quantity),
    "from": ("from", data),
    "gas_used": ("gasUsed", quantity),
    "logs_bloom": ("logsBloom", _bloom),
    "status": ("status", quantity),
    "to": ("to", _nullable(data)),
    "transaction_hash": ("transactionHash", data),
    "transaction_index": ("transactionIndex", quantity),
    "type": ("type", quantity),
}
_LOG: dict[str, tuple[str, Encoder]] = {
    "log_index": ("logIndex", quantity),
    "transaction_index": ("transactionIndex", quantity),
    "transaction_hash": ("transactionHash", data),
    "block_hash": ("blockHash", data),
    "block_number": ("blockNumber", quantity),
    "address": ("address", data),
    "data": ("data", data),
}


def _translated(fields: Fields, names: dict[str, tuple[str, Encoder]]) -> dict[str, Json]:
    return {name: encode(fields[key]) for key, (name, encode) in names.items() if key in fields}


def transaction_json(fields: Fields) -> dict[str, Json]:
    return _translated(fields, _TRANSACTION)


def block_json(fields: Fields, *, full: bool) -> dict[str, Json]:
    listed = [transaction_json(entry) if full else data(entry) for entry in fields["transactions"]]
    return {**_translated(fields, _BLOCK), "transactions": listed}


def log_json(fields: Fields) -> dict[str, Json]:
    return {**_translated(fields, _LOG), "topics": [data(topic) for topic in fields["topics"]], "removed": False}


def receipt_json(fields: Fields) -> dict[str, Json]:
    return {**_translated(fields, _RECEIPT), "logs": [log_json(log) for log in fields["logs"]]}
