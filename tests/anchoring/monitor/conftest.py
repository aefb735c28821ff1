"""Chains for a monitor to look at: the embedded one, and anvil, which reorganises on demand."""

import json
import re
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from anchoring.chain.client import AnchorClient
from anchoring.chain.embedded_process import EmbeddedChainProcess
from anchoring.signing import sign_checkpoint
from anchoring.tree.tiles import DirectorySource, TileReader, consistency_proof
from tests.anchoring.chain.conftest import Authorities, Payer, found
from tests.support.synthetic_log import FakeAnchor, anchor_of
from tests.support.witnessing import Grown

ANVIL = Path(__file__).parents[3] / "contracts" / "node_modules" / ".bin" / "anvil"


@dataclass
class Anchoring:
    """A contract on a chain, and the authorities that sign whatever they are told to."""

    rpc_url: str
    payer: Payer
    authorities: Authorities

    @property
    def settings(self) -> dict[str, Any]:
        """As a monitor is configured."""
        return {
            "rpcs": [self.rpc_url],
            "contract": self.authorities.contract,
            "chain_id": self.authorities.chain_id,
        }

    def client(self) -> AnchorClient:
        return AnchorClient(self.rpc_url, self.authorities.contract, chain_id=self.authorities.chain_id)

    def anchor(self, log: Grown, leaves: Any, size: int, last: int = 0, **figures: int) -> FakeAnchor:
        """Anchor the first leaves of a log, with other figures than they make if some are given."""
        one = anchor_of(leaves, size)
        values = (size, one.root, figures.get("frontier", one.frontier), figures.get("ended", one.ended))
        reader = TileReader(DirectorySource(log.folder))
        proof = consistency_proof(reader, last, size) if last else []
        where = (self.authorities.chain_id, self.authorities.contract)
        signatures = [sign_checkpoint(key, *where, *values) for key in self.authorities.keys[:2]]
        with self.client() as client:
            client.anchor(*values, proof, signatures, self.payer.signer)
        return one


@pytest.fixture(scope="session")
def monitored_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Payer]]:
    payer = Payer()
    folder = tmp_path_factory.mktemp("monitored") / "chain"
    with EmbeddedChainProcess(folder, prefund=[payer.address]) as process:
        yield process.rpc_url, payer


@pytest.fixture
def anchoring(monitored_chain: tuple[str, Payer]) -> Anchoring:
    """A contract of this test's own on the embedded chain."""
    return Anchoring(*monitored_chain, found(*monitored_chain))


Ask = Callable[..., Any]


@pytest.fixture
def anvil() -> Iterator[tuple[Anchoring, Ask]]:
    """A contract on an anvil of this test's own, and a way to ask it for more than a chain should do."""
    command: Sequence[str | Path] = [ANVIL, "--port", "0", "--chain-id", str(0x6772616D)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            lines = iter(process.stdout.readline, "")
            url = next(f"http://{said[1]}" for line in lines if (said := re.search(r"Listening on (\S+)", line)))

            def ask(method: str, *params: object) -> Any:
                body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}).encode()
                posted = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310
                with urllib.request.urlopen(posted, timeout=10) as response:  # noqa: S310
                    answer = json.load(response)
                assert "error" not in answer, answer
                return answer["result"]

            payer = Payer()
            ask("anvil_setBalance", payer.address, hex(10**19))
            yield Anchoring(url, payer, found(url, payer)), ask
        finally:
            process.kill()
