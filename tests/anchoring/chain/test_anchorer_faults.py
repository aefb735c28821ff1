"""The chain's rows of docs/faults.md: each write of the anchorer fails, is carried out unheard, or hangs."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from anchoring.chain.anchorer import Anchorer
from anchoring.chain.client import AnchorClient, Patience
from anchoring.chain.journal import DatabaseJournal
from anchoring.errors import AnchoringError
from registry.database.engine import Database
from registry.errors import RegistryError
from tests.anchoring.chain.conftest import Payer
from tests.support.anchored import AnchoredLog
from tests.support.anvil import Anvil, anvil
from tests.support.faulty_wire import Fault, FaultyWire, to_postgres

DEPTH = 2
QUICK = Patience(wait_seconds=20, stuck_seconds=0.6)


@pytest.fixture(scope="module")
def node() -> Iterator[Anvil]:
    with anvil() as running:
        yield running


@pytest.fixture
def log(scheme, tmp_path, node) -> Iterator[AnchoredLog]:
    payer = Payer()
    node.fund(payer.address)
    log = AnchoredLog(scheme, tmp_path / "log", node.url, payer, DEPTH)
    with log.client:
        yield log


def through(log: AnchoredLog, url: str, transaction, read_seconds: float = 10) -> Anchorer:
    """Another process's anchorer, on its own way to chain and database."""
    journal = DatabaseJournal(transaction)
    client = AnchorClient(url, log.client.address, journal=journal, patience=QUICK, read_seconds=read_seconds)
    return replace(log.anchorer, client=client, transaction=transaction)


def anchored_once(log: AnchoredLog, node: Anvil, size: int, before: int) -> None:
    """Whatever happened: the next round ends with one transaction, which the database knows by its hash."""
    assert log.anchorer.anchor() == size
    log.anchorer.settle()
    assert log.client.head().size == size
    assert node.count(log.payer.address) == before + 1
    with log.scheme.database.transaction() as tx:
        rows = tx.exec_driver_sql("SELECT transaction, block FROM anchors ORDER BY size DESC LIMIT 1").all()
    [(transaction, block)] = rows
    receipt = node.ask("eth_getTransactionReceipt", transaction)
    assert (int(receipt["status"], 16), int(receipt["blockNumber"], 16)) == (1, block)


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
def test_the_transaction_is_sent(log, node, fault):
    size, before = log.grow(), node.count(log.payer.address)
    where = urlsplit(node.url)
    with FaultyWire(lambda: socket.create_connection((where.hostname, where.port)), b"eth_sendRawTransaction") as wire:
        wire.fail(1, fault)
        faulted = through(log, f"http://127.0.0.1:{wire.port}", log.scheme.database.transaction, 1.5)
        assert faulted.anchor() == size
        assert wire.struck.is_set()
        wire.release()
        faulted.client.close()
    anchored_once(log, node, size, before)


@pytest.fixture
def wire(scheme) -> Iterator[FaultyWire]:
    with FaultyWire(to_postgres(scheme.database.url.query["host"], 5432), b"COMMIT") as made:
        yield made


@pytest.fixture
def wired(log, node, scheme, wire) -> Iterator[Anchorer]:
    """An anchorer whose database is at the other end of the wire."""
    url = scheme.database.url.set(drivername="postgresql", host="127.0.0.1", port=wire.port, query={})
    database = Database(url.render_as_string(hide_password=False), pool_size=1)
    anchorer = through(log, node.url, database.transaction)
    yield anchorer
    anchorer.client.close()
    database.close()


def struck(run, wire: FaultyWire, nth: int, fault: Fault) -> bool:
    """Run with the `nth` commit at fault, in a thread that may hang until the answer is let go; whether it was met."""
    wire.fail(nth, fault)

    def attempt():
        with contextlib.suppress(AnchoringError, RegistryError):
            run()

    thread = threading.Thread(target=attempt)
    thread.start()
    while thread.is_alive() and not wire.struck.is_set():
        thread.join(0.02)
    if fault is not Fault.TIMED_OUT:
        thread.join()
    wire.release()
    thread.join()
    return wire.struck.wait(0.3)  # the wire tells a moment after it cut


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
def test_what_was_sent_and_the_anchor_are_noted(log, node, wired, wire, fault):
    """Each commit of an anchoring: before it is sent, and after the chain has it."""
    nth = 0
    while True:
        nth += 1
        size, before = log.grow(), node.count(log.payer.address)
        met = struck(wired.anchor, wire, nth, fault)
        anchored_once(log, node, size, before)
        if not met:
            break
    assert nth > 4


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
def test_the_final_is_noted(log, node, wired, wire, fault):
    log.grow()
    log.anchorer.anchor()
    node.mine(DEPTH)
    assert struck(wired.settle, wire, 3, fault), "after what is open, and the last final"
    log.anchorer.settle()
    assert list(log.anchors().values()) == [True]


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name.lower())
def test_what_a_reorganisation_took_is_forgotten(log, node, wired, wire, fault):
    size = log.grow()
    log.anchorer.anchor()
    node.ask("anvil_reorg", 1, [])
    assert log.client.root_at(size) is None
    assert struck(wired.settle, wire, 3, fault)
    log.anchorer.settle()
    assert log.anchors() == {}
    assert log.anchorer.anchor() == size
    assert log.client.root_at(size)
