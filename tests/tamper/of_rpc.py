"""A node that lies, in front of the embedded chain: audit and receipts must notice, or say that they cannot tell."""

import contextlib
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any

from eth_hash.auto import keccak

from anchoring.auditing.audit import audit
from anchoring.chain.client import AnchorClient
from anchoring.chain.embedded import CHAIN_ID
from anchoring.errors import AnchoringError
from anchoring.tree.tiles import DirectorySource
from anchoring.verify import Anchors, Outcome, verify_receipt
from tests.tamper.verdict import Tried, judged, refused
from tests.tamper.world import VKEY, World

Answer = dict[str, Any]
Lie = Callable[[dict[str, Any], Answer], Answer | bytes]
SELECTORS = {
    f"0x{keccak(f'{name}()'.encode())[:4].hex()}": name for name in ("size", "root", "frontier", "ended", "broken")
}
ROOT_AT = f"0x{keccak(b'rootAt(uint64)')[:4].hex()}"


class LyingNode:
    """Answers as the chain does, once `lie` has looked at it. Honest answers are kept: the chain stands still."""

    def __init__(self, upstream: str) -> None:
        self.upstream, self.known = upstream, dict[str, Answer]()
        self.lie: Lie = lambda _request, answer: answer
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                said = node.lie(request, node.honest(request) | {"id": request["id"]})
                body = said if isinstance(said, bytes) else json.dumps(said).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            def log_message(self, *_args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def honest(self, request: dict[str, Any]) -> Answer:
        key = json.dumps([request["method"], request["params"]])
        if key not in self.known:
            body, kind = json.dumps(request).encode(), {"Content-Type": "application/json"}
            posted = urllib.request.Request(self.upstream, body, kind)  # noqa: S310
            with urllib.request.urlopen(posted, timeout=10) as response:  # noqa: S310
                self.known[key] = json.load(response)
        return self.known[key]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class OfRpc:
    """Draws lies."""

    def __init__(self, world: World, random: Random, node: LyingNode) -> None:
        self.world, self.random, self.node = world, random, node
        self.source = DirectorySource(world.ledger.folder)

    def run(self, count: int) -> Iterator[Tried]:
        kinds: list[Callable[[], Tried]] = [
            self.chain_id, self.code, self.head, self.head, self.event, self.event, self.event_lost, self.root_at,
            self.nonsense, self.nonsense, self.broken_off, self.older_state, self.event_hidden, self.other_code,
        ]  # fmt: skip
        if self.audited("honest", "", lambda _request, answer: answer, set()).said != "named [], expected []":
            raise AssertionError("an honest node is not believed")
        for number in range(count):
            yield kinds[number % len(kinds)]()

    def audited(self, kind: str, what: str, lie: Lie, expected: set[object]) -> Tried:
        self.node.lie = lie
        with AnchorClient(self.node.url, self.world.client.address, chain_id=CHAIN_ID, read_seconds=2) as client:
            try:
                report = audit(self.source, VKEY, client)
            except AnchoringError as error:
                return refused(f"rpc: {kind}", what, error)
        return judged(f"rpc: {kind}", what, {fault.place for fault in report.faults}, expected)

    @staticmethod
    def answering(method: str, result: Any) -> Lie:
        return lambda request, answer: answer | {"result": result} if request["method"] == method else answer

    def flipped(self, word: str, last: int = 256) -> str:
        """A hex word with one of its lowest bits flipped."""
        return f"0x{int(word, 16) ^ 1 << self.random.randrange(last):0{len(word) - 2}x}"

    def chain_id(self) -> Tried:
        other = hex(self.random.randrange(1, CHAIN_ID))
        return self.audited("chain id", other, self.answering("eth_chainId", other), set())

    def code(self) -> Tried:
        return self.audited("no code", "0x", self.answering("eth_getCode", "0x"), set())

    def head(self) -> Tried:
        """One value of the head is another, and the events are as they were."""
        name = self.random.choice(list(SELECTORS.values()))
        bit = {"broken": 1, "root": 256}.get(name, 60)

        def lie(request: dict[str, Any], answer: Answer) -> Answer:
            if request["method"] != "eth_call" or SELECTORS.get(data_of(request)[:10]) != name:
                return answer
            return answer | {"result": altered}

        altered = self.flipped(f"0x{self.head_word(name):064x}", bit)
        return self.audited("head", name, lie, {"contract"})

    def head_word(self, name: str) -> int:
        last = self.world.anchors[-1]
        values = {"size": last.size, "root": int.from_bytes(last.root), "frontier": last.frontier, "ended": last.ended}
        return values.get(name, 0)

    def event(self) -> Tried:
        """One value of an event that is not the last: its root, frontier or ended grams."""
        at, bit = self.random.randrange(len(self.world.anchors) - 1), self.random.randrange(30)

        def lie(request: dict[str, Any], answer: Answer) -> Answer:
            if request["method"] != "eth_getLogs":
                return answer
            logs = json.loads(json.dumps(answer["result"]))
            data = bytearray.fromhex(logs[at]["data"][2:])
            data[31 - bit // 8 + 32 * word] ^= 1 << bit % 8
            logs[at]["data"] = "0x" + data.hex()
            return answer | {"result": logs}

        word = self.random.randrange(3)
        places: set[object] = {f"anchored size {self.world.anchors[at].size}"}
        return self.audited("event", f"event {at} word {word} bit {bit}", lie, places)

    def event_lost(self) -> Tried:
        def lie(request: dict[str, Any], answer: Answer) -> Answer:
            is_events = request["method"] == "eth_getLogs"
            return answer | {"result": answer["result"][:kept]} if is_events else answer

        kept = self.random.randrange(len(self.world.anchors))
        return self.audited("last event kept back", f"{kept} given", lie, set())

    def event_hidden(self) -> Tried:
        """An event before the last is kept back."""

        def lie(request: dict[str, Any], answer: Answer) -> Answer:
            is_events = request["method"] == "eth_getLogs"
            return answer | {"result": answer["result"][:at] + answer["result"][at + 1 :]} if is_events else answer

        at = self.random.randrange(len(self.world.anchors) - 1)
        return self.audited(
            "earlier event kept back", f"event {at}", lie, {f"anchored size {self.world.anchors[at].size}"}
        )

    def older_state(self) -> Tried:
        """All answers are those of an older state."""
        old = self.world.anchors[at := self.random.randrange(len(self.world.anchors) - 1)]
        words = {"size": old.size, "root": int.from_bytes(old.root), "frontier": old.frontier, "ended": old.ended}

        def lie(request: dict[str, Any], answer: Answer) -> Answer:
            if request["method"] == "eth_getLogs":
                return answer | {"result": answer["result"][: at + 1]}
            name = SELECTORS.get(data_of(request)[:10]) if request["method"] == "eth_call" else None
            return answer if name not in words else answer | {"result": f"0x{words[name]:064x}"}

        return self.audited("older state, consistent", f"size {old.size}", lie, set())

    def other_code(self) -> Tried:
        lie = self.answering("eth_getCode", "0x" + self.random.randbytes(40).hex())
        return self.audited("other code", "random", lie, set())

    def root_at(self) -> Tried:
        """A receipt is held against an altered root."""

        def lie(request: dict[str, Any], answer: Answer) -> Answer:
            is_root = request["method"] == "eth_call" and data_of(request).startswith(ROOT_AT)
            return answer | {"result": altered} if is_root else answer

        altered = self.flipped("0x" + self.world.anchors[-1].root.hex())
        self.node.lie = lie
        index = self.random.randrange(self.world.sizes[-1])
        with AnchorClient(self.node.url, self.world.client.address, chain_id=CHAIN_ID) as client:
            anchors = Anchors(client.head().size, client.root_at)
            done = verify_receipt(self.world.receipt(index), VKEY, anchors=anchors)
        failed = {step.number for step in done.steps if step.outcome == Outcome.REFUTED}
        return judged("rpc: root of a size", f"receipt {index}", failed, {6})

    def nonsense(self) -> Tried:
        """A result of another shape, for one method."""
        method = self.random.choice(["eth_chainId", "eth_getCode", "eth_blockNumber", "eth_call", "eth_getLogs"])
        shapes = [None, [], {}, "zebra", -1, 1.5, True, "0xzz", [[]], [{}]]
        # An odd number of digits is code to some, and no events is an answer.
        shapes += ["0x" + "f" * 63] if method != "eth_getCode" else []
        shapes = [shape for shape in shapes if method != "eth_getCode" or shape is not True]  # it is read as a byte
        result = self.random.choice(shapes if method != "eth_getLogs" else shapes[2:])
        return self.audited("nonsense", f"{method}: {result!r}", self.answering(method, result), set())

    def broken_off(self) -> Tried:
        method, end = self.random.choice(["eth_call", "eth_getLogs", "eth_chainId"]), self.random.random()

        def lie(request: dict[str, Any], answer: Answer) -> Answer | bytes:
            body = json.dumps(answer).encode()
            return body[: int(len(body) * end)] if request["method"] == method else answer

        return self.audited("answer cut short", f"{method} at {end:.2f}", lie, set())


def data_of(request: dict[str, Any]) -> str:
    call = request["params"][0]
    return str(call.get("data", call.get("input", "")))


def of_rpc(world: World, random: Random, count: int) -> Iterator[Tried]:
    with contextlib.closing(LyingNode(world.rpc_url)) as node:
        yield from OfRpc(world, random, node).run(count)
