"""`gram demo`: the whole life of a gram on a file of rides, and the proofs of it checked from outside."""

import shlex
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from api.cli import DATA, Contract, Data, Database, Rpc, app, out, settings_of, warn

if TYPE_CHECKING:
    from api.demo import Story
    from api.installation.site import Site


@app.command()
def demo(
    rides: Annotated[
        Path | None,
        typer.Option("--rides", help="CSV of shared-bicycle rides; a synthetic sample without it.", show_default=False),
    ] = None,
    data: Data = DATA,
    database: Database = None,
    rpc: Rpc = None,
    contract: Contract = None,
) -> None:
    """Turn rides into reductions, points, a redemption, a return and a cancellation, anchored and audited.

    Everything is written to the data folder. The second time for the same file nothing is issued. The methodology
    is illustrative, and so is every result.

    A file of rides is CSV in UTF-8. Its first line names orderid, bikeid, userid, start_time, start_location_x,
    start_location_y, end_time, end_location_x, end_location_y, in any order; other columns are not used. Times are
    Beijing's, YYYY-MM-DD HH:MM; x is the longitude and y the latitude, in degrees. docs/rides.md says more.
    """
    from api.demo import check_file, sample_rides, tell_story, write_receipts
    from api.installation.services import running

    started = time.monotonic()
    if rides is not None:
        check_file(rides)
    settings = settings_of(data, database=database, rpc=rpc, contract=contract)
    with ExitStack() as stack:
        _step("Starting database and chain")
        site = stack.enter_context(running(settings, warn, create=True))
        if rides is None:
            rides = sample_rides(site.folder.path)
            _step(f"No --rides given: using the synthetic sample {rides}")
        story = tell_story(site, rides, _step)
        _step("Publishing and anchoring the log")
        site.publisher.publish()
        site.anchorer.anchor()
        site.anchorer.settle()
        receipts = write_receipts(site, story.shown)
        _step("Verifying the receipts, then auditing the whole log")
        good = _verified(site, receipts) and _audited(site)
        _print(site, story, receipts)
    out.print(f"Done in {time.monotonic() - started:.1f} s.")
    raise typer.Exit(0 if good else 1)


def _step(what: str) -> None:
    out.print(f"▸ {what}", markup=False)


def _verified(site: "Site", receipts: list[Path]) -> bool:
    from anchoring.trust.policy import k_of
    from anchoring.verify import Anchors, Outcome, verify_receipt

    anchors = Anchors(site.client.head().size, site.client.root_at)
    policy = k_of(signer["cosigner_vkey"] for signer in site.signers)
    vkey = site.log_signer.verifier.vkey
    good = True
    for file in receipts:
        done = verify_receipt(file.read_bytes(), vkey, policy, anchors)
        good &= done.outcome == Outcome.HOLDS
        held = sum(step.outcome == Outcome.HOLDS for step in done.steps)
        out.print(f"  {file.name}: {held} of {len(done.steps)} steps hold", markup=False)
    return good


def _audited(site: "Site") -> bool:
    from anchoring.auditing.audit import audit
    from anchoring.tree.sources import DirectorySource

    report = audit(DirectorySource(site.folder.log), site.log_signer.verifier.vkey, site.client)
    out.print(f"  {report.verdict}", markup=False)
    for fault in report.faults:
        out.print(f"  {fault}", markup=False)
    return report.holds


def _print(site: "Site", story: "Story", receipts: list[Path]) -> None:
    from api.ledger.views import PURPOSES
    from registry.ledger.publication import last_anchor, last_checkpoint
    from registry.ledger.totals import fold_all, totals

    with site.database.transaction() as tx:
        fold_all(tx)
        grams, checkpoint, anchor = totals(tx), last_checkpoint(tx), last_anchor(tx)
    table = Table(title="What happened 结果（示例方法学 illustrative methodology）", show_header=False)
    batch = story.report.batch
    table.add_row("rides in 骑行", str(batch.rows))
    table.add_row("accepted 接受", str(len(batch.accepted)))
    for reason, count in batch.rejected_by_reason().items():
        table.add_row(f"  rejected 拒绝: {reason}", str(count))
    for act, quantity in story.acts.items():
        table.add_row(f"{act} in this run", f"{quantity} g")
    table.add_section()
    table.add_row("issued so far 签发", f"{grams.issued_g} g")
    table.add_row("  now reductions 减排量", f"{grams.reduction_g} g")
    table.add_row("  now points 碳积分", f"{grams.points_g} g")
    for purpose, quantity in grams.ended_g.items():
        table.add_row(f"  ended 注销: {PURPOSES.get(purpose, 'expired')}", f"{quantity} g")
    table.add_section()
    if checkpoint is not None:
        table.add_row("leaves in the log 叶子", str(checkpoint.size))
    if anchor is not None:
        table.add_row("anchored size 锚定", f"{anchor.size}, block {anchor.block}, {anchor.gas or 'no new'} gas")
        table.add_row("state 状态", "final" if anchor.final_ms else "anchored")
    if story.bundle:
        table.add_row("bundle 汇集束", story.bundle)
    if story.certificate:
        table.add_row("certificate 证书", story.certificate)
    for whose, number in story.accounts.items():
        table.add_row(f"account of the {whose} 账户", str(number))
    out.print(table)
    if story.report.lot is None:
        out.print(
            "Nothing was issued: no ride stands that was not issued before. See the rejects for each row's reason."
        )
    print_files(site, story, receipts)


def print_files(site: "Site", story: "Story", receipts: list[Path]) -> None:
    """Print where the files are, and commands as a shell takes them, whatever the folder is called."""
    vkey = site.log_signer.verifier.vkey
    out.print("\nFiles", style="bold")
    for name, path in (("log", site.folder.log), ("rejects", story.rejects_file), *(("receipt", f) for f in receipts)):
        out.print(f"  {name:<8} {path}", markup=False)
    out.print("\nNext", style="bold")
    for words in (
        *(("verify", receipt, "--vkey", vkey) for receipt in receipts[-1:]),
        ("audit", "--log", site.folder.log, "--vkey", vkey),
        ("serve", "--data", site.folder.path),
    ):
        then = "   # then open http://127.0.0.1:8000" if words[0] == "serve" else ""
        line = shlex.join([".venv/bin/gram", *map(str, words)])
        out.print(f"  {line}{then}", markup=False)
