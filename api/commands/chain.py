"""`gram chain`: anchor, status, deploy, convict."""

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
    from api.services import running

    with running(settings_of(data, database=database, rpc=rpc, contract=contract), warn) as site:
        size = site.anchorer.anchor()
        site.anchorer.settle()
        said = "Nothing is published yet, so nothing is anchored." if size is None else f"Anchored: {size} leaves."
        out.print(said)


@chain_app.command()
def status(
    data: Data = DATA, database: Database = None, rpc: Rpc = None, contract: Contract = None, as_json: AsJson = False
) -> None:
    """Show what the contract holds: size, root, frontier and ended grams of the last anchored checkpoint."""
    from api.keys import payer
    from api.services import running

    with running(settings_of(data, database=database, rpc=rpc, contract=contract), warn) as site:
        head = site.client.head()
        said = {
            "chain": site.where.chain_id,
            "contract": site.where.contract,
            "payer": payer(site.folder.keys, site.settings.payer).address,
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
    from anchoring.log.sources import read_file
    from anchoring.monitor.evidence import MAX_EVIDENCE
    from anchoring.monitor.keeping import read_conviction

    chain_id, contract, size, accused, other = read_conviction(read_file(file, MAX_EVIDENCE))
    with AnchorClient(rpc, contract, chain_id=chain_id) as client:
        client.convict(size, accused, other, open_key(payer))
        verdict = client.verdict()
    rule = "no rule" if verdict is None else verdict.rule.name
    out.print(
        f"Convicted: leaf {accused.index} breaks {rule}. The contract takes no checkpoint any more.", markup=False
    )
