"""A deployer, a small contract assembled by hand, and the chain that runs it: in this process, or in its own."""

import contextlib
import itertools
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from anchoring.chain.client import AnchorClient, deploy
from anchoring.chain.embedded import CHAIN_ID, EmbeddedChain
from anchoring.chain.embedded_process import EmbeddedChainProcess
from anchoring.chain.signers import LocalKey
from anchoring.merkle import consistency_proof, leaf_hash, root
from anchoring.signing import address_bytes, address_of, checksummed, generate_key, sign_checkpoint
from contracts import artifact

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

    @property
    def signer(self) -> LocalKey:
        return LocalKey(self.key)

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


@pytest.fixture
def playing() -> Iterator[Callable[..., str]]:
    """Start an HTTP server that plays a chain as `act(request) -> bytes` says; its URL.

    `act` takes the decoded JSON-RPC request and gives the body to answer; None breaks the connection off.
    """
    servers: list[ThreadingHTTPServer] = []

    def play(act: Callable[[dict[str, Any]], bytes | None], status: int = 200) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = act(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                if body is not None:
                    self.send_response(status)
                    self.end_headers()
                    with contextlib.suppress(OSError):
                        self.wfile.write(body)

            def log_message(self, *_args: Any) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_address[1]}"

    yield play
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def forward() -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    """Ask the chain at a URL; its decoded answer."""

    def ask(url: str, request: dict[str, Any]) -> dict[str, Any]:
        posted = urllib.request.Request(url, json.dumps(request).encode(), {"Content-Type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(posted, timeout=10) as response:  # noqa: S310
            answered: dict[str, Any] = json.load(response)
            return answered

    return ask


@dataclass
class Authorities:
    """Three signers of a log of small leaves, and the contract they watch."""

    chain_id: int
    contract: str
    keys: list[bytes]
    leaves: list[bytes] = field(default_factory=lambda: [leaf_hash(bytes([number])) for number in range(64)])

    def checkpoint(
        self, last: int, size: int, frontier: int = 1_000, ended: int = 10, signing: int = 2
    ) -> tuple[int, bytes, int, int, list[bytes], list[bytes]]:
        """The arguments of `anchor` but the payer's key: from a contract at `last` to `size` leaves."""
        values = (size, root(self.leaves[:size]), frontier, ended)
        proof = consistency_proof(last, self.leaves[:size]) if 0 < last < size else []
        signatures = [sign_checkpoint(key, self.chain_id, self.contract, *values) for key in self.keys[:signing]]
        return (*values, proof, signatures)


@dataclass
class SharedChain:
    """A chain process that the tests of one run share, and the account with its ether."""

    rpc_url: str
    payer: Payer

    def found(self) -> Authorities:
        """A fresh contract with three signers, two of whom must sign."""
        return found(self.rpc_url, self.payer)


def found(rpc_url: str, payer: Payer) -> Authorities:
    keys = [generate_key() for _ in range(3)]
    contract = deploy(rpc_url, payer.signer, [address_of(key) for key in keys], 2, artifact())
    return Authorities(CHAIN_ID, contract, keys)


@pytest.fixture(scope="session")
def shared_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedChain]:
    payer = Payer()
    folder = tmp_path_factory.mktemp("shared") / "chain"
    with EmbeddedChainProcess(folder, prefund=[payer.address]) as process:
        yield SharedChain(process.rpc_url, payer)


@pytest.fixture
def authorities(shared_chain: SharedChain) -> Authorities:
    return shared_chain.found()


@pytest.fixture
def rpc_url(shared_chain: SharedChain) -> str:
    return shared_chain.rpc_url


@pytest.fixture
def own_authorities(start_chain: Callable[..., EmbeddedChainProcess], payer: Payer) -> Authorities:
    """A contract on a chain of this test's own, which it may kill."""
    return found(start_chain().rpc_url, payer)


@pytest.fixture
def client(authorities: Authorities, rpc_url: str) -> Iterator[AnchorClient]:
    with AnchorClient(rpc_url, authorities.contract, chain_id=authorities.chain_id) as connected:
        yield connected
