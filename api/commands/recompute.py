"""`gram recompute`: a lot from the file that it was issued for, or acts by a methodology, with each step."""

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import DATA, EXIT_FALSE, AsJson, Data, Database, app, out, settings_of, warn
from api.commands.methodology import read_input

if TYPE_CHECKING:
    from api.installation.settings import Settings
    from registry.issuance.recomputing import Recomputed
    from registry.methodologies.computing import Computed
    from registry.methodologies.record import Methodology

_INPUTS = (
    "With a lot, the file that it was issued for; without, acts: CSV with a column for each input, or JSON "
    '{"acts": [...], "attributes": {...}}.'
)
_LINES = "Of a lot: write the lines to this new file whose SHA-256 its decision publishes."


@app.command()
def recompute(
    inputs: Annotated[Path, typer.Option(help=_INPUTS)],
    lot: Annotated[
        int | None, typer.Argument(help="A lot of the registry of this data folder.", min=1, show_default=False)
    ] = None,
    methodology: Annotated[
        str | None,
        typer.Option(help="Without a lot: a code that ships, or a file.", show_default=False),
    ] = None,
    issued: Annotated[
        str | None, typer.Option(help="The day of issuance, such as 2026-11-28; without it, today.", show_default=False)
    ] = None,
    lines: Annotated[Path | None, typer.Option(help=_LINES, show_default=False)] = None,
    data: Data = DATA,
    database: Database = None,
    as_json: AsJson = False,
) -> None:
    """Compute again: a lot from the file that it was issued for, or acts by a methodology, with each step.

    Of a lot: whether the file comes to the published hash and grams, and which rows differ; exit code 1 when it does
    not. It takes the registry's data folder, for only accounts' keys tell the salts. Acts alone need no registry: GET
    /v1/methodologies/CODE gives the definition; save it as a file and name it here.
    """
    from registry.errors import Invalid

    if (lot is None) == (methodology is None):
        raise Invalid("Name a lot, or a methodology with --methodology.")
    if lot is not None:
        _recompute_lot(settings_of(data, database=database), lot, inputs, lines, as_json=as_json)
        return
    _recompute_acts(methodology or "", inputs, issued, as_json=as_json)


def _recompute_lot(settings: "Settings", lot: int, inputs: Path, lines: Path | None, *, as_json: bool) -> None:
    from contextlib import ExitStack

    import sqlalchemy as sa

    from api.operating.beside import beside
    from registry.database.engine import PATIENT
    from registry.issuance.recomputing import recompute_lot

    with ExitStack() as stack:
        site = stack.enter_context(beside(settings, warn)).site()
        tx = stack.enter_context(site.database.transaction())
        tx.execute(sa.text(PATIENT))
        kept = None if lines is None else stack.enter_context(open(lines, "xb", opener=_for_me_alone))
        found = recompute_lot(tx, site.ledger, lot, inputs, None if kept is None else kept.write)
    if as_json:
        out.lines(json.dumps(_lot_as_json(found), ensure_ascii=False, indent=2).split("\n"))
    else:
        out.lines(_lot_told(found))
    if not found.holds:
        raise typer.Exit(EXIT_FALSE)


def _recompute_acts(methodology: str, inputs: Path, issued: str | None, *, as_json: bool) -> None:
    from api.methodologies.shapes import Computation
    from registry.methodologies.computing import compute_again

    record = _named(methodology)
    acts, attributes = _acts(inputs)
    computation = compute_again(record, acts, attributes, _day(issued))
    if as_json:
        out.lines(
            json.dumps(Computation.of(computation).model_dump(mode="json"), ensure_ascii=False, indent=2).split("\n")
        )
        return
    out.lines([
        f"{record.key} version {record.version}, {record.status}, SHA-256 {computation.sha256.hex()}",
        f"{record.formula.zh}",
        f"{record.formula.en}",
    ])  # fmt: skip
    for result in computation.results:
        out.lines(_told(result))
    out.lines([f"Total 合计: {sum(result.grams for result in computation.results)} g"])


def _told(result: "Computed") -> list[str]:
    acts = ", ".join(str(place + 1) for place in result.acts[:8]) + (" …" if len(result.acts) > 8 else "")
    key = "".join(f" {name}={value}" for name, value in result.key.items())
    lines = ["", f"Act {acts}{key}: {result.grams} g{' (provisional 暂定)' if result.provisional else ''}"]
    if result.why is not None:
        lines += [f"  {result.reason}: {result.why.zh} {result.why.en}"]
    lines += [f"  {of.name} = {of.value} {of.unit}  ({of.certainty}: {of.source})" for of in result.parameters]
    lines += [f"  {step.name} = {step.value} {step.unit or ''}  <- {step.expression}" for step in result.steps]
    units = {step.name: step.unit or "" for step in result.steps}
    beside = result.benefits.items()
    return lines + [f"  beside 协同效益 {name} = {value} {units[name]}" for name, value in beside]


def _for_me_alone(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)


def _lot_told(found: "Recomputed") -> Iterator[str]:
    yield f"Lot {found.lot}, {found.methodology}, profile {found.profile}"
    yield f"Published 公示: {found.published_count} activities, {found.published_g} g, SHA-256 {found.published.hex()}"
    mine = f"{found.computed_count} activities, {found.computed_g} g, SHA-256 {found.computed.hex()}"
    yield f"By this file 按此文件: {mine}"
    if found.missing:
        yield f"{found.missing} activities of the lot do not stand in this file, or their account was erased since."
    if found.others:
        yield f"{found.others} rows that would stand by themselves were not issued in this lot."
    for one in found.differences:
        yield f"{one.reference}: {one.en} {one.zh}"
    if found.differing > len(found.differences):
        yield f"and {found.differing - len(found.differences)} more"
    if found.holds:
        yield "The lot is what the methodology makes of this file. 该批次与此文件按方法学核算的结果一致。"
    else:
        yield "The lot is not what the methodology makes of this file. 该批次与此文件按方法学核算的结果不一致。"


def _lot_as_json(found: "Recomputed") -> dict[str, Any]:
    return {
        "lot": found.lot,
        "holds": found.holds,
        "methodology": found.methodology,
        "profile": found.profile,
        "published": {
            "sha256": found.published.hex(), "quantity_g": found.published_g, "activities": found.published_count,
        },
        "computed": {
            "sha256": found.computed.hex(), "quantity_g": found.computed_g, "activities": found.computed_count,
        },
        "missing": found.missing,
        "others": found.others,
        "differing": found.differing,
        "differences": [one._asdict() for one in found.differences],
    }  # fmt: skip


def _named(methodology: str) -> "Methodology":
    """Find the methodology: a file's, in which a registry's answer may stand whole, or one that ships."""
    from registry.methodologies.record import parse
    from registry.methodologies.shelf import find

    path = Path(methodology)
    if not path.is_file():
        return find(methodology)
    data = read_input(path)
    try:
        answer = json.loads(data)
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict) and isinstance(answer.get("definition"), dict):
        data = json.dumps(answer["definition"], ensure_ascii=False).encode()
    return parse(data)


def _acts(path: Path) -> tuple[list[Mapping[str, str]], Mapping[str, Sequence[Mapping[str, str]]]]:
    from pydantic import ValidationError

    from api.methodologies.shapes import Asked
    from registry.errors import Invalid

    try:
        text = read_input(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(f"{path} is not UTF-8 text.") from None
    if not text.lstrip().startswith(("{", "[")):
        rows = csv.DictReader(io.StringIO(text), strict=True)
        try:
            return [{name: value for name, value in row.items() if name and value} for row in rows], {}
        except csv.Error as error:
            raise Invalid(f"{path}, line {rows.line_num}: {error}.") from None
    try:
        asked = Asked.model_validate_json(text if text.lstrip().startswith("{") else f'{{"acts": {text}}}')
    except ValidationError as error:
        first = error.errors()[0]
        raise Invalid(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
    return list(asked.acts), asked.attributes


def _day(text: str | None) -> "Any":
    from datetime import date

    from registry.clock import in_shanghai, system_clock
    from registry.errors import Invalid

    if text is None:
        return in_shanghai(system_clock()).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"--issued {text[:40]!r} is no date such as 2026-11-28.") from None
