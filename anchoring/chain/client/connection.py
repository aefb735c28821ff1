"""web3 over the chain's endpoints, and the place where whatever it raises becomes one of our errors.

Off-chain look-ups (EIP-3668), with which an answer would make web3 fetch other addresses, are off.
"""

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_hash.auto import keccak
from web3 import Web3
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3Exception, Web3RPCError
from web3.providers.base import JSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from anchoring.chain.agreement import Endpoints
from anchoring.chain.endpoint import Lost
from anchoring.errors import AnchoringError, Malformed, Refuted, Unreachable

# py_ecc, somewhere under web3, raises the limit to 100,000 when it is imported: JSON that is nested deep enough would
# then overflow the C stack and kill the process, in any part of the program. 1,000 is Python's own.
sys.setrecursionlimit(1_000)


class _Provider(JSONBaseProvider):
    global_ccip_read_enabled = False

    def __init__(self, endpoints: Endpoints) -> None:
        super().__init__()
        self._endpoints = endpoints

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        return cast("RPCResponse", self._endpoints.ask(json.loads(self.encode_rpc_request(method, params))))


class Connection:
    """A chain, and what any contract needs of it."""

    def __init__(self, endpoints: Endpoints, abi: Sequence[Mapping[str, Any]]) -> None:
        """`abi` names the contract's errors. Connects to nothing yet."""
        self.endpoints = endpoints
        # No middleware: it would ask more questions, and refuse the longer headers of consortium chains.
        self.web3 = Web3(cast("Any", _Provider(endpoints)), middleware=[])
        self._errors = {_selector(entry): entry for entry in abi if entry["type"] == "error"}

    @contextlib.contextmanager
    def asked(self) -> Iterator[None]:
        """Inside, whatever web3 raises becomes an AnchoringError; only TransactionNotFound comes through."""
        try:
            yield
        except (AnchoringError, TransactionNotFound):
            raise
        except ContractLogicError as error:
            raise Refuted(f"The contract refuses: {self._reason(error)}.") from error
        except Web3RPCError as error:
            raise Unreachable(f"The chain at {self.endpoints.shown} refuses: {_rpc_message(error)}.") from error
        except Exception as error:  # web3 raises nearly anything for an answer of another shape than it expects
            raise Lost(f"The chain at {self.endpoints.shown} answers nonsense: {short(error)}.") from error

    def chain_id(self) -> int:
        """The chain's id, as it says itself."""
        with self.asked():
            return whole(self.web3.eth.chain_id)

    def block_number(self) -> int:
        """The number of the chain's last block."""
        with self.asked():
            return whole(self.web3.eth.block_number)

    def made_at(self, block: int) -> int:
        """When a block was made, as its header says: Unix milliseconds."""
        with self.asked():
            return 1000 * whole(self.web3.eth.get_block(cast("Any", block))["timestamp"])

    def _reason(self, error: ContractLogicError) -> str:
        """The contract's own error with its values, `SizeNotGrown(7, 7)`, or what the chain says of it."""
        raw = error.data if isinstance(error.data, str) else ""
        entry = self._errors.get(raw[2:10].lower())
        if entry is None:
            return short(error.message or "it gives no reason")
        try:
            values = abi_decode([argument["type"] for argument in entry["inputs"]], bytes.fromhex(raw[10:]))
        except (DecodingError, ValueError):
            return str(entry["name"])
        return short(f"{entry['name']}({', '.join(map(str, values))})")

    def close(self) -> None:
        """Give back the connections."""
        self.endpoints.close()


@contextlib.contextmanager
def encoded(name: str) -> Iterator[None]:
    """Inside, arguments are encoded: what does not fit the contract's types is Malformed, not the chain's fault."""
    try:
        yield
    except (EncodingError, Web3Exception, TypeError, ValueError) as error:
        raise Malformed(f"These arguments do not fit the types of the contract's {name}.") from error


def from_hex(text: str) -> bytes:
    """Bytes of hex digits with 0x or without. Raises ValueError."""
    return bytes.fromhex(text.removeprefix("0x"))


def whole(value: Any) -> int:
    """An integer that is no less than zero; web3 hands on whatever JSON had. Raises ValueError."""
    if type(value) is not int or value < 0:
        raise ValueError(f"{short(repr(value))} instead of an integer")
    return value


def short(what: object) -> str:
    """One line of at most 200 characters."""
    text = " ".join(str(what).split()).rstrip(".") or type(what).__name__
    return text if len(text) <= 200 else text[:197] + "..."


def _selector(entry: Mapping[str, Any]) -> str:
    types = ",".join(str(argument["type"]) for argument in entry["inputs"])
    return keccak(f"{entry['name']}({types})".encode())[:4].hex()


def _rpc_message(error: Web3RPCError) -> str:
    answered = (error.rpc_response or {}).get("error")
    return short(answered["message"] if isinstance(answered, dict) else error.message)
