"""`gram demo`: the whole life of a gram on a file of activities, and the proofs of it checked from outside."""

import json
import shlex
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    activities: Annotated[
        Path | None, typer.Option("--activities", help="A file of activities; needs --profile.", show_default=False)
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", help="How the file is read: see docs/activities.md.", show_default=False)
    ] = None,
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Where to write the closing table as JSON.", show_default=False)
    ] = None,
    data: Data = DATA,
    database: Database = None,
    rpc: Rpc = None,
    contract: Contract = None,
) -> None:
    """Turn a file of activities into reductions, points, a redemption, a return and a cancellation, all audited.

    Everything is written to the data folder. The second time for the same file nothing is issued. The methodology
    is illustrative, and so is every result; the people are synthetic, whoever the file names.

    --rides FILE is short for --activities FILE --profile shanghai-rides: CSV in UTF-8 whose first line names orderid,
    bikeid, userid, start_time, start_location_x, start_location_y, end_time, end_location_x, end_location_y, in any
    order; other columns are not used. docs/activities.md says more, and what the other profiles are.
    """
    from api.demo import RIDES, check_file, sample_rides, tell_story, write_receipts
    from api.installation.services import running

    started = time.monotonic()
    given = None
    if (activities is None) != (profile is None) or (activities is not None and rides is not None):
        raise typer.BadParameter("Give --activities and --profile together, or --rides alone.")
    if activities is not None or rides is not None:
        given = check_file(activities or rides, profile or RIDES)  # type: ignore[arg-type]  # one of them is there
    settings = settings_of(data, database=database, rpc=rpc, contract=contract)
    with ExitStack() as stack:
        _step("Starting database and chain")
        site = stack.enter_context(running(settings, warn, create=True))
        if given is None:
            given = sample_rides(site.folder.path)
            _step(f"No file given: using the synthetic sample {given.file}")
        story = tell_story(site, given, _step)
        _step("Publishing and anchoring the log")
        site.publisher.publish()
        site.anchorer.anchor()
        site.anchorer.settle()
        receipts = write_receipts(site, story.shown)
        _step("Verifying the receipts, then auditing the whole log")
        good = _verified(site, receipts) and _audited(site)
        _print(site, story, receipts)
    if as_json is not None:
        as_json.write_text(json.dumps(closing(story), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    out.print(f"Done in {time.monotonic() - started:.1f} s.")
    raise typer.Exit(0 if good else 1)


def closing(story: "Story") -> dict[str, Any]:
    """Give the closing table as JSON: rows in, accepted, refused and in quarantine by reason, and grams."""
    judged, lot = story.report.judged, story.report.lot
    return {
        "profile": judged.profile.id,
        "methodology": judged.profile.methodology,
        "illustrative": True,
        "input_sha256": judged.input_sha256.hex(),
        "rows": judged.rows,
        "accepted": judged.rows_accepted,
        "activities": len(judged.activities),
        "refused": judged.refused_by_reason(),
        "quarantined": judged.quarantined_by_reason(),
        "noticed": judged.noticed,
        "grams": 0 if lot is None else lot.last - lot.first,
    }


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
    from api.door.fields import PURPOSE_NAMES
    from registry.ledger.publication import last_anchor, last_checkpoint
    from registry.ledger.totals import fold_all, totals

    with site.database.transaction() as tx:
        fold_all(tx)
        grams, checkpoint, anchor = totals(tx), last_checkpoint(tx), last_anchor(tx)
    table = Table(title="What happened 结果（示例方法学 illustrative methodology）", show_header=False)
    for name, count in _judged_rows(story):
        table.add_row(name, count)
    for act, quantity in story.acts.items():
        table.add_row(f"{act} in this run", f"{quantity} g")
    table.add_section()
    table.add_row("issued so far 签发", f"{grams.issued_g} g")
    table.add_row("  now reductions 减排量", f"{grams.reduction_g} g")
    table.add_row("  now points 碳积分", f"{grams.points_g} g")
    for purpose, quantity in grams.ended_g.items():
        table.add_row(f"  ended 注销: {PURPOSE_NAMES.get(purpose, 'expired')}", f"{quantity} g")
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
            "Nothing was issued: nothing stands that was not issued before. See the rejects for each row's reason."
        )
    print_files(site, story, receipts)


def _judged_rows(story: "Story") -> list[tuple[str, str]]:
    judged = story.report.judged
    found = {"rows in 记录": judged.rows, "accepted 接受": judged.rows_accepted}
    if len(judged.activities) != judged.rows_accepted:
        found["  as activities 计为行为"] = len(judged.activities)
    refused, quarantined = judged.refused_by_reason(), judged.quarantined_by_reason()
    told = Counter(refused) + Counter(quarantined)
    beside = {reason: count for reason, count in judged.noticed.items() if count != told[reason]}
    for said, counts in (("refused 拒绝", refused), ("quarantined 隔离", quarantined), ("noticed 另见", beside)):
        found |= {f"  {said}: {reason}": count for reason, count in counts.items()}
    return [(name, str(count)) for name, count in found.items()]


def print_files(site: "Site", story: "Story", receipts: list[Path]) -> None:
    """Print where the files are, and commands as a shell takes them, whatever the folder is called."""
    vkey = site.log_signer.verifier.vkey
    out.print("\nFiles", style="bold")
    for name, path in (("log", site.folder.log), ("rejects", story.rejects_file), *(("receipt", f) for f in receipts)):
        out.print(f"  {name:<8} {path}", markup=False)
    out.print("\nNext", style="bold")
    lot = story.report.lot
    for words in (
        *(() if lot is None else (("trace", lot.first, "--data", site.folder.path),)),
        *(("verify", receipt, "--vkey", vkey) for receipt in receipts[-1:]),
        ("audit", "--log", site.folder.log, "--vkey", vkey),
        ("serve", "--data", site.folder.path),
    ):
        then = "   # then open http://127.0.0.1:8000" if words[0] == "serve" else ""
        line = shlex.join([".venv/bin/gram", *map(str, words)])
        out.print(f"  {line}{then}", markup=False)
