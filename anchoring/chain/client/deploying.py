"""Creates the contract, once: a plan is kept, and whoever comes after a crash goes on with it.

A plan is a nonce of the payer, and the address follows from the two: under one nonce there is at most one contract.

| we crash | a second run |
|---|---|
| before the plan is kept | plans |
| before or after sending | sends under the planned nonce, which the chain takes once |
| after it is in a block | finds the contract at the planned address |
"""

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from anchoring.chain.agreement import Endpoints
from anchoring.chain.client.connection import Connection, encoded, from_hex, whole
from anchoring.chain.client.sending import Patience, Sender, Superseded
from anchoring.chain.journal import MemoryJournal
from anchoring.chain.signers import Payer
from anchoring.chain.transaction import created_address
from anchoring.errors import Malformed, Unreachable
from registry.clock import system_clock
from registry.keyfile import replace_file


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is created, by whom, under which nonce. `creation` is the hex SHA-256 of the code and its arguments."""

    chain_id: int
    payer: str
    nonce: int
    creation: str


def deploy(
    rpc: str | Sequence[str],
    payer: Payer,
    signers: Sequence[str],
    threshold: int,
    artifact: Mapping[str, Any],
    *,
    plan: Path | None = None,
    patience: Patience | None = None,
    clock: Callable[[], int] = system_clock,
) -> str:
    """Create the contract with these signers' addresses and `threshold` of them needed; its address.

    `plan` is a file in which the plan is kept, so that the same again, after whatever happened, creates nothing anew.
    Raises Refuted with the name of the constructor's error, Unreachable for a chain that does not answer.
    """
    with contextlib.closing(Connection(Endpoints(rpc), artifact["abi"])) as connection:
        factory = connection.web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
        with encoded("the constructor"):
            creation = from_hex(factory.constructor(list(signers), threshold).data_in_transaction)
        planned = _plan(connection, payer, creation, plan)
        address = created_address(planned.payer, planned.nonce)
        if _is_there(connection, address, artifact):
            return address
        sender = Sender(connection, MemoryJournal(), patience or Patience(), clock)
        with contextlib.suppress(Superseded):
            sender.send(payer, None, creation, purpose=sha256(creation).digest(), nonce=planned.nonce)
        if not _is_there(connection, address, artifact):
            raise Unreachable(
                f"There is no new contract at {address}, where nonce {planned.nonce} of {planned.payer} creates it: "
                "another transaction of that account came before. Try again."
            )
        return address


def _plan(connection: Connection, payer: Payer, creation: bytes, file: Path | None) -> _Plan:
    """The plan that was kept, if it is still to be carried out or was; a new one, kept, otherwise."""
    with connection.asked():
        chain_id = whole(connection.web3.eth.chain_id)
        nonce = whole(connection.web3.eth.get_transaction_count(cast("Any", payer.address)))
    planned = _Plan(chain_id, payer.address, nonce, sha256(creation).hexdigest())
    kept = None if file is None else _read(file)
    if kept is not None and asdict(kept) | {"nonce": nonce} == asdict(planned):
        with connection.asked():
            code = connection.web3.eth.get_code(cast("Any", created_address(kept.payer, kept.nonce)))
        if code or kept.nonce >= nonce:
            return kept
    if file is not None:
        replace_file(file, json.dumps(asdict(planned)).encode())
    return planned


def _is_there(connection: Connection, address: str, artifact: Mapping[str, Any]) -> bool:
    with connection.asked():
        return bytes(connection.web3.eth.get_code(cast("Any", address))) == from_hex(artifact["deployedBytecode"])


def _read(file: Path) -> _Plan | None:
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        return _Plan(int(said["chain_id"]), str(said["payer"]), int(said["nonce"]), str(said["creation"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Malformed(f"{file} is no plan of a deployment; if none was begun, take it away.") from error
