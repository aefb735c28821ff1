"""A node is believed what k authorities signed, and nothing else; a lying one cannot make a registry stand still."""

import json

import pytest
from eth_hash.auto import keccak

from anchoring.chain.client import AnchorClient
from anchoring.errors import Refuted
from anchoring.merkle import EMPTY_ROOT
from anchoring.publishing.shown import known_to_chain
from anchoring.publishing.standing import Known
from anchoring.signing import address_of

SIZE, ROOT_AT = ("0x" + keccak(signature)[:4].hex() for signature in (b"size()", b"rootAt(uint64)"))
FALSE_SIZE, FALSE_ROOT = 7_000, b"\x66" * 32


@pytest.fixture
def addresses(authorities):
    return [address_of(key) for key in authorities.keys]


@pytest.fixture
def anchored(authorities, client, shared_chain):
    assert client.anchor(*authorities.checkpoint(0, 7), shared_chain.payer.signer).tx_hash
    return authorities.checkpoint(0, 7)


@pytest.fixture
def lying(playing, forward, rpc_url):
    """A node that puts other words into what the chain says: `changes` by method, given request and answer."""

    def start(**changes):
        def act(request):
            answer = forward(rpc_url, request)
            change = changes.get(request["method"])
            return json.dumps(change(request, answer) if change else answer).encode()

        return playing(act)

    return start


def known(authorities, rpc, addresses, threshold=2):
    with AnchorClient(rpc, authorities.contract, chain_id=authorities.chain_id) as client:
        return known_to_chain(client, authorities.chain_id, addresses, threshold)


def names_more(request, answer):
    """Answer `size()` and `rootAt` with a checkpoint that the contract never had."""
    data = request["params"][0]["data"]
    if data.startswith(SIZE):
        return answer | {"result": f"0x{FALSE_SIZE:064x}"}
    return answer | {"result": "0x" + FALSE_ROOT.hex()} if data.startswith(ROOT_AT) else answer


def its_event(_request, answer):
    """Show the true event with the false size and root in it."""
    for log in answer["result"]:
        log["topics"][1] = f"0x{FALSE_SIZE:064x}"
        log["data"] = "0x" + FALSE_ROOT.hex() + log["data"][66:]
    return answer


def false_data(_request, answer):
    """Show a transaction whose data says the false size and root, with the true signatures."""
    sent = answer["result"]["input"]
    return answer | {
        "result": answer["result"] | {"input": f"{sent[:10]}{FALSE_SIZE:064x}{FALSE_ROOT.hex()}{sent[138:]}"}
    }


def test_what_two_of_three_signed_is_believed(authorities, anchored, addresses, rpc_url):
    assert known(authorities, rpc_url, addresses) == Known("The chain", 7, anchored[1])


def test_nothing_anchored_is_nothing(authorities, addresses, rpc_url):
    assert known(authorities, rpc_url, addresses) == Known("The chain", 0, EMPTY_ROOT)


@pytest.mark.usefixtures("anchored")
def test_a_size_that_the_contract_never_had_is_not_believed(authorities, addresses, lying):
    """A registry that took it waited for good for a recovery that nobody could give it."""
    lies = (
        {"eth_call": names_more},
        {"eth_call": names_more, "eth_getLogs": its_event},
        {"eth_call": names_more, "eth_getLogs": its_event, "eth_getTransactionByHash": false_data},
    )
    for lie in lies:
        with pytest.raises(Refuted, match=f"{FALSE_SIZE} leaves .* signatures of 0 authorities .* not believed"):
            known(authorities, lying(**lie), addresses)


@pytest.mark.usefixtures("anchored")
def test_signatures_of_others_or_too_few_count_for_nothing(authorities, addresses, rpc_url, lying):
    with pytest.raises(Refuted, match="signatures of 1 authorities"):
        known(authorities, rpc_url, [addresses[0], addresses[2]])
    with pytest.raises(Refuted, match="signatures of 0 authorities"):
        known(authorities, lying(eth_getTransactionByHash=lambda _, answer: answer | {"result": None}), addresses)


@pytest.mark.usefixtures("anchored")
def test_an_anchor_sent_through_a_contract_of_somebodys_own_is_found(authorities, anchored, addresses, lying):
    def wrapped(_request, answer):
        sent = answer["result"]["input"]
        return answer | {"result": answer["result"] | {"input": "0x12345678" + "00" * 64 + sent[2:] + "00" * 28}}

    assert known(authorities, lying(eth_getTransactionByHash=wrapped), addresses).root == anchored[1]
