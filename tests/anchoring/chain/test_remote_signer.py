"""A remote signer, honest and hostile, over real HTTP; and a contract that takes what it signed."""

import pytest

from anchoring.chain.client import AnchorClient
from anchoring.chain.keys import open_key
from anchoring.chain.signers import LocalKey
from anchoring.chain.transaction import decode
from anchoring.errors import Malformed, Refuted, Unreachable
from anchoring.signing import ORDER, address_of
from tests.support.web3signer import web3signer

KEY = bytes(range(1, 33))
OTHER = bytes(range(2, 34))
CHAIN = 0x6772616D
CONTRACT = "0x" + "11" * 20
CHECKPOINT = (CHAIN, CONTRACT, 2**64 - 1, b"\xaa" * 32, 2**63, 7)
FEES = ({"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9}, {"gasPrice": 10**9})


def transaction(**changes):
    asked = {"chainId": CHAIN, "nonce": 0, "gas": 21_000, "value": 0, "data": "0xbeef", "to": CONTRACT}
    return asked | FEES[0] | changes


@pytest.fixture
def signer():
    with web3signer([KEY], CHAIN) as running:
        yield running


@pytest.fixture
def remote(signer):
    return open_key(f"web3signer:{signer.url}#{address_of(KEY)}")


def test_it_signs_what_a_key_at_hand_signs(remote):
    local = LocalKey(KEY)
    assert remote.address == local.address
    assert remote.sign_checkpoint(*CHECKPOINT) == local.sign_checkpoint(*CHECKPOINT)
    assert remote.sign_transaction(transaction()) == local.sign_transaction(transaction())


@pytest.mark.parametrize("fees", FEES)
@pytest.mark.parametrize("to", [CONTRACT, None])
def test_every_kind_of_transaction_is_read_back(remote, fees, to):
    asked = {name: value for name, value in (transaction() | {"to": to}).items() if value is not None}
    asked = {name: value for name, value in asked.items() if not name.startswith("max")} | fees
    said = decode(remote.sign_transaction(asked))
    assert said == asked | {"to": to, "data": b"\xbe\xef", "from": remote.address}


def test_it_pays_and_signs_for_the_contract(signer, authorities, shared_chain, rpc_url):
    """Two authorities and the payer are at the signer; the contract takes what they signed."""
    signer.keys |= {address_of(key).lower(): key for key in (*authorities.keys, shared_chain.payer.key)}
    size, root, frontier, ended, proof, _ = authorities.checkpoint(0, 7)
    where = (authorities.chain_id, authorities.contract)
    signatures = [
        open_key(f"web3signer:{signer.url}#{address_of(key)}").sign_checkpoint(*where, size, root, frontier, ended)
        for key in authorities.keys[:2]
    ]
    payer = open_key(f"web3signer:{signer.url}#{shared_chain.payer.address}")
    with AnchorClient(rpc_url, authorities.contract) as client:
        client.anchor(size, root, frontier, ended, proof, signatures, payer)
        assert client.root_at(size) == root
    assert signer.asked == ["eth_signTypedData", "eth_signTypedData", "eth_signTransaction"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("to", "0x" + "22" * 20), ("value", hex(10**18)), ("nonce", "0x7"), ("data", "0xdead"), ("gas", hex(10**7)),
        ("maxFeePerGas", hex(10**15)), ("maxPriorityFeePerGas", "0x0"),
    ],
)  # fmt: skip
def test_another_transaction_than_was_asked_for_is_not_sent(signer, remote, field, value):
    def twist(request):
        return request | {"params": [request["params"][0] | {field: value}]}

    signer.twist = twist
    with pytest.raises(Refuted, match=f"differs in {field}. It is not sent"):
        remote.sign_transaction(transaction())


def test_a_transaction_for_another_chain_or_by_another_key_is_not_sent(signer, remote):
    signer.chain_id = 1
    with pytest.raises(Refuted, match="differs in chainId"):
        remote.sign_transaction(transaction())
    signer.chain_id, signer.keys = CHAIN, {remote.address.lower(): OTHER}
    with pytest.raises(Refuted, match="differs in from"):
        remote.sign_transaction(transaction())


def test_a_transaction_with_more_in_it_is_not_sent(signer, remote):
    """Other kinds, access lists, and bytes after the end."""
    plain = LocalKey(KEY).sign_transaction(transaction())
    listed = LocalKey(KEY).sign_transaction(
        transaction(accessList=[{"address": CONTRACT, "storageKeys": ["0x" + "00" * 32]}])
    )
    for raw in (listed, plain + b"\0", plain[:-1], b"\x01" + plain[1:], b"", b"\x02", b"\xc0", b"\x02\xc0"):
        signer.lie = lambda answer, raw=raw: answer | {"result": "0x" + raw.hex()}
        with pytest.raises(Refuted, match=r"no signed transaction|differs"):
            remote.sign_transaction(transaction())


def test_a_signature_of_something_else_is_not_used(signer, remote):
    honest = LocalKey(KEY).sign_checkpoint(*CHECKPOINT)
    high = honest[:32] + (ORDER - int.from_bytes(honest[32:64])).to_bytes(32) + bytes([55 - honest[64]])
    other = LocalKey(KEY).sign_checkpoint(*CHECKPOINT[:5], 8)
    stranger = LocalKey(OTHER).sign_checkpoint(*CHECKPOINT)
    for signature in (high, other, stranger, honest[:64], honest[:64] + b"\x00", b"", bytes(65)):
        signer.lie = lambda answer, signature=signature: answer | {"result": "0x" + signature.hex()}
        with pytest.raises(Refuted, match="no signature by"):
            remote.sign_checkpoint(*CHECKPOINT)


def test_what_it_refuses_is_told(remote, signer):
    signer.keys.clear()
    with pytest.raises(Unreachable, match=f"refuses for {remote.address}: From address does not match"):
        remote.sign_transaction(transaction())


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (b"", "no JSON"), (b"[]", "no JSON-RPC"), (b'{"result": 7}', "no hex data"),
        (b'{"result": "0xzz"}', "no hex data"),
        (b'{"result": "' + b"0x" + b"00" * 300_000 + b'"}', "more than|no hex data"),
        (b'{"error": {"code": 1, "message": "' + b"x" * 9_000 + b'"}}', "refuses for"),
        (b" " * (1 << 20), "more than"),
    ],
)  # fmt: skip
def test_a_signer_that_answers_nonsense(signer, remote, said, sentence):
    signer.lie = lambda _answer: said
    for ask in (lambda: remote.sign_checkpoint(*CHECKPOINT), lambda: remote.sign_transaction(transaction())):
        with pytest.raises(Unreachable, match=sentence) as caught:
            ask()
        assert len(str(caught.value)) < 400


def test_a_signer_that_is_down_names_no_secret():
    remote = open_key(f"web3signer:http://user:hunter2@127.0.0.1:9/way#{address_of(KEY)}")
    with pytest.raises(Unreachable, match=r"The signer at http://127\.0\.0\.1:9 cannot be reached") as caught:
        remote.sign_checkpoint(*CHECKPOINT)
    assert "hunter2" not in f"{caught.value} {remote!r}"


def test_what_is_no_checkpoint_is_not_asked_for(signer, remote):
    for changed in ((CHAIN, CONTRACT, 2**64, bytes(32), 0, 0), (CHAIN, CONTRACT, 1, b"", 0, 0)):
        with pytest.raises(Malformed):
            remote.sign_checkpoint(*changed)
    assert signer.asked == []
