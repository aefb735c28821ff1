"""Who signed a transaction, as eth_account has it; and what nobody signed."""

import pytest
import rlp
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from anchoring.chain.transaction import decode
from anchoring.errors import Malformed
from anchoring.signing import ORDER
from tests.anchoring.chain.conftest import Payer

TO = "0x" + "11" * 20


@given(
    key=st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32)),
    nonce=st.integers(0, 2**64 - 2),
    data=st.binary(max_size=70),
    chain_id=st.integers(1, 2**40),
    is_legacy=st.booleans(),
    to=st.sampled_from([TO, None]),
)
def test_the_sender_is_whoever_signed(key, nonce, data, chain_id, is_legacy, to):
    payer = Payer(key, nonce)
    raw = (payer.sign_legacy if is_legacy else payer.sign)(to, data, chainId=chain_id)
    fields = decode(raw)
    assert fields["from"] == payer.address == Account.recover_transaction(raw)
    assert (fields["nonce"], fields["data"], fields["chainId"], fields["to"]) == (nonce, data, chain_id, to)


@pytest.mark.parametrize("is_legacy", [False, True])
@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (ORDER, 1), (1, ORDER), (2**256 - 1, 1), (5, 1)])
def test_what_nobody_signed_is_malformed(is_legacy, r, s):
    """5 is no x of a point of the curve."""
    raw = (Payer().sign_legacy if is_legacy else Payer().sign)(TO, b"")
    head, listed = (b"", rlp.decode(raw)) if is_legacy else (raw[:1], rlp.decode(raw[1:]))
    with pytest.raises(Malformed, match="no signed transaction"):
        decode(head + rlp.encode([*listed[:-2], r, s]))
