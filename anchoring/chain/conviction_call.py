"""The `convict` transaction as data, for a wallet, `cast send` or `gram chain convict`; nothing is signed or sent."""

import json
from collections.abc import Sequence
from contextlib import closing
from typing import Any, Final

from eth_abi.abi import encode
from eth_hash.auto import keccak

from anchoring.chain.endpoint import Endpoint
from anchoring.conviction import Entry
from anchoring.errors import Unreachable

SIGNATURE: Final = "convict(uint64,(bytes,uint64,bytes32[]),(bytes,uint64,bytes32[]))"
_TYPES: Final = ("uint64", "(bytes,uint64,bytes32[])", "(bytes,uint64,bytes32[])")


def call_data(size: int, accused: Entry, other: Entry) -> bytes:
    """Encode the call; both leaves are proven in the anchored tree of `size` leaves."""
    entries = [(entry.leaf, entry.index, list(entry.path)) for entry in (accused, other)]
    return keccak(SIGNATURE.encode())[:4] + encode(_TYPES, [size, *entries])


def estimate_gas(rpc_urls: Sequence[str], contract: str, data: bytes) -> int | None:
    """Ask the nodes in turn what the call costs, in gas; None when no one can say."""
    call = {"to": contract, "data": "0x" + data.hex()}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_estimateGas", "params": [call]}).encode()
    for url in rpc_urls:
        with closing(Endpoint(url)) as endpoint:
            try:
                gas = _quantity(endpoint.post(body).get("result"))
            except Unreachable:
                continue
            if gas is not None:
                return gas
    return None


def _quantity(said: Any) -> int | None:
    if not isinstance(said, str) or not said.startswith("0x") or len(said) > 18:
        return None
    try:
        return int(said, 16)
    except ValueError:
        return None
