"""The chain itself, opened in this process."""

import sqlite3

import pytest

from anchoring.chain.embedded import CHAIN_ID, GAS_LIMIT
from anchoring.chain.embedded_calls import Message, Refused, Reverted
from anchoring.errors import Malformed, Unreachable
from anchoring.signing import address_bytes, checksummed


def test_a_transaction_gets_a_block_and_the_blocks_that_make_it_final(open_chain, payer, init_code):
    chain = open_chain(final_depth=3)
    tx_hash = chain.send_raw(payer.sign(None, init_code))
    receipt = chain.receipt(tx_hash)
    assert (receipt["status"], receipt["block_number"], chain.height()) == (1, 1, 4)


def test_an_opened_chain_continues(open_chain, payer, init_code):
    chain = open_chain()
    created = chain.receipt(chain.send_raw(payer.sign(None, init_code)))["contract_address"]
    payer.nonce = 1
    word = b"\x2a".rjust(32, b"\0")
    before = chain.height()
    called = chain.send_raw(payer.sign(checksummed(created), word))
    chain.close()

    again = open_chain()
    assert again.height() == before + 2
    assert again.storage(created, 0, again.height()) == 42
    assert again.storage(created, 0, before) == 0
    assert again.receipt(called)["logs"][0]["data"] == word
    assert again.nonce(address_bytes(payer.address), again.height()) == 2


@pytest.mark.parametrize("at_ms", [[5_000] * 9, [9_000, 8_000, 7_000, 6_000, 5_000, 4_000, 3_000, 2_000]])
def test_block_times_grow_though_the_clock_stands_or_goes_back(open_chain, at_ms):
    chain = open_chain(iter(at_ms).__next__)
    chain.mine(6)
    times = [chain.block(number)["timestamp"] for number in range(7)]
    assert times == list(range(times[0], times[0] + 7))


def test_block_times_follow_the_clock(open_chain):
    chain = open_chain(iter([1_000_000, 2_000_999, 3_000_000]).__next__)
    chain.mine(2)
    assert [chain.block(number)["timestamp"] for number in range(3)] == [1_000, 2_000, 3_000]


def test_a_step_that_fails_half_way_leaves_nothing(open_chain, payer, init_code):
    chain = open_chain(iter([1_000, 2_000]).__next__)  # the clock fails before the second block of the step
    with pytest.raises(StopIteration):
        chain.send_raw(payer.sign(None, init_code))
    assert (chain.height(), chain.nonce(address_bytes(payer.address), 0)) == (0, 0)
    chain.close()

    again = open_chain()
    assert again.height() == 0
    again.send_raw(payer.sign(None, init_code))
    assert again.height() == 2


def test_a_full_disk_is_told_and_loses_nothing(chain, payer, init_code):
    """SQLite's own limit of pages stands for the disk: the same error, SQLITE_FULL, at the same place."""
    disk = chain._store._connection
    (pages,) = disk.execute("PRAGMA page_count").fetchone()
    disk.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(Refused, match="database or disk is full"):
        chain.mine(60)
    assert chain.height() == 0
    disk.execute("PRAGMA max_page_count=1000000")
    assert chain.receipt(chain.send_raw(payer.sign(None, init_code)))["status"] == 1
    assert chain.height() == 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"chainId": 1}, "chain id"),
        ({"nonce": 5}, "nonce too high"),
        ({"gas": GAS_LIMIT + 1}, "exceeds gas limit"),
        ({"gas": 21_000}, "intrinsic gas too low"),
        ({"maxFeePerGas": 1, "maxPriorityFeePerGas": 1}, "fee|price"),
        ({"value": 10**30}, "funds|balance|value"),
    ],
)
def test_a_transaction_it_does_not_take_changes_nothing(chain, payer, init_code, changes, reason):
    with pytest.raises(Refused, match=reason):
        chain.send_raw(payer.sign(None, init_code, **changes))
    assert chain.height() == 0


@pytest.mark.parametrize(
    "raw", [b"", b"\0", b"\x02", b"\x02\xc0", b"\xc0", b"\x03" * 50, b"\xff" * 200, bytes(200_000)]
)
def test_bytes_that_are_no_transaction_are_refused(chain, raw):
    with pytest.raises(Refused):
        chain.send_raw(raw)


def test_the_same_transaction_twice_is_already_known(chain, payer, init_code):
    raw = payer.sign(None, init_code)
    chain.send_raw(raw)
    with pytest.raises(Refused, match="already known"):
        chain.send_raw(raw)
    with pytest.raises(Refused, match="nonce too low"):
        chain.send_raw(payer.sign(None, init_code, gas=299_999))


def test_a_legacy_transaction_is_taken_and_one_without_chain_id_is_not(chain, payer, init_code):
    assert chain.receipt(chain.send_raw(payer.sign_legacy(None, init_code)))["status"] == 1
    payer.nonce = 1
    with pytest.raises(Refused, match="chain id"):
        chain.send_raw(payer.sign_legacy(None, init_code, chainId=None))


def test_a_reverted_call_gives_the_contracts_data(chain, payer, init_code):
    created = chain.receipt(chain.send_raw(payer.sign(None, init_code)))["contract_address"]
    empty = Message(bytes(20), created, b"", 0, GAS_LIMIT)
    for run in (chain.call, chain.estimate):
        with pytest.raises(Reverted) as caught:
            run(empty, chain.height())
        assert caught.value.data == bytes.fromhex("deadbeef")


def test_an_estimate_suffices_and_is_not_far_above_what_is_used(chain, payer, init_code):
    message = Message(address_bytes(payer.address), b"", init_code, 0, GAS_LIMIT)
    gas = chain.estimate(message, 0)
    used = chain.receipt(chain.send_raw(payer.sign(None, init_code, gas=gas)))
    assert used["status"] == 1
    assert used["gas_used"] <= gas <= used["gas_used"] * 11 // 10


def test_only_the_given_address_holds_ether_and_only_at_genesis(open_chain, payer):
    chain = open_chain()
    assert chain.balance(address_bytes(payer.address), 0) == 10**24
    assert chain.balance(address_bytes("0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"), 0) == 0  # key 1
    assert chain.block(0)["number"] == 0
    assert int.from_bytes(b"gram") == CHAIN_ID


def test_a_file_that_is_no_chain_is_malformed(open_chain, tmp_path):
    (tmp_path / "state.db").write_bytes(b"no database at all, but long enough to be looked at" * 40)
    with pytest.raises(Malformed, match="not the state of an embedded chain"):
        open_chain()


def test_a_chain_of_another_format_is_malformed(open_chain, tmp_path):
    open_chain().close()
    with sqlite3.connect(tmp_path / "state.db") as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(Malformed, match="format 99; this program reads format 2"):
        open_chain()


def test_a_folder_that_is_missing_is_unreachable(open_chain, tmp_path):
    tmp_path.rmdir()
    with pytest.raises(Unreachable, match="cannot be opened"):
        open_chain()
