"""What passes to the operator's node: methods and shapes of parameters by name, and the work of each bounded."""

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from anchoring.signing import address_bytes, checksummed
from api.chain.calls import (
    MAX_CALL_BYTES,
    MAX_CALL_GAS,
    MAX_LOG_BLOCKS,
    METHODS,
    Bounds,
    NotOffered,
    judged,
)

OURS, OTHER, HASH = "0x" + "Aa" * 20, "0x" + "11" * 20, "0x" + "22" * 32
BOUNDS = Bounds({OURS.lower()}, head=20_000)
KEY = b"\x07" * 32


def params(method: str, *given: object) -> list:
    return judged({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(given)}, BOUNDS)["params"]


def transaction(to: str | None, **changes: object) -> str:
    fields = {"chainId": 5, "nonce": 0, "gas": 300_000, "value": 0, "data": b"\1", "maxFeePerGas": 9, "type": 2}
    fields |= (
        {"maxPriorityFeePerGas": 1} | ({} if to is None else {"to": checksummed(address_bytes(to.lower()))}) | changes
    )
    return "0x" + bytes(Account.sign_transaction(fields, KEY).raw_transaction).hex()


@pytest.mark.parametrize(
    ("method", "given", "passed"),
    [
        ("eth_chainId", [], []),
        ("eth_getBalance", [OTHER, "latest"], [OTHER, "latest"]),
        ("eth_getTransactionCount", [OTHER], [OTHER, "latest"]),
        ("eth_getCode", [OURS, "0x5"], [OURS, "0x5"]),
        ("eth_getCode", [OURS, {"blockHash": HASH}], [OURS, {"blockHash": HASH}]),
        ("eth_getBlockByNumber", ["finalized", False], ["finalized", False]),
        ("eth_getBlockByHash", [HASH], [HASH, False]),
        ("eth_getTransactionReceipt", [HASH], [HASH]),
        ("eth_feeHistory", [4, "latest", [10, 50]], ["0x4", "latest", [10, 50]]),
        (
            "eth_call",
            [{"to": OURS, "input": None, "data": "0x12", "from": None, "value": "0x0"}, "latest"],
            [{"to": OURS, "data": "0x12", "gas": hex(MAX_CALL_GAS)}, "latest"],
        ),
        ("eth_estimateGas", [{"to": OURS, "gas": "0x5208"}], [{"to": OURS, "data": "0x", "gas": "0x5208"}, "latest"]),
        (
            "eth_call",
            [{"to": OURS, "gas": "0xfffffffff"}],
            [{"to": OURS, "data": "0x", "gas": hex(MAX_CALL_GAS)}, "latest"],
        ),
        (
            "eth_getLogs",
            [{"address": OURS, "fromBlock": "0x4000"}],
            [{"address": [OURS], "topics": [], "fromBlock": "0x4000", "toBlock": "0x4e20"}],
        ),
        (
            "eth_getLogs",
            [{"address": [OURS], "blockHash": HASH, "topics": [None, [HASH]]}],
            [{"address": [OURS], "blockHash": HASH, "topics": [None, [HASH]]}],
        ),
        ("eth_sendRawTransaction", [transaction(OURS)], [transaction(OURS)]),
    ],
)  # fmt: skip
def test_what_a_verifier_needs_passes(method, given, passed):
    assert params(method, *given) == passed


@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("eth_call", [{"to": OURS}, "latest", {OURS: {"code": "0x5b600056"}}]),
        ("eth_call", [{"to": OURS}, "latest", {}, {"number": "0x1"}]),
        ("eth_estimateGas", [{"to": OURS}, "latest", {OURS: {"balance": "0x1"}}]),
        ("eth_call", [{"to": OTHER}, "latest"]),
        ("eth_call", [{"data": "0x5b600056"}, "latest"]),
        ("eth_call", [{"to": OURS, "data": "0x1"}]),
        ("eth_call", [{"to": OURS, "data": "0x01", "input": "0x02"}]),
        ("eth_call", [{"to": OURS, "accessList": []}]),
        ("eth_call", [{"to": OURS, "authorizationList": []}]),
        ("eth_call", [{"to": OURS, "value": "0x1"}]),
        ("eth_call", [{"to": OURS}, {"blockHash": HASH, "requireCanonical": True}]),
        ("eth_call", [{"to": OURS}, 5]),
        ("eth_call", []),
        ("eth_getCode", [OTHER, "latest"]),
        ("eth_getBlockByNumber", ["latest", True]),
        ("eth_getBlockByNumber", ["latest", 0]),
        ("eth_getTransactionReceipt", ["0x12"]),
        ("eth_feeHistory", ["0x400", "latest", []]),
        ("eth_feeHistory", ["0x1", "latest", [1] * 50]),
        ("eth_feeHistory", [True, "latest", []]),
        ("eth_getLogs", [{}]),
        ("eth_getLogs", [{"address": OTHER}]),
        ("eth_getLogs", [{"address": [OURS, OTHER]}]),
        ("eth_getLogs", [{"address": []}]),
        ("eth_getLogs", [{"address": OURS, "fromBlock": "earliest", "blockHash": HASH}]),
        ("eth_getLogs", [{"address": OURS, "toBlock": "finalized"}]),
        ("eth_getLogs", [{"address": OURS, "topics": [None] * 5}]),
        ("eth_getLogs", [{"address": OURS, "topics": [[HASH] * 5]}]),
        ("eth_sendRawTransaction", [transaction(OTHER)]),
        ("eth_sendRawTransaction", [transaction(None)]),
        ("eth_sendRawTransaction", [transaction(OURS, accessList=[{"address": OTHER, "storageKeys": []}])]),
        ("eth_sendRawTransaction", ["0x"]),
        ("eth_chainId", [{}]),
    ],
)
def test_nothing_else_passes(method, given):
    with pytest.raises(NotOffered) as refused:
        params(method, *given)
    assert refused.value.code == -32602


@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("eth_getLogs", [{"address": OURS, "fromBlock": "0x0", "toBlock": "latest"}]),
        ("eth_getLogs", [{"address": OURS, "fromBlock": "earliest"}]),
        ("eth_getLogs", [{"address": OURS, "fromBlock": "0x1", "toBlock": hex(MAX_LOG_BLOCKS + 1)}]),
        ("eth_call", [{"to": OURS, "data": "0x" + "00" * (MAX_CALL_BYTES + 1)}]),
        ("eth_sendRawTransaction", ["0x" + "00" * 2 * MAX_CALL_BYTES]),
    ],
)
def test_what_is_too_much_is_told_so(method, given):
    with pytest.raises(NotOffered) as refused:
        params(method, *given)
    assert refused.value.code == -32005


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["latest", "0x0", "0x1", OURS, OTHER, HASH]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["to", "data", "input", "gas", "fromBlock", "topics", "address", "blockHash"]), inner
    ),
    max_leaves=6,
)  # fmt: skip


@given(method=st.sampled_from(sorted(METHODS)), given_=st.lists(JSON, max_size=4) | JSON)
def test_whatever_is_sent_is_judged(method, given_):
    try:
        passed = judged({"method": method, "params": given_}, BOUNDS)
    except NotOffered:
        return
    assert passed.keys() == {"jsonrpc", "method", "params"}
    anybody = ("eth_getBalance", "eth_getTransactionCount", "eth_call", "eth_estimateGas")
    assert OTHER not in repr(passed) or method in anybody
