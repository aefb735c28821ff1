"""Several endpoints of one chain, asked as one: some may be down, lag or lie.

The rule, for n endpoints and a quorum of more than half of them (of two both, of three two):

- *Height* is the highest block that a quorum has reached; whoever has not is waited for, not accused.
- *State* (calls, code, nonces, balances, events, headers) is read as of one block, `latest` meaning the height. Only
  those are asked who have the hash that a quorum gives for that block. The same state gives the same answer: two who
  answer differently, and still have that hash, contradict each other, and no majority makes that good: `Refuted`,
  both named. So does a different hash for a block that is `final_depth` below the height. Other hashes above it are a
  fork that is not decided yet.
- *Receipts* count when a quorum has the same one. *Fees and gas* are what a quorum asks for at least.
- *Sending* goes to all; it is sent when one has taken it.

Fewer than a quorum of usable answers is `Unreachable`, with each endpoint's reason. One endpoint is passed through.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpx2

from anchoring.chain.endpoint import READ_SECONDS, Busy, Endpoint, Lost
from anchoring.errors import Malformed, Refuted, Unreachable

MAX_ENDPOINTS = 16
FINAL_DEPTH = 12
BUSY_TURNS, BUSY_SECONDS = 5, 30.0
"""How often, and how long at most each time, the only endpoint is waited for when it has too much to do."""
REST_SECONDS = 10.0
"""How long an endpoint that did not answer is left out, so that it does not slow down every question."""

HELD: Final = re.compile(
    r"\b(?:already ?(?:known|imported|exists)|known transaction|nonce[ _](?:is )?(?:too[ _]low|below)|old ?nonce)\b",
    re.IGNORECASE,
)
"""How nodes say that they, or a block, have a transaction: geth, Nethermind, Besu, OpenEthereum and their kin."""

Answer = dict[str, Any]
_BLOCK_PARAM: Final = {
    "eth_call": 1, "eth_estimateGas": 1, "eth_getCode": 1, "eth_getTransactionCount": 1, "eth_getBalance": 1,
    "eth_getBlockByNumber": 0,
}  # fmt: skip
_AT_LEAST = frozenset({"eth_blockNumber", "eth_gasPrice", "eth_maxPriorityFeePerGas"})
_HEADER = ("hash", "number", "parentHash", "timestamp", "baseFeePerGas")
_LOG = ("address", "topics", "data", "blockNumber", "blockHash", "transactionHash", "logIndex", "removed")


class Endpoints:
    """The endpoints of one chain. `shown` is how errors name them, without what may be secret."""

    def __init__(
        self,
        urls: str | Sequence[str],
        read_seconds: float = READ_SECONDS,
        final_depth: int = FINAL_DEPTH,
        transport: httpx2.BaseTransport | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Connects to nothing yet; `transport` is a wire of the caller's own.

        Raises Malformed for what is no URL, or one endpoint named twice.
        """
        given = [urls] if isinstance(urls, str) else list(dict.fromkeys(urls))
        if not 0 < len(given) <= MAX_ENDPOINTS:
            raise Malformed(f"A chain is read through 1 to {MAX_ENDPOINTS} endpoints.")
        self._all = [Endpoint(url, read_seconds, transport) for url in given]
        self._quorum = len(self._all) // 2 + 1
        self._final_depth = final_depth
        self._pause = pause
        self._resting: dict[Endpoint, tuple[float, str]] = {}
        self._pool = ThreadPoolExecutor(len(self._all), "endpoint") if len(self._all) > 1 else None
        self.shown = ", ".join(endpoint.shown for endpoint in self._all)

    def ask(self, request: Mapping[str, Any]) -> Answer:
        """The JSON-RPC response to one request. Raises Unreachable, Lost, or Refuted as the rule above says."""
        if self._pool is None:
            return self._patiently(json.dumps(request).encode())
        method, params = request["method"], request["params"]
        if method == "eth_sendRawTransaction":
            return self._send(request)
        if method in _AT_LEAST or (method == "eth_getTransactionCount" and params[1] == "pending"):
            return self._at_least(self._answers(self._all, request), request)
        if method == "eth_getLogs":
            return self._at_block(request, int(params[0]["toBlock"], 16), lambda _at: [params[0]])
        if method in _BLOCK_PARAM:
            place = _BLOCK_PARAM[method]
            tag = params[place] if len(params) > place else "latest"
            number = self.height(request) if tag == "latest" else int(tag, 16)
            return self._at_block(request, number, lambda at: [*params[:place], hex(at), *params[place + 1 :]])
        return self._alike(request)

    def _patiently(self, body: bytes) -> Answer:
        """Ask the only endpoint; one that has too much to do is given the time it asks for."""
        for turn in range(BUSY_TURNS):
            try:
                return self._all[0].post(body)
            except Busy as busy:
                self._pause(min(BUSY_SECONDS, 2.0**turn / 2 if busy.wait_s is None else busy.wait_s))
        return self._all[0].post(body)

    def height(self, request: Mapping[str, Any]) -> int:
        """The highest block that a quorum has."""
        asked = {**request, "method": "eth_blockNumber", "params": []}
        return _quantity(self._at_least(self._answers(self._all, asked), asked)["result"])

    def _at_block(self, request: Mapping[str, Any], number: int, params_at: Callable[[int], list[Any]]) -> Answer:
        """Ask those who have one and the same block `number`, as of which they must say the same."""
        block, holders = self._holders(request, number)
        asked = {**request, "params": params_at(number)}
        answers = self._answers(holders, asked)
        if request["method"] == "eth_estimateGas" and any("result" in answer for answer in answers.values()):
            return self._at_least(answers, asked)  # an estimate is each client's own
        values = {endpoint: value for endpoint, answer in answers.items() if (value := _value(asked, answer))}
        if len(set(values.values())) > 1:
            self._accuse(asked, block, number, values)
        if len(values) >= self._quorum:
            return answers[next(iter(values))]
        errors = [answer for answer in answers.values() if "error" in answer]
        if len(errors) >= self._quorum:
            return errors[0]
        raise self._too_few(asked, len(values))

    def _holders(self, request: Mapping[str, Any], number: int) -> tuple[str, list[Endpoint]]:
        """The hash that a quorum gives for block `number`, and who does."""
        asked = {**request, "method": "eth_getBlockByNumber", "params": [hex(number), False]}
        answers = self._answers(self._all, asked)
        hashes = {endpoint: said for endpoint, answer in answers.items() if (said := _hash(answer))}
        counted = Counter(hashes.values()).most_common(2)
        if len(counted) > 1 and self.height(request) - number >= self._final_depth:
            one, other = (next(e for e, said in hashes.items() if said == block) for block, _ in counted)
            raise Refuted(
                f"{one.shown} and {other.shown} have different blocks {number}, {hashes[one]} and {hashes[other]}, and "
                "it should be final by now: they do not show the same chain."
            )
        if len(counted) > 1 and number >= self._final_depth:
            self._holders(request, number - self._final_depth)  # a fork of now, or two chains for long
        if not counted or counted[0][1] < self._quorum:
            raise self._too_few(asked, counted[0][1] if counted else 0)
        block = counted[0][0]
        return block, [endpoint for endpoint, said in hashes.items() if said == block]

    def _accuse(self, asked: Mapping[str, Any], block: str, number: int, values: Mapping[Endpoint, str]) -> None:
        """Refuse a contradiction, unless the chain moved while we asked."""
        again = self._holders(asked, number)
        still = [endpoint for endpoint in values if endpoint in again[1]] if again[0] == block else []
        for other in still[1:]:
            if values[other] != values[still[0]]:
                raise Refuted(
                    f"{still[0].shown} and {other.shown} contradict each other: {asked['method']} as of block {number} "
                    f"({block}) has two answers. One of them does not tell the truth."
                )
        raise Unreachable(f"The chain at {self.shown} moved while it was asked; try again.")

    def _alike(self, request: Mapping[str, Any]) -> Answer:
        """What a quorum says alike, None else: receipts, transactions. The chain's id must be all the same."""
        answers = {e: a for e, a in self._answers(self._all, request).items() if "result" in a}
        values = {endpoint: _value(request, answer) for endpoint, answer in answers.items()}
        if request["method"] == "eth_chainId" and len(set(values.values())) > 1:
            said = ", ".join(f"{endpoint.shown} is chain {answers[endpoint]['result']}" for endpoint in values)
            raise Refuted(f"The endpoints are not of one chain: {said[:300]}.")
        if len(values) < self._quorum:
            raise self._too_few(request, len(values))
        value, count = Counter(values.values()).most_common(1)[0]
        if count >= self._quorum:
            return next(answers[endpoint] for endpoint in values if values[endpoint] == value)
        return {"jsonrpc": "2.0", "id": request["id"], "result": None}

    def _at_least(self, answers: Mapping[Endpoint, Answer], request: Mapping[str, Any]) -> Answer:
        said = sorted((number for answer in answers.values() if (number := _read(answer)) is not None), reverse=True)
        if len(said) < self._quorum:
            errors = [answer for answer in answers.values() if "error" in answer]
            if len(errors) >= self._quorum:
                return errors[0]
            raise self._too_few(request, len(said))
        return {"jsonrpc": "2.0", "id": request["id"], "result": hex(said[self._quorum - 1])}

    def _send(self, request: Mapping[str, Any]) -> Answer:
        answers = self._answers(self._all, request, rest=False)
        taken = [answer for answer in answers.values() if "result" in answer]
        if taken:
            return taken[0]
        if len(answers) < len(self._all):
            raise Lost(f"It may or may not have reached the chain at {self.shown}: {self._reasons()}.")
        held = [answer for answer in answers.values() if HELD.search(str(answer["error"]["message"]))]
        return held[0] if held else next(iter(answers.values()))

    def _answers(
        self, endpoints: Sequence[Endpoint], request: Mapping[str, Any], *, rest: bool = True
    ) -> dict[Endpoint, Answer]:
        """Ask all at once; who does not answer is missing, and left out for a while if there are enough others."""
        now = time.monotonic()
        awake = [one for one in endpoints if not rest or self._resting.get(one, (0.0, ""))[0] <= now]
        if len(awake) < self._quorum:
            awake = list(endpoints)
        body = json.dumps(request).encode()
        assert self._pool is not None  # noqa: S101  (one endpoint never comes here)
        given = list(self._pool.map(lambda endpoint: _post(endpoint, body), awake))
        for endpoint, answer in zip(awake, given, strict=True):
            if isinstance(answer, Unreachable):
                self._resting[endpoint] = (now + REST_SECONDS, str(answer))
            else:
                self._resting.pop(endpoint, None)
        return {e: a for e, a in zip(awake, given, strict=True) if not isinstance(a, Unreachable)}

    def _too_few(self, request: Mapping[str, Any], count: int) -> Unreachable:
        return Unreachable(
            f"{count} of {len(self._all)} endpoints give the same usable answer to {request['method']}, and "
            f"{self._quorum} must: {self._reasons()}."
        )

    def _reasons(self) -> str:
        said = [reason.rstrip(".") for _, reason in self._resting.values()]
        return "; ".join(said)[:500] or f"those at {self.shown} are not equally far, or refuse"

    def close(self) -> None:
        """Give back all connections."""
        if self._pool is not None:
            self._pool.shutdown(wait=False)
        for endpoint in self._all:
            endpoint.close()


def _post(endpoint: Endpoint, body: bytes) -> Answer | Unreachable:
    try:
        return endpoint.post(body)
    except Unreachable as error:
        return error


def _value(request: Mapping[str, Any], answer: Answer) -> str | None:
    """What two honest endpoints say alike, as text; None for an error that is not the contract's own."""
    if "error" in answer:
        data = answer["error"].get("data")
        return f"revert {data.lower()}" if isinstance(data, str) and data.startswith("0x") else None
    result = answer["result"]
    kept: tuple[str, ...] = ()
    if request["method"] == "eth_getLogs" and isinstance(result, list):
        result = [{name: log.get(name) for name in _LOG} if isinstance(log, dict) else log for log in result]
    elif request["method"] == "eth_getBlockByNumber":
        kept = _HEADER
    elif request["method"] in ("eth_getTransactionReceipt", "eth_getTransactionByHash"):
        kept = ("blockHash", "status")
    if kept and isinstance(result, dict):
        result = {name: result.get(name) for name in kept}
    return json.dumps(result, sort_keys=True).lower()


def _hash(answer: Answer) -> str | None:
    block = answer.get("result")
    said = block.get("hash") if isinstance(block, dict) else None
    return said.lower() if isinstance(said, str) and len(said) == 66 else None


def _quantity(value: Any) -> int:
    if not isinstance(value, str) or not value.startswith("0x") or len(value) > 66:
        raise ValueError(value)
    return int(value, 16)


def _read(answer: Answer) -> int | None:
    try:
        return _quantity(answer.get("result"))
    except ValueError:
        return None
