"""`gram verify` and `gram audit`: what outsiders run. They need no data folder, and no trust in the operator."""

import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from api.cli import EXIT_FALSE, EXIT_NOT_CHECKED, AsJson, Contract, app, err, out, warn

if TYPE_CHECKING:
    from anchoring.auditing.audit import ChainView
    from anchoring.chain.client import AnchorClient
    from anchoring.state.verify import StateVerification
    from anchoring.tree.sources import Source
    from anchoring.verify import Verification

Vkey = Annotated[str, typer.Option("--vkey", help="The log's verifier key, from a source you trust: name+hash+key.")]
VkeyOrTrust = Annotated[
    str | None,
    typer.Option("--vkey", help="The log's verifier key, from a source you trust: name+hash+key.", show_default=False),
]
TrustFile = Annotated[
    Path | None,
    typer.Option(
        "--trust",
        help="Trust file (C2SP tlog-policy, #chain lines), from a source you trust: key, witnesses, quorum, chain.",
        show_default=False,
    ),
]
LeafAhead = Annotated[
    int, typer.Option("--ahead", help="How much later than its clock a witness lets a leaf be, in seconds.", min=0)
]
LeafBehind = Annotated[
    int, typer.Option("--behind", help="How much earlier than what came before it, in seconds.", min=0)
]
EveryState = Annotated[bool, typer.Option("--every-state", help="Check every record of the state, not only the last.")]
AuditState = Annotated[
    Path | None,
    typer.Option(
        "--state",
        help="Your own file: what was found is kept in it, and the next audit reads only what is new.",
        show_default=False,
    ),
]
Moves = Annotated[
    list[Path] | None,
    typer.Option(
        "--move",
        help="Proof of a move to another contract; repeat it, and --rpc, for each. --contract is the first.",
        show_default=False,
    ),
]
Processes = Annotated[
    int | None,
    typer.Option(
        "--processes", help="Processes; one for each processor by default.", show_default=False, min=1, max=256
    ),
]
ChainId = Annotated[
    int | None,
    typer.Option(
        help="The chain's id; any chain that --rpc leads to is believed without it.", show_default=False, min=1
    ),
]
ChainRpc = Annotated[
    list[str] | None,
    typer.Option("--rpc", help="JSON-RPC URL of the chain; repeated, the endpoints must agree.", show_default=False),
]


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A receipt, FILE.tlog-proof, or a state proof, FILE.state-proof.")],
    vkey: VkeyOrTrust = None,
    trust: TrustFile = None,
    rpc: ChainRpc = None,
    contract: Contract = None,
    chain_id: ChainId = None,
    cosigner: Annotated[
        list[str] | None, typer.Option(help="Verifier key of an authority that must have co-signed; repeat it.")
    ] = None,
    quorum: Annotated[
        int | None,
        typer.Option(help="How many of the cosigners given must have signed; more than half by default.", min=1),
    ] = None,
    grams: Annotated[
        str | None,
        typer.Option(help="Of a state proof: the grams one wants to know of, as SHCER-0-99.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check one receipt or state proof, step by step. Without --rpc it needs no network.

    A receipt proves that the movement is in the log whose key you gave, as the cosigners saw it and the chain holds it.
    It does not prove that the movement is lawful, or the last one of its grams. A state proof says what was the last
    one, at the size of the log it names; that this is what the leaves make, the cosigners checked, and `gram audit`
    does.
    """
    from anchoring.errors import Malformed
    from anchoring.state.proof import MAX_STATE_PROOF
    from anchoring.state.verify import is_state_proof, verify_state
    from anchoring.verify import Anchors, Outcome, verify_receipt
    from api.commands.states import read_grams
    from api.commands.trusted import Said, contracts_of, policy_of, read_trust, vkey_of

    asked = None if grams is None else read_grams(grams)
    with file.open("rb") as stream:
        data = stream.read(MAX_STATE_PROOF + 1)
    if asked is not None and not is_state_proof(data):
        raise Malformed("--grams is for state proofs; a receipt is of one movement.")
    said = Said(vkey, cosigner or (), quorum, rpc or (), contract, chain_id)
    believed = None if trust is None else read_trust(trust, said)
    with ExitStack() as stack:
        client = (
            _client(stack, rpc, contract, chain_id)
            if believed is None
            else stack.enter_context(contracts_of(believed, said.rpcs))
        )
        head = None if client is None else client.head()
        anchors = None if client is None or head is None else Anchors(head.size, client.root_at, head.broken)
        keys = (vkey_of(believed, vkey), policy_of(believed, said), anchors)
        done = verify_state(data, *keys, asked) if is_state_proof(data) else verify_receipt(data, *keys)
    out.lines([json.dumps(_verification(done))] if as_json else _steps(done))
    raise typer.Exit({Outcome.HOLDS: 0, Outcome.REFUTED: EXIT_FALSE}.get(done.outcome, EXIT_NOT_CHECKED))


_MARKS = {"holds": "✓", "refuted": "✗", "unchecked": "?", "another-log": "?", "not-asked": "–", "not-reached": "–"}
_VERDICTS = {
    "holds": "Proven: the movement is in this log.",
    "partly": "Proven in part: every step asked for holds, but not every one was asked for (–).",
    "refuted": "False: do not rely on this receipt.",
    "another-log": "Not checked: this receipt is of another log than the key's.",
    "unchecked": "Not proven: something could not be checked.",
}


def _steps(done: "Verification | StateVerification") -> list[str]:
    from anchoring.state.verify import StateVerification
    from api.commands import states

    lines = [
        f"{_MARKS[step.outcome]} {step.number} {step.title_en} {step.title_zh}: {step.detail}" for step in done.steps
    ]
    if isinstance(done, StateVerification):
        return [*lines, states.VERDICTS[_verdict(done)], *states.state_lines(done)]
    return [*lines, _VERDICTS[_verdict(done)]]


def _verdict(done: "Verification | StateVerification") -> str:
    from anchoring.verify import Outcome, is_whole

    return "partly" if done.outcome == Outcome.HOLDS and not is_whole(done.steps) else str(done.outcome)


def _verification(done: "Verification | StateVerification") -> dict[str, Any]:
    from anchoring.state.verify import StateVerification
    from anchoring.verify import is_whole
    from api.commands.states import state_json

    steps = [
        {"number": step.number, "title": step.title_en, "outcome": str(step.outcome), "detail": step.detail}
        for step in done.steps
    ]
    proven = state_json(done) if isinstance(done, StateVerification) else {}
    return {"outcome": str(done.outcome), "whole": is_whole(done.steps), "steps": steps, **proven}


@app.command()
def audit(
    log: Annotated[str, typer.Option("--log", help="URL of the log, or a folder with its static tree.")],
    vkey: VkeyOrTrust = None,
    trust: TrustFile = None,
    rpc: ChainRpc = None,
    contract: Contract = None,
    chain_id: ChainId = None,
    every_state: EveryState = False,
    state: AuditState = None,
    move: Moves = None,
    processes: Processes = None,
    ahead: LeafAhead = 60,
    behind: LeafBehind = 3600,
    as_json: AsJson = False,
) -> None:
    """Re-execute the whole log: every leaf, tile and root, every rule, every anchored size.

    Exits 1 when a fault is found, and names the first one by its leaf and its rule. It writes 88 bytes for every leaf,
    beside --state or else among the temporary files; memory, all processes together, stays under 250 bytes a leaf.
    """
    from anchoring.auditing.audit import Means
    from anchoring.auditing.audit import audit as run_audit
    from anchoring.errors import Malformed
    from api.commands.audit_lines import report_lines
    from api.commands.trusted import Said, contracts_of, read_trust, vkey_of
    from registry.procedure.clock import Bounds

    believed = None if trust is None else read_trust(trust, Said(vkey, (), None, rpc or (), contract, chain_id))
    if believed is not None and move:
        raise Malformed("--move and --trust are two ways to say where the log was moved; give one of them.")
    vkey = vkey_of(believed, vkey)
    with ExitStack() as stack:
        view: ChainView | None = (
            _view(stack, (rpc, contract, chain_id), move or [], vkey)
            if believed is None
            else stack.enter_context(contracts_of(believed, rpc or ()))
        )
        source, progress = open_source(stack, log), _progress(stack)
        means = Means(processes or os.cpu_count() or 1, state)
        policy = None if believed is None else believed.policy
        bounds = Bounds(ahead * 1000, behind * 1000)
        report = run_audit(source, vkey, view, progress, means, every_state=every_state, policy=policy, bounds=bounds)
    out.lines([json.dumps(report.to_json())] if as_json else report_lines(report))
    raise typer.Exit(0 if report.holds else EXIT_FALSE)


def _progress(stack: ExitStack) -> Callable[[int, int], None]:
    """Show how many leaves are done, of how many, where a person looks."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    task = stack.enter_context(bar).add_task("leaves", total=None)
    return lambda done, total: bar.update(task, completed=done, total=total)


def _view(
    stack: ExitStack, chain: tuple[list[str] | None, str | None, int | None], moves: list[Path], vkey: str
) -> "ChainView | None":
    """The contract, or the contracts that the log was anchored in one after another."""
    from anchoring.errors import Malformed

    rpc, contract, chain_id = chain
    if not moves:
        return _client(stack, rpc, contract, chain_id)
    from api.commands.moves import followed

    if not rpc or contract is None or chain_id is not None:
        raise Malformed("--move needs --rpc and --contract, the first one; the proofs name the chains' ids.")
    return stack.enter_context(followed(rpc, contract, moves, vkey))


def _client(
    stack: ExitStack, rpc: list[str] | None, contract: str | None, chain_id: int | None
) -> "AnchorClient | None":
    from anchoring.errors import Malformed

    if chain_id is not None and not rpc:
        raise Malformed("--chain-id is the id of the chain that --rpc leads to; give that too.")
    if (not rpc) != (contract is None):
        raise Malformed("--rpc and --contract belong together: the chain, and the address on it.")
    if not rpc or contract is None:
        return None
    from anchoring.chain.client import AnchorClient

    client = stack.enter_context(AnchorClient(rpc, contract, chain_id=chain_id))
    if chain_id is None:
        # A chain of the operator's own would agree with anything; only its id, from a source one trusts, tells.
        warn(
            f"The chain is not pinned: it says that it is chain {client.chain_id()}. Compare that, or give --chain-id."
        )
    return client


def open_source(stack: ExitStack, log: str) -> "Source":
    """Open a log by its URL, or in a folder."""
    from anchoring.tree.sources import DirectorySource, HttpSource

    if log.startswith(("http://", "https://")):
        return stack.enter_context(HttpSource(log))
    return DirectorySource(Path(log))
