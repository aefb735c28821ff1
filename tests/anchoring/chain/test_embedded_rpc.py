"""The JSON-RPC of the embedded chain, without sockets: forms to the letter, and hostile requests."""

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anchoring.chain.embedded import CHAIN_ID, GAS_LIMIT
from anchoring.chain.embedded_rpc import MAX_BATCH, METHODS, answer

QUANTITY = re.compile(r"0x(0|[1-9a-f][0-9a-f]*)")
DATA = re.compile(r"0x([0-9a-f]{2})*")
# Fields whose value is DATA; every other hex string in an answer is a QUANTITY.
DATA_FIELDS = {
    "hash", "parentHash", "nonce", "sha3Uncles", "logsBloom", "transactionsRoot", "receiptsRoot", "stateRoot",
    "miner", "mixHash", "extraData", "withdrawalsRoot", "parentBeaconBlockRoot", "requestsHash", "blockHash", "from",
    "to", "input", "transactionHash", "contractAddress", "address", "data", "topics", "transactions",
}  # fmt: skip


def ask(chain, method, *params):
    response = answer(chain, {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
    json.dumps(response)
    return response


def result(chain, method, *params):
    return ask(chain, method, *params)["result"]


def error(chain, method, *params):
    return ask(chain, method, *params)["error"]


@pytest.fixture
def contract(chain, payer, init_code):
    """The hand-assembled contract, called once: (address, hash of the call, the word given)."""
    made = result(chain, "eth_sendRawTransaction", "0x" + payer.sign(None, init_code).hex())
    address = result(chain, "eth_getTransactionReceipt", made)["contractAddress"]
    payer.nonce = 1
    word = "0x" + "00" * 31 + "2a"
    called = result(chain, "eth_sendRawTransaction", "0x" + payer.sign(address, bytes.fromhex(word[2:])).hex())
    return address, called, word


def assert_strict(value, field, *, transaction=False):
    if isinstance(value, dict):
        for name, inner in value.items():
            assert_strict(inner, name, transaction="input" in value)
    elif isinstance(value, list):
        for inner in value:
            assert_strict(inner, field, transaction=transaction)
    elif isinstance(value, str):
        form = DATA if field in DATA_FIELDS and not (field == "nonce" and transaction) else QUANTITY
        assert form.fullmatch(value), (field, value)
    else:
        assert value is None or isinstance(value, bool), (field, value)


def test_every_object_is_hex_as_the_specification_writes_it(chain, contract):
    _, called, _ = contract
    block = result(chain, "eth_getBlockByNumber", "0x3", True)
    for answered in (
        block,
        result(chain, "eth_getBlockByHash", block["hash"], False),
        result(chain, "eth_getTransactionByHash", called),
        result(chain, "eth_getTransactionReceipt", called),
        *result(chain, "eth_getLogs", {"fromBlock": "earliest"}),
    ):
        assert_strict(answered, "")
    for method in ("eth_chainId", "eth_blockNumber", "eth_gasPrice", "eth_maxPriorityFeePerGas"):
        assert QUANTITY.fullmatch(result(chain, method))


def test_objects_agree_with_each_other(chain, contract, payer):
    address, called, word = contract
    transaction = result(chain, "eth_getTransactionByHash", called)
    receipt = result(chain, "eth_getTransactionReceipt", called)
    block = result(chain, "eth_getBlockByHash", receipt["blockHash"], True)
    (log,) = result(chain, "eth_getLogs", {"fromBlock": "0x0", "address": address, "topics": [None]})
    assert block["transactions"] == [transaction]
    assert receipt["logs"] == [log]
    assert log["data"] == word
    assert log["topics"] == ["0x" + "00" * 31 + "07"]
    assert transaction["from"] == receipt["from"] == payer.address.lower()
    assert receipt["blockNumber"] == transaction["blockNumber"] == block["number"] == log["blockNumber"] == "0x3"
    assert receipt["effectiveGasPrice"] == transaction["gasPrice"]
    assert receipt["logsBloom"] == block["logsBloom"] != "0x" + "00" * 256
    assert block["gasUsed"] == receipt["gasUsed"] == receipt["cumulativeGasUsed"]


def test_the_state_of_every_block_can_be_asked(chain, contract, payer):
    address, _, word = contract
    zero = "0x" + "00" * 32
    assert [result(chain, "eth_getStorageAt", address, "0x0", hex(n)) for n in range(5)] == [zero] * 3 + [word] * 2
    assert [result(chain, "eth_getTransactionCount", payer.address, hex(n)) for n in range(5)] == [
        "0x0", "0x1", "0x1", "0x2", "0x2",
    ]  # fmt: skip
    assert result(chain, "eth_getCode", address, "0x0") == "0x"
    assert result(chain, "eth_getCode", address) == result(chain, "eth_getCode", address, "latest") != "0x"
    assert result(chain, "eth_call", {"to": address, "input": word}) == word
    head = result(chain, "eth_getBlockByNumber", "latest", False)
    assert result(chain, "eth_getBalance", payer.address, {"blockHash": head["hash"]}) == result(
        chain, "eth_getBalance", payer.address, {"blockNumber": head["number"]}
    )


def test_tags(chain, contract):
    assert contract
    numbers = {
        tag: result(chain, "eth_getBlockByNumber", tag, False)["number"]
        for tag in ("earliest", "finalized", "safe", "latest", "pending")
    }
    assert numbers == {"earliest": "0x0", "finalized": "0x3", "safe": "0x3", "latest": "0x4", "pending": "0x4"}


def test_fee_history_ends_with_the_next_blocks_fee(chain, contract):
    assert contract
    history = result(chain, "eth_feeHistory", "0x3", "latest", [10, 90])
    fees = [result(chain, "eth_getBlockByNumber", hex(n), False)["baseFeePerGas"] for n in (2, 3, 4)]
    assert history["oldestBlock"] == "0x2"
    assert history["baseFeePerGas"][:3] == fees
    assert len(history["baseFeePerGas"]) == len(history["gasUsedRatio"]) + 1 == 4
    assert history["reward"] == [["0x3b9aca00"] * 2] * 3
    earlier = result(chain, "eth_feeHistory", "0x1", "0x3")
    assert earlier["baseFeePerGas"] == fees[1:]


@pytest.mark.parametrize(
    ("topics", "found"),
    [([], 1), ([None], 1), (["0x" + "00" * 31 + "07"], 1), ([["0x" + "00" * 32, "0x" + "00" * 31 + "07"]], 1),
     (["0x" + "00" * 32], 0), ([None, None], 0)],
)  # fmt: skip
def test_logs_by_topic(chain, contract, topics, found):
    address, _, _ = contract
    assert len(result(chain, "eth_getLogs", {"fromBlock": "0x0", "topics": topics})) == found
    assert len(result(chain, "eth_getLogs", {"fromBlock": "0x0", "address": [address], "topics": topics})) == found
    assert result(chain, "eth_getLogs", {"fromBlock": "0x0", "address": "0x" + "11" * 20, "topics": topics}) == []


def test_a_revert_has_code_3_and_its_data(chain, contract, revert_data):
    address, _, _ = contract
    for method in ("eth_call", "eth_estimateGas"):
        assert error(chain, method, {"to": address}) == {
            "code": 3,
            "message": "execution reverted",
            "data": revert_data,
        }


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("eth_mine", [], -32601),
        ("eth_sendTransaction", [{}], -32601),
        ("personal_sign", [], -32601),
        ("eth_getBlockByNumber", ["0x01", False], -32602),
        ("eth_getBlockByNumber", ["0x", False], -32602),
        ("eth_getBlockByNumber", [1, False], -32602),
        ("eth_getBlockByNumber", [None], -32602),
        ("eth_getBlockByNumber", ["0x" + "f" * 65, False], -32602),
        ("eth_getBlockByHash", ["0x12", False], -32602),
        ("eth_getBalance", ["0x12"], -32602),
        ("eth_getBalance", ["0x" + "11" * 20, "0xffff"], -32000),
        ("eth_getBalance", ["0x" + "11" * 20, {"blockHash": "0x" + "11" * 32}], -32000),
        ("eth_getStorageAt", ["0x" + "11" * 20, "zero"], -32602),
        ("eth_call", [], -32602),
        ("eth_call", [[]], -32602),
        ("eth_call", [{"to": "0x" + "11" * 20}, "latest", {"0x": {}}], -32602),
        ("eth_call", [{"to": "0x" + "11" * 20, "value": "0x1"}], -32000),
        ("eth_estimateGas", [{"to": "0x" + "11" * 20, "value": "0x" + "f" * 64}], -32000),
        ("eth_sendRawTransaction", ["0x"], -32000),
        ("eth_sendRawTransaction", ["0x1"], -32602),
        ("eth_sendRawTransaction", ["0x" + "00" * 200_000], -32602),
        ("eth_feeHistory", ["0x0", "latest", []], -32602),
        ("eth_feeHistory", ["0xffff", "latest", []], -32602),
        ("eth_getLogs", [{"fromBlock": "0x0", "toBlock": "0x1", "topics": [None] * 5}], -32602),
        ("eth_getLogs", ["all"], -32602),
    ],
)
def test_refusals_have_their_codes(chain, method, params, code):
    refused = error(chain, method, *params)
    assert refused["code"] == code
    assert len(refused["message"]) < 300
    assert chain.height() == 0


def test_unknown_hashes_are_null(chain):
    unknown = "0x" + "11" * 32
    for method in ("eth_getTransactionByHash", "eth_getTransactionReceipt", "eth_getBlockByHash"):
        assert result(chain, method, unknown) is None
    assert result(chain, "eth_getBlockByNumber", "0x99") is None


@pytest.mark.parametrize("request_", [None, 1, "x", {}, {"jsonrpc": "1.0", "id": 1, "method": "eth_chainId"}, [], [[]]])
def test_what_is_no_request(chain, request_):
    response = answer(chain, request_)
    response = response[0] if isinstance(response, list) else response
    assert (response["error"]["code"], response["id"]) == (-32600, None)


def test_batches_answer_in_order_and_notifications_not_at_all(chain):
    call = {"jsonrpc": "2.0", "method": "eth_chainId"}
    batch = [call | {"id": 1}, call, call | {"id": "two", "method": "nonsense"}, 3]
    responses = answer(chain, batch)
    assert [response["id"] for response in responses] == [1, "two", None]
    assert responses[0]["result"] == hex(CHAIN_ID)
    assert answer(chain, call) is None
    assert answer(chain, [call, call]) is None
    assert len(answer(chain, [call | {"id": 1}] * MAX_BATCH)) == MAX_BATCH
    assert answer(chain, [call | {"id": 1}] * (MAX_BATCH + 1))["error"]["code"] == -32600


def test_an_endless_loop_ends_at_the_gas_limit(chain):
    loop = "0x5b600056"
    refused = error(chain, "eth_call", {"input": loop, "gas": hex(GAS_LIMIT * 1000)})
    assert refused["code"] == -32000
    assert "gas" in refused["message"].lower()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10)
    | st.sampled_from(["latest", "0x0", "0x1", "0x", "0x" + "11" * 20, "0x" + "11" * 32, "0x" + "f" * 64]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["to", "from", "data", "input", "gas", "value", "fromBlock", "toBlock", "topics", "address",
                         "blockHash", "blockNumber"]),
        inner, max_size=4,
    ),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(method=st.sampled_from(sorted(METHODS)), params=st.lists(JSON, max_size=4))
def test_no_parameters_make_it_fail(chain, method, params):
    response = ask(chain, method, *params)
    assert "result" in response or response["error"]["code"] in (3, -32000, -32005, -32602)
    assert chain.height() == 0


def test_logs_of_many_blocks_are_found_without_reading_blocks(chain, contract, payer, monkeypatch):
    """One `eth_getLogs` over 600 blocks took four seconds, and everybody waited for it."""
    address, _, word = contract
    payer.nonce = 2
    result(chain, "eth_sendRawTransaction", "0x" + payer.sign(address, bytes.fromhex(word[2:])).hex())
    chain.mine(600)
    monkeypatch.setattr(chain, "header", None)
    monkeypatch.setattr(chain, "receipt", None)
    monkeypatch.setattr(chain, "block", None)
    logs = result(chain, "eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "address": address})
    assert [log["blockNumber"] for log in logs] == ["0x3", "0x5"]


def test_input_that_is_null_is_not_there(chain, contract):
    address, _, word = contract
    message = {"to": address, "data": word}
    for same in (message, message | {"input": None}, message | {"input": word}):
        assert result(chain, "eth_call", same) == word
    assert error(chain, "eth_call", message | {"input": "0x"})["code"] == -32602
