"""`gram chain`: anchor, status, deploy, move, verify-move, convict."""

import json
from pathlib import Path
from typing import Annotated

import typer

from api.cli import DATA, AsJson, Contract, Data, Database, Rpc, chain_app, out, settings_of, warn

PayerKey = Annotated[
    str, typer.Option("--payer", help="The key that pays: file:PATH, keystore:PATH or web3signer:URL#ADDRESS.")
]


@chain_app.command()
def anchor(data: Data = DATA, database: Database = None, rpc: Rpc = None, contract: Contract = None) -> None:
    """Anchor the last published checkpoint, once. `gram serve` does it by itself."""
    from anchoring.errors import NotYet
    from api.installation.services import running

    with running(settings_of(data, database=database, rpc=rpc, contract=contract), warn) as site:
        size = site.anchorer.anchor()
        site.anchorer.settle()
    if size is None:
        raise NotYet("Nothing is published yet, so nothing is anchored.")
    out.print(f"Anchored: {size} leaves.")


@chain_app.command()
def status(data: Data = DATA, rpc: Rpc = None, contract: Contract = None, as_json: AsJson = False) -> None:
    """Show what the contract holds: size, root, frontier and ended grams of the last anchored checkpoint.

    It reads the chain only, beside the registry while that runs.
    """
    from api.installation.keys import payer
    from api.operating.beside import beside

    settings = settings_of(data, rpc=rpc, contract=contract)
    with beside(settings, warn) as at:
        client = at.contract()
        head = client.head()
        said = {
            "chain": client.chain_id(),
            "contract": client.address,
            "payer": payer(at.folder.keys, settings.payer).address,
            "block": head.block_number,
            "size": head.size,
            "root": head.root.hex(),
            "frontier_g": head.frontier,
            "ended_g": head.ended,
            "broken": head.broken,
        }
    if as_json:
        out.print(json.dumps(said), markup=False)
        return
    for name, value in said.items():
        out.print(f"{name:<10} {value}", markup=False)


@chain_app.command()
def deploy(
    rpc: Annotated[str, typer.Option("--rpc", help="JSON-RPC URL of the chain; several with commas between.")],
    payer: PayerKey,
    signer: Annotated[list[str], typer.Option("--signer", help="Address of an authority; repeat it for each.")],
    threshold: Annotated[int, typer.Option("--threshold", help="How many of them must sign a checkpoint.", min=1)],
    plan: Annotated[Path, typer.Option("--plan", help="File that keeps what was begun, so that it is done once.")],
) -> None:
    """Create the contract for these authorities, once: the same again, after a crash too, finds it.

    It prints the address, for GRAMLEDGER_CONTRACT. The authorities compare it with what they sign for.
    """
    from anchoring.chain.client import deploy as create
    from anchoring.chain.keys import open_key
    from contracts import artifact

    pays = open_key(payer)
    address = create(rpc.split(","), pays, signer, threshold, artifact(), plan=plan)
    out.print(address, markup=False)


@chain_app.command()
def move(
    to_contract: Annotated[
        str, typer.Option("--to-contract", help="Address of the new contract (`gram chain deploy`).")
    ],
    to_rpc: Annotated[
        str | None, typer.Option("--to-rpc", help="JSON-RPC URL of its chain; the same chain when not given.")
    ] = None,
    data: Data = DATA,
    database: Database = None,
    rpc: Rpc = None,
) -> None:
    """Let the log go on in another contract, with a proof that it is the same log. Stop `gram serve` first.

    What was done before is found, so the same again goes on where it stopped.
    """
    from api.installation import moving
    from api.installation.services import running

    with running(settings_of(data, database=database, rpc=rpc), warn) as site:
        urls = site.where.rpc_urls if to_rpc is None else tuple(to_rpc.split(","))
        path = moving.move(site, urls, to_contract, lambda sentence: out.print(sentence, markup=False))
    out.print(f"Moved. The proof is {path}; give it to everybody who follows this log.", markup=False)
    if to_rpc is not None:
        out.print("From now on the registry is started with the new chain's --rpc.", markup=False)


@chain_app.command("verify-move")
def verify_move(
    file: Annotated[Path, typer.Argument(help="The proof of a move.")],
    vkey: Annotated[str, typer.Option("--vkey", help="The log's verifier key, from a source you trust.")],
    rpc: Annotated[
        list[str] | None, typer.Option("--rpc", help="JSON-RPC URL of either chain; repeat it.", show_default=False)
    ] = None,
) -> None:
    """Check that a contract goes on with the log that another one held: offline, and at each chain given by --rpc."""
    from anchoring.moves import proof
    from anchoring.tree.sources import read_file
    from api.commands.moves import contracts_at

    proven = proof.verify_move(read_file(file, proof.MAX_BYTES), vkey)
    moved = proven.move
    ends = [(moved.from_chain_id, moved.from_contract), (moved.to_chain_id, moved.to_contract)]
    out.print(f"Leaf {proven.index} records the move of one log from {ends[0][1]} to {ends[1][1]}.", markup=False)
    with contracts_at(rpc or [], ends) as clients:
        for number, client in enumerate(clients):
            if client is not None:
                proof.check_contract(proven, client, is_old=number == 0)
    asked = sum(client is not None for client in clients)
    out.print(f"Proven, and {asked} of the 2 contracts hold what it says.", markup=False)


@chain_app.command()
def convict(
    file: Annotated[Path, typer.Argument(help="A file convict-LEAF.json that `gram monitor` wrote.")],
    rpc: Annotated[str, typer.Option("--rpc", help="JSON-RPC URL of the chain that the file names.")],
    payer: PayerKey,
) -> None:
    """Send the two leaves that prove a broken rule; the contract then takes no checkpoint any more, for good.

    The call is made anew from the leaves, after a look whether they break a rule: a false file costs nothing.
    """
    from anchoring.chain.client import AnchorClient
    from anchoring.chain.keys import open_key
    from anchoring.monitor.evidence import MAX_EVIDENCE
    from anchoring.monitor.keeping import read_conviction
    from anchoring.tree.sources import read_file

    chain_id, contract, size, accused, other = read_conviction(read_file(file, MAX_EVIDENCE))
    with AnchorClient(rpc, contract, chain_id=chain_id) as client:
        client.convict(size, accused, other, open_key(payer))
        verdict = client.verdict()
    rule = "no rule" if verdict is None else verdict.rule.name
    out.print(
        f"Convicted: leaf {accused.index} breaks {rule}. The contract takes no checkpoint any more.", markup=False
    )
