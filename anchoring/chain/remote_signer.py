"""A signer on another machine that speaks web3signer's Ethereum API: `eth_signTypedData` and `eth_signTransaction`.

Source: Consensys web3signer, JSON-RPC API of its `eth1` mode. That one, and not its REST `/api/v1/eth1/sign`, because
it is told *what* is signed: REST gives bytes, of which a careful signer can judge nothing.

The signer is asked, not trusted: a signature must be of this very checkpoint by this very address, and a transaction
must be, field by field, the one that was asked for. What is not so is `Refuted`, and goes nowhere.
"""

import json
from collections.abc import Mapping
from typing import Any

from anchoring.chain.endpoint import READ_SECONDS, Endpoint
from anchoring.chain.transaction import MAX_RAW_BYTES, decode, differences
from anchoring.errors import Malformed, Refuted, Unreachable
from anchoring.signing import NAME, ORDER, VERSION, address_bytes, checkpoint_digest, checksummed, signer_of

MAX_ANSWER_BYTES = 4 * MAX_RAW_BYTES
_TYPES = {
    "EIP712Domain": [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
    ],
    "Checkpoint": [
        {"name": "size", "type": "uint64"},
        {"name": "root", "type": "bytes32"},
        {"name": "frontier", "type": "uint64"},
        {"name": "ended", "type": "uint64"},
    ],
}


class RemoteSigner:
    """The key of one address at a signer; it signs checkpoints and transactions."""

    def __init__(self, url: str, address: str, read_seconds: float = READ_SECONDS) -> None:
        """Connects to nothing yet. Raises Malformed for an address or a URL that is none."""
        self.address = checksummed(address_bytes(address))
        self._endpoint = Endpoint(url, read_seconds, name="signer", max_bytes=MAX_ANSWER_BYTES)

    def sign_checkpoint(
        self, chain_id: int, contract: str, size: int, root: bytes, frontier_g: int, ended_g: int
    ) -> bytes:
        """An authority's signature, 65 bytes, checked to be of this checkpoint and by this address."""
        checkpoint_digest(chain_id, contract, size, root, frontier_g, ended_g)  # what is no checkpoint is not asked for
        typed = {
            "types": _TYPES,
            "primaryType": "Checkpoint",
            "domain": {"name": NAME, "version": VERSION, "chainId": chain_id, "verifyingContract": contract},
            "message": {
                # As text: 64 bits do not fit the numbers of every JSON reader.
                "size": str(size), "root": "0x" + root.hex(), "frontier": str(frontier_g), "ended": str(ended_g),
            },
        }  # fmt: skip
        signature = self._ask("eth_signTypedData", [self.address, typed], 65)
        by = signer_of(signature, chain_id, contract, size, root, frontier_g, ended_g)
        if by != self.address or int.from_bytes(signature[32:64]) > ORDER // 2:
            raise Refuted(
                f"The signer at {self._endpoint.shown} gives no signature by {self.address} of the checkpoint that it "
                "was asked to sign; what it gives is not used."
            )
        return signature

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """The raw transaction, checked to be the one that was asked for, signed by this address."""
        asked = {**transaction, "from": self.address}
        texts = {name: hex(value) if isinstance(value, int) else value for name, value in asked.items()}
        raw = self._ask("eth_signTransaction", [texts], MAX_RAW_BYTES)
        try:
            signed = decode(raw)
        except Malformed as error:
            raise Refuted(f"The signer at {self._endpoint.shown} answers with no signed transaction.") from error
        other = differences(asked, signed)
        if other:
            raise Refuted(
                f"The signer at {self._endpoint.shown} signed another transaction than it was asked for; it differs in "
                f"{', '.join(other)}. It is not sent."
            )
        return raw

    def _ask(self, method: str, params: list[Any], max_bytes: int) -> bytes:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = self._endpoint.post(json.dumps(request).encode())
        if "error" in answer:
            said = " ".join(str(answer["error"]["message"]).split())[:200].rstrip(".")
            raise Unreachable(f"The signer at {self._endpoint.shown} refuses for {self.address}: {said}.")
        result = answer["result"]
        if isinstance(result, str) and result.startswith("0x") and len(result) <= 2 + 2 * max_bytes:
            try:
                return bytes.fromhex(result[2:])
            except ValueError:
                pass
        raise Unreachable(f"The signer at {self._endpoint.shown} answers {method} with what is no hex data.")

    def __repr__(self) -> str:
        """Name the address and the machine; a URL may hold a password."""
        return f"RemoteSigner({self._endpoint.shown}, {self.address})"
