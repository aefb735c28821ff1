"""anvil, a node that reorganises, drops and stops mining on demand."""

import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).parents[2] / "contracts" / "node_modules" / ".bin" / "anvil"
CHAIN_ID = 0x6772616D
ETHER = 10**18


class Anvil:
    """One chain of a test's own; a block for each transaction unless told otherwise."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, *params: object) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}).encode()
        posted = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(posted, timeout=10) as response:  # noqa: S310
            answer = json.load(response)
        assert "error" not in answer, answer
        return answer["result"]

    def fund(self, address: str, wei: int = 10 * ETHER) -> None:
        self.ask("anvil_setBalance", address, hex(wei))

    def mine(self, blocks: int = 1) -> None:
        self.ask("anvil_mine", hex(blocks))

    def hold(self) -> None:
        """No block until one is mined by hand."""
        self.ask("evm_setAutomine", False)

    def pool(self, sender: str | None = None) -> list[dict[str, Any]]:
        """What waits, of one account or of all."""
        waiting = self.ask("txpool_content")
        of_accounts = [*waiting["pending"].values(), *waiting["queued"].values()]
        waits = [transaction for of_one in of_accounts for transaction in of_one.values()]
        return [one for one in waits if sender is None or one["from"].lower() == sender.lower()]

    def count(self, address: str) -> int:
        return int(self.ask("eth_getTransactionCount", address, "latest"), 16)


@contextmanager
def anvil(*options: str, chain_id: int = CHAIN_ID) -> Iterator[Anvil]:
    command = [PROGRAM, "--port", "0", "--chain-id", str(chain_id), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            lines = iter(process.stdout.readline, "")
            yield next(Anvil(f"http://{said[1]}") for line in lines if (said := re.search(r"Listening on (\S+)", line)))
        finally:
            process.kill()
