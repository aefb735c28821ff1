"""A chain's node around the real EVM: it keeps transactions waiting, loses them, mines, and reorganises.

The blocks and what the contract says are py-evm's. The node decides when a transaction gets into a block, and keeps
copies of the chain as it was, from which another branch can grow.
"""

import json
from collections import deque
from functools import lru_cache
from pathlib import Path
from typing import Any

from eth_hash.auto import keccak

from anchoring.chain.embedded import EmbeddedChain
from anchoring.chain.embedded_rpc import answer
from anchoring.chain.embedded_wire import data, read_data
from anchoring.chain.transaction import decode, fees_of
from tests.simulation.chance import Chance

DEEPEST = 2
"""Blocks that a reorganisation takes at most; the anchorer calls final what has as many on top."""


class Node:
    """One node with its own chain in `file`."""

    def __init__(self, file: Path, clock: Any, chance: Chance, payer: bytes) -> None:
        """`payer` is the one account that sends transactions, 20 bytes."""
        self._file, self._clock, self._chance, self._payer = file, clock, chance, payer
        self._waiting: dict[int, bytes] = {}
        self._mined: list[bytes] = []
        self._before: deque[tuple[bytes, bytes, int]] = deque(maxlen=DEEPEST)
        self._called: dict[str, dict[str, Any]] = {}
        self._open()

    def _open(self) -> None:
        self._called.clear()
        self.chain = EmbeddedChain(self._file, self._clock, final_depth=0)

    def close(self) -> None:
        self.chain.close()

    def answer(self, request: dict[str, Any]) -> Any:
        """Answer one JSON-RPC request."""
        if request["method"] == "eth_sendRawTransaction":
            return self._take(request)
        if request["method"] == "eth_call":
            return self._call(request)
        answered = answer(self.chain, request)
        if request["method"] == "eth_getTransactionCount" and request["params"][1] == "pending":
            answered["result"] = hex(int(answered["result"], 16) + len(self._waiting))
        return answered

    def _call(self, request: dict[str, Any]) -> Any:
        """Calls of one block always give the same, and py-evm is slow: each is computed once a block."""
        asked = json.dumps(request["params"])
        if asked not in self._called:
            self._called[asked] = answer(self.chain, request)
        return self._called[asked] | {"id": request["id"]}

    def _take(self, request: dict[str, Any]) -> Any:
        raw = read_data(request["params"][0])
        refusal = self._refusal(raw)
        fate = "mine" if self._chance.is_calm else self._chance.weighted({"mine": 5, "keep": 3, "lose": 1})
        self._chance.note("node", refusal or fate)
        envelope = {"jsonrpc": "2.0", "id": request["id"]}
        if refusal is not None:
            return envelope | {"error": {"code": -32000, "message": refusal}}
        self._chance.count(f"transactions: {fate}")
        if fate != "lose":
            self._waiting[_nonce(raw)] = raw
        if fate == "mine":
            self.mine()
        return envelope | {"result": data(bytes(keccak(raw)))}

    def _refusal(self, raw: bytes) -> str | None:
        """Why a node does not take a transaction, in geth's words."""
        waiting = self._waiting.get(_nonce(raw))
        if waiting == raw:
            return "already known"
        if _nonce(raw) < self.chain.nonce(self._payer, self.chain.height()):
            return "nonce too low"
        if waiting is not None and 10 * max(fees_of(raw).values()) < 11 * max(fees_of(waiting).values()):
            return "replacement transaction underpriced"
        return None

    def mine(self, blocks: int = 1) -> None:
        """Put what waits into blocks of their own, or make empty ones."""
        for _ in range(blocks):
            self._remember()
            due = self.chain.nonce(self._payer, self.chain.height())
            self._waiting = {nonce: raw for nonce, raw in self._waiting.items() if nonce >= due}
            raw = self._waiting.pop(due, None)
            if raw is None:
                self.chain.mine(1)
            else:
                self.chain.send_raw(raw)
                self._mined.append(raw)
            self._chance.note("mined", self.chain.height(), len(self._waiting))

    def reorganise(self) -> None:
        """Another branch replaces the last blocks; what was in them is taken up again, or forgotten."""
        if not self._before:
            return
        depth = self._chance.random.randint(1, len(self._before))
        for _ in range(depth):
            state, log, count = self._before.pop()
        self.chain.close()
        self._file.write_bytes(state)
        self._file.with_name(self._file.name + "-wal").write_bytes(log)
        self._file.with_name(self._file.name + "-shm").unlink(missing_ok=True)
        self._open()
        orphans, self._mined = self._mined[count:], self._mined[:count]
        if self._chance.happens(0.5):
            self._waiting |= {_nonce(raw): raw for raw in orphans}
        self._chance.note("reorganised", depth, len(orphans), len(self._waiting))
        self._chance.count("reorgs")
        if self._chance.happens(0.7):
            self.mine(depth + 1)

    def _remember(self) -> None:
        """Keep a copy of the chain as it is, before it grows."""
        self._called.clear()
        log = self._file.with_name(self._file.name + "-wal")
        self._before.append((self._file.read_bytes(), log.read_bytes(), len(self._mined)))


@lru_cache
def _nonce(raw: bytes) -> int:
    return int(decode(raw)["nonce"])
