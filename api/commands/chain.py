"""`gram chain`: anchor, status."""

import json

from api.cli import DATA, AsJson, Contract, Data, Database, Rpc, chain_app, out, settings_of, warn


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
            "payer": payer(site.folder.keys).address,
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
