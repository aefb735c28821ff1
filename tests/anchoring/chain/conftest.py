"""A deployer, a small contract assembled by hand, and the chain that runs it: in this process, or in its own."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from eth_account import Account

from anchoring.chain.embedded import CHAIN_ID, EmbeddedChain
from anchoring.chain.embedded_process import EmbeddedChainProcess
from anchoring.chain.signing import address_bytes, address_of, checksummed, generate_key

# Without call data it reverts with deadbeef; else it stores the first word in slot 0, logs it with topic 7 and
# returns it.
RUNTIME = bytes.fromhex("3660145763deadbeef60e01b60005260046000fd5b60003580600055600052600760206000a160206000f3")
INIT = bytes.fromhex(f"60{len(RUNTIME):02x}600c60003960{len(RUNTIME):02x}6000f3") + RUNTIME
REVERT_DATA = "0xdeadbeef"


@dataclass
class Payer:
    """An account that signs its next transaction."""

    key: bytes = field(default_factory=generate_key)
    nonce: int = 0

    @property
    def address(self) -> str:
        return address_of(self.key)

    def sign(self, to: str | None, data: bytes, **changes: object) -> bytes:
        """An EIP-1559 transaction, with `changes` of its fields."""
        return self._sign(to, data, {"maxFeePerGas": 3 * 10**9, "maxPriorityFeePerGas": 10**9} | changes)

    def sign_legacy(self, to: str | None, data: bytes, **changes: object) -> bytes:
        """A transaction with a gas price; without EIP-155 if chainId=None."""
        return self._sign(to, data, {"gasPrice": 2 * 10**9} | changes)

    def _sign(self, to: str | None, data: bytes, changes: dict[str, object]) -> bytes:
        fields = {"chainId": CHAIN_ID, "nonce": self.nonce, "gas": 300_000, "value": 0, "data": data}
        fields |= {} if to is None else {"to": checksummed(address_bytes(to))}
        given = {name: value for name, value in (fields | changes).items() if value is not None}
        return bytes(Account.sign_transaction(given, self.key).raw_transaction)


@pytest.fixture
def payer() -> Payer:
    return Payer()


@pytest.fixture
def init_code() -> bytes:
    return INIT


@pytest.fixture
def revert_data() -> str:
    return REVERT_DATA


@pytest.fixture
def clock() -> Callable[[], int]:
    """Seconds pass one by one, in milliseconds."""
    return itertools.count(1_795_000_000_000, 1_000).__next__


@pytest.fixture
def open_chain(tmp_path: Path, payer: Payer, clock: Callable[[], int]) -> Iterator[Callable[..., EmbeddedChain]]:
    """Open the chain in this test's folder, or open it again."""
    opened: list[EmbeddedChain] = []

    def open_(given: Callable[[], int] = clock, final_depth: int = 1) -> EmbeddedChain:
        prefund = [address_bytes(payer.address)]
        opened.append(EmbeddedChain(tmp_path / "state.db", given, prefund=prefund, final_depth=final_depth))
        return opened[-1]

    yield open_
    for chain in opened:
        chain.close()


@pytest.fixture
def chain(open_chain: Callable[..., EmbeddedChain]) -> EmbeddedChain:
    return open_chain()


@pytest.fixture
def start_chain(tmp_path: Path, payer: Payer) -> Iterator[Callable[..., EmbeddedChainProcess]]:
    """Start the chain's process on this test's folder, or start it again."""
    started: list[EmbeddedChainProcess] = []

    def start(**options: int) -> EmbeddedChainProcess:
        started.append(EmbeddedChainProcess(tmp_path / "chain", prefund=[payer.address], **options))
        return started[-1]

    yield start
    for process in started:
        process.stop()
