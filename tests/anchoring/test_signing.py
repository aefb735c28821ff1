import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import given, settings
from hypothesis import strategies as st

from anchoring.errors import Malformed
from anchoring.signing import (
    address_bytes,
    address_of,
    checkpoint_digest,
    checksummed,
    generate_key,
    sign_checkpoint,
    signer_of,
)

UINT64 = st.integers(0, 2**64 - 1)
KEYS = st.integers(1, 2**255).map(lambda number: number.to_bytes(32))


@settings(max_examples=20)
@given(KEYS, st.integers(0, 2**63), st.binary(min_size=20, max_size=20), UINT64, st.binary(min_size=32, max_size=32))
def test_signs_what_eth_account_signs(key, chain_id, contract, size, root):
    typed = encode_typed_data(
        {"name": "Gramledger", "version": "1", "chainId": chain_id, "verifyingContract": checksummed(contract)},
        {
            "Checkpoint": [
                {"name": "size", "type": "uint64"},
                {"name": "root", "type": "bytes32"},
                {"name": "frontier", "type": "uint64"},
                {"name": "ended", "type": "uint64"},
            ]
        },
        {"size": size, "root": root, "frontier": 2**64 - 1, "ended": size},
    )
    expected = bytes(Account.sign_message(typed, key).signature)
    checkpoint = (chain_id, checksummed(contract), size, root, 2**64 - 1, size)
    assert sign_checkpoint(key, *checkpoint) == expected
    assert signer_of(expected, *checkpoint) == Account.from_key(key).address


def test_any_change_of_the_checkpoint_is_another_signer():
    key = generate_key()
    contract, other = checksummed(bytes(19) + b"\1"), checksummed(bytes(19) + b"\2")
    signature = sign_checkpoint(key, 5, contract, 1, b"r" * 32, 2, 3)
    assert signer_of(signature, 5, contract, 1, b"r" * 32, 2, 3) == address_of(key)
    for changed in (
        (6, contract, 1, b"r" * 32, 2, 3),
        (5, other, 1, b"r" * 32, 2, 3),
        (5, contract, 2, b"r" * 32, 2, 3),
        (5, contract, 1, b"s" * 32, 2, 3),
        (5, contract, 1, b"r" * 32, 3, 3),
        (5, contract, 1, b"r" * 32, 2, 4),
    ):
        assert signer_of(signature, *changed) != address_of(key)


@given(st.binary(max_size=70))
def test_bytes_that_are_no_signature_have_no_signer(junk):
    found = signer_of(junk, 1, checksummed(bytes(20)), 1, bytes(32), 0, 0)
    assert found is None or (len(junk) == 65 and found.startswith("0x"))


@settings(max_examples=30)
@given(KEYS)
def test_addresses_are_those_of_eth_account(key):
    assert address_of(key) == Account.from_key(key).address
    assert checksummed(address_bytes(address_of(key))) == address_of(key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x",
        "0x12",
        "0x" + "g" * 40,
        "0x" + "1" * 41,
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
        "0x" + " 1" * 20,
    ],
)
def test_what_is_no_address_is_malformed(text):
    with pytest.raises(Malformed, match="address"):
        address_bytes(text)


@pytest.mark.parametrize("key", [b"", bytes(32), b"\xff" * 32, b"\1" * 31])
def test_what_is_no_key_is_malformed(key):
    with pytest.raises(Malformed, match="private key"):
        address_of(key)


@pytest.mark.parametrize(("size", "root"), [(-1, bytes(32)), (2**64, bytes(32)), (1, bytes(31))])
def test_a_checkpoint_out_of_range_is_malformed(size, root):
    with pytest.raises(Malformed, match="checkpoint"):
        checkpoint_digest(1, checksummed(bytes(20)), size, root, 0, 0)
