"""`gram witness`: what each authority runs on its own machine, with its own key and state."""

import signal
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import Contract, app, out
from api.commands.check import LeafAhead, LeafBehind, TrustFile, VkeyOrTrust, open_source

if TYPE_CHECKING:
    from anchoring.witness.witness import WitnessKeys

MAX_KEY_FILE = 4096


@app.command()
def witness(
    log: Annotated[str, typer.Option("--log", help="URL of the log, or a folder with its static tree.")],
    state: Annotated[Path, typer.Option("--state", help="Folder of what this witness must never forget.")],
    key: Annotated[Path, typer.Option("--key", help="File with this witness's two secret keys.")],
    vkey: VkeyOrTrust = None,
    trust: TrustFile = None,
    new_key: Annotated[
        str | None,
        typer.Option("--new-key", help="Begin a new witness of this name: make its key and its state.", metavar="NAME"),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="0 takes a free one.", min=0, max=65535)] = 8100,
    chain_key: Annotated[
        str | None,
        typer.Option(
            "--chain-key", help="Who signs for the contract: file:, keystore: or web3signer:; --key's by default."
        ),
    ] = None,
    chain_id: Annotated[
        int | None, typer.Option("--chain-id", help="Sign checkpoints for the contract on this chain.", min=0)
    ] = None,
    contract: Contract = None,
    ahead: LeafAhead = 60,
    behind: LeafBehind = 3600,
) -> None:
    """Cosign a log's checkpoints, each only after every rule was replayed on every new leaf.

    It speaks C2SP tlog-witness. A state folder belongs to its key: a witness that lost its state begins anew with a new
    key, because with the old one it could cosign two histories.
    """
    from anchoring.chain.keys import open_key
    from anchoring.errors import Malformed
    from anchoring.signing import address_bytes
    from anchoring.trust.policy import log_key
    from anchoring.witness import witness as core
    from anchoring.witness.server import WitnessServer
    from anchoring.witness.state import WitnessState
    from api.commands.trusted import Said, read_trust, vkey_of
    from registry.clock import system_clock
    from registry.procedure.clock import Bounds

    said = Said(vkey, contract=contract, chain_id=chain_id)
    believed = None if trust is None else read_trust(trust, said, is_of_now=True)
    vkey = vkey_of(believed, vkey)
    if believed is not None and believed.chains:
        chain_id, contract = believed.chains[0].place
    if (chain_id is None) != (contract is None):
        raise Malformed("--chain-id and --contract belong together: the chain, and the address on it.")
    signs_for = None
    if chain_id is not None and contract is not None:
        address_bytes(contract)
        signs_for = core.Contract(chain_id, contract)
    verifier, bounds = log_key(vkey), Bounds(ahead * 1000, behind * 1000)
    if new_key is not None and key.exists():
        raise Malformed(f"--new-key: {key} is there already; a key is never replaced.")
    with ExitStack() as stack:
        opened = stack.enter_context(WitnessState(state, vkey, is_new=new_key is not None))
        keys = _read_keys(key) if new_key is None else _make_keys(key, new_key)
        if chain_key is not None:
            keys = replace(keys, chain=open_key(chain_key))
        source = open_source(stack, log)
        asked = core.Witness(opened, source, verifier, keys, system_clock, signs_for, bounds=bounds)
        running = stack.enter_context(closing(asked))
        server = stack.enter_context(WitnessServer(running, host, port, log_url=log))
        signal.signal(signal.SIGTERM, _terminate)
        out.print(f"vkey     {keys.signer.verifier.vkey}", markup=False)
        out.print(f"address  {keys.chain.address}", markup=False)
        out.print(f"cosigned {opened.head.tree.size}", markup=False)
        out.print(f"Listening on {server.url}", markup=False)
        server.serve_forever()


def _make_keys(path: Path, name: str) -> "WitnessKeys":
    """Make both keys in one new file of mode 600: a line for notes, a line for the chain."""
    from anchoring.chain.signers import LocalKey
    from anchoring.note import COSIGNATURE, make_signer
    from anchoring.signing import generate_key
    from anchoring.witness.witness import WitnessKeys
    from registry.keyfile import write_secret

    signer, chain_key = make_signer(name, COSIGNATURE), generate_key()
    write_secret(path, f"{signer.secret}\n{chain_key.hex()}\n".encode())
    return WitnessKeys(signer, LocalKey(chain_key))


def _read_keys(path: Path) -> "WitnessKeys":
    """Read both keys. Raises Malformed, never quoting them."""
    from anchoring.chain.signers import LocalKey
    from anchoring.errors import Malformed
    from anchoring.note import COSIGNATURE, parse_signer
    from anchoring.witness.witness import WitnessKeys

    with path.open("rb") as file:
        data = file.read(MAX_KEY_FILE)
    try:
        signer, chain_key = data.decode().split("\n")[:2]
        keys = WitnessKeys(parse_signer(signer), LocalKey(bytes.fromhex(chain_key)))
    except ValueError:
        raise Malformed(f"{path} does not hold the two lines of a witness's keys.") from None
    if keys.signer.key_type != COSIGNATURE:
        raise Malformed(f"{path} holds a log's key; a witness has one of type cosignature (0x04).")
    return keys


def _terminate(*_args: Any) -> None:
    raise SystemExit(0)
