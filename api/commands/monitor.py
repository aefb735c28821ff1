"""`gram monitor` and `gram verify-evidence`: what anyone runs who wants a log followed, and not only checked once."""

import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import Contract, app, out, warn
from api.commands.check import TrustFile, Vkey

if TYPE_CHECKING:
    from anchoring.monitor.alerts import Alert
    from anchoring.monitor.config import Config
    from anchoring.monitor.follower import Standing
    from anchoring.monitor.service import Monitor, Outcome


@app.command()
def monitor(
    config: Annotated[
        Path | None, typer.Argument(help="TOML file that names the logs; or give one log by the options.")
    ] = None,
    log: Annotated[str | None, typer.Option("--log", help="URL of the log, or a folder.", show_default=False)] = None,
    vkey: Annotated[
        str | None, typer.Option("--vkey", help="The log's verifier key, from a source you trust.", show_default=False)
    ] = None,
    witness: Annotated[
        list[str] | None,
        typer.Option("--witness", help="A witness's vkey, a space, its URL; repeat it.", metavar="'VKEY URL'"),
    ] = None,
    rpc: Annotated[
        list[str] | None, typer.Option("--rpc", help="JSON-RPC URL of a node of the chain; repeat it.")
    ] = None,
    contract: Contract = None,
    chain_id: Annotated[int | None, typer.Option(help="The chain's id.", show_default=False)] = None,
    receipts: Annotated[
        Path | None, typer.Option("--receipts", help="Folder of receipts, to which more may be added.")
    ] = None,
    state: Annotated[
        Path, typer.Option("--state", help="Folder of what was seen, and of evidence; not with a file.")
    ] = Path("monitor"),
    trust: TrustFile = None,
    once: Annotated[
        bool, typer.Option("--once", help="One round; exit 0 fine, 1 proven false, 2 not checked or late.")
    ] = False,
    host: Annotated[str, typer.Option("--host", help="Address for /metrics and /healthz.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="0 takes a free one.", min=0, max=65535)] = 9464,
) -> None:
    """Follow logs, their witnesses and contracts from outside, and keep what proves a lie.

    It fetches every leaf and replays every rule, compares every checkpoint that it sees anywhere, looks after your
    receipts, and writes a ready transaction when two leaves convict the registry. Alerts are JSON lines on stderr.
    """
    from anchoring.monitor.service import Monitor, MonitorServer
    from registry.clock import system_clock

    one: dict[str, Any] = {"url": log, "vkey": vkey, "contract": contract, "chain_id": chain_id, "receipts": receipts}
    believed = _believed(trust, one, witness or [], rpc or [])
    chosen = _config(config, *(believed or (one, witness or [], rpc or [])), state)
    running = Monitor(chosen, system_clock, _Listener())
    if once:
        outcome = running.run_once()
        out.lines(_lines(outcome))
        raise typer.Exit(outcome.exit_code)
    _serve(running, MonitorServer(running, host, port))


def _believed(
    trust: Path | None, one: dict[str, Any], witnesses: list[str], rpcs: list[str]
) -> tuple[dict[str, Any], list[str], list[str]] | None:
    """Put what a trust file says in the options' place; witnesses given with a URL are the file's own, and keep it."""
    if trust is None:
        return None
    from api.commands.trusted import Said, read_trust

    vkeys = [witness.split(" ", 1)[0] for witness in witnesses]
    said = Said(one["vkey"], vkeys, None, rpcs, one["contract"], one["chain_id"])
    file = read_trust(trust, said, is_of_now=True)
    given = one | {"url": one["url"] or file.log.url, "vkey": file.log.verifier.vkey}
    for chain in file.chains:
        if nodes := list(chain.rpcs) or rpcs:
            given, rpcs = given | {"chain_id": chain.chain_id, "contract": chain.contract}, nodes
        else:
            warn(f"The chain is not asked: the trust file names no endpoint of chain {chain.chain_id}. Give --rpc.")
    at = dict(zip(vkeys, witnesses, strict=True))
    known = [(one.verifier.vkey, one.url) for one in file.policy.witnesses]
    return given, [at.get(vkey) or " ".join(filter(None, (vkey, url))) for vkey, url in known], rpcs


def _serve(running: "Monitor", server: Any) -> None:
    """Follow, and answer Prometheus, until a signal."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        out.print(f"Metrics are at {server.url}/metrics", markup=False)
        sys.stdout.flush()
        running.run(stop)
        server.shutdown()


def _config(file: Path | None, one: dict[str, Any], witnesses: list[str], rpcs: list[str], state: Path) -> "Config":
    """Read the file, or make a configuration of one log from the options."""
    from anchoring.errors import Malformed
    from anchoring.monitor.config import MAX_CONFIG, make_config, parse_config
    from anchoring.tree.sources import read_file

    given = {name: value for name, value in one.items() if value is not None}
    if file is not None:
        if given or witnesses or rpcs:
            raise Malformed("Give a configuration file or the options of one log, not both.")
        return parse_config(read_file(file, MAX_CONFIG), file.parent)
    if "url" not in given or "vkey" not in given:
        raise Malformed("Give a configuration file, or --log and --vkey.")
    pairs = [dict(zip(("vkey", "url"), witness.split(" ", 1), strict=False)) for witness in witnesses]
    return make_config({"state": state, "log": [{"name": "log", **given, "witnesses": pairs, "rpcs": rpcs}]})


def _lines(outcome: "Outcome") -> list[str]:
    """Write a round for a person."""
    lines = [line for standing in outcome.standings for line in _log_lines(standing)]
    lines += [f"? {name}: {sentence}" for name, sentence in sorted(outcome.failures.items())]
    verdicts = ("Everything holds.", "Proven false: see the evidence.", "Something could not be checked, or is late.")
    return [*lines, verdicts[outcome.exit_code]]


def _log_lines(standing: "Standing") -> list[str]:
    from anchoring.monitor.alerts import short_line

    anchored = "no chain asked" if standing.anchored is None else f"{standing.anchored} anchored"
    leaves = f"{standing.size} leaves, {standing.judged} of them judged lawful" if standing.size else "empty"
    lines = [f"{standing.name}: {leaves}, {anchored}"]
    lines += [f"  witness {short_line(name)}: cosigned {size}" for name, (size, _) in standing.witnesses.items()]
    count = standing.receipts
    lines += [f"  {count} receipt{'s'[: count != 1]} followed"] if count else []
    return lines + [f"  {'✗' if alert.is_refuted else '?'} {alert}" for alert in standing.alerts]


class _Listener:
    """Writes one JSON line for each thing worth knowing, on stderr; strangers' words only inside strings."""

    def __init__(self) -> None:
        import structlog

        self._log = structlog.wrap_logger(
            structlog.PrintLogger(sys.stderr),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper("iso"),
                structlog.processors.JSONRenderer(),
            ],
        )
        self._sizes: dict[str, int] = {}

    def alert(self, log: str, event: str, alert: "Alert") -> None:
        from anchoring.monitor.alerts import short_line

        level = self._log.error if alert.is_refuted else self._log.warning
        say = level if event == "began" else self._log.info
        say(
            f"alert-{event}",
            log=log,
            code=alert.code,
            subject=short_line(alert.subject),
            sentence=short_line(alert.sentence),
            is_refuted=alert.is_refuted,
        )

    def followed(self, standing: "Standing") -> None:
        if self._sizes.get(standing.name) != standing.size:
            self._sizes[standing.name] = standing.size
            self._log.info("followed", log=standing.name, size=standing.size, judged=standing.judged)

    def failed(self, log: str, sentence: str) -> None:
        self._log.error("round-failed", log=log, sentence=sentence)


@app.command(name="verify-evidence")
def verify_evidence(
    file: Annotated[Path, typer.Argument(help="A file from the evidence folder of a monitor.")], vkey: Vkey
) -> None:
    """Check evidence against a log, from nothing but the file and the log's key.

    Exits 0 when it proves what it says, 1 when it proves nothing, 2 when it cannot be read or takes more to check.
    """
    from anchoring.monitor.evidence import MAX_EVIDENCE
    from anchoring.monitor.evidence import verify_evidence as check
    from anchoring.tree.sources import read_file

    out.print(check(read_file(file, MAX_EVIDENCE), vkey), markup=False)
