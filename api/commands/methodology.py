"""`gram methodology` and `gram recompute`: a methodology's text checked, and an act computed again."""

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import EXIT_FALSE, AsJson, app, methodology_app, out

if TYPE_CHECKING:
    from registry.methodologies.computing import Computed
    from registry.methodologies.record import Methodology

Key = Annotated[str, typer.Argument(help="A methodology's code, or its id such as shared-bicycle.")]
MAX_INPUT_BYTES = 4_000_000
"""Of a file of acts."""


@methodology_app.command("check")
def check_file(
    file: Annotated[Path, typer.Argument(help="The methodology's text: JSON, as docs/methodologies.md says.")],
    as_json: AsJson = False,
) -> None:
    """Tell an author what is wrong with a methodology, line by line; exit code 1 when something is.

    Names, units, circles, what may be zero or too large, and the worked examples, by exact fractions and on DuckDB. The
    registry runs them on PostgreSQL too before it publishes.
    """
    from registry.engine.examples import failing
    from registry.engine.lines import read_located
    from registry.errors import MethodologyUnsound
    from registry.methodologies.record import parse, program

    data = _read(file)
    try:
        methodology = parse(data)
        findings: Sequence[Any] = failing(program(methodology), read_located(data), ("computation",))
    except MethodologyUnsound as error:
        findings = error.findings
    if as_json:
        listed = [{name: getattr(one, name) for name in ("line", "path", "code", "zh", "en")} for one in findings]
        out.lines(json.dumps(listed, ensure_ascii=False, indent=2).split("\n"))
    for one in () if as_json else findings:
        out.lines([f"{file}:{one.line}: {one.path}: {one.code}", f"    {one.zh}", f"    {one.en}"])
    if findings:
        raise typer.Exit(EXIT_FALSE)
    if not as_json:
        examples = len(methodology.computation.examples)
        out.lines([f"Good: {methodology.key} version {methodology.version}, {examples} examples come out to the gram."])


@methodology_app.command("list")
def list_shipped(as_json: AsJson = False) -> None:
    """List the methodologies that ship with the program."""
    from registry.methodologies.record import digest
    from registry.methodologies.shelf import shipped

    if as_json:
        listed = [
            {"code": one.code, "id": one.id, "version": one.version, "status": one.status, "sha256": digest(one).hex()}
            for one in shipped()
        ]
        out.lines(json.dumps(listed, ensure_ascii=False, indent=2).split("\n"))
        return
    for one in shipped():
        out.lines([f"{one.code or '-':<18}  {one.id} v{one.version}  {one.status}  {one.name.zh} {one.name.en}"])


@methodology_app.command()
def show(key: Key, as_json: AsJson = False) -> None:
    """Show a methodology that ships: inputs, parameters with their sources, and steps."""
    from registry.methodologies.record import to_document
    from registry.methodologies.shelf import find

    methodology = find(key)
    if as_json:
        out.lines(json.dumps(to_document(methodology), ensure_ascii=False, indent=2).split("\n"))
    else:
        out.lines(_described(methodology))


@app.command()
def recompute(
    methodology: Annotated[str, typer.Option(help="A code or id that ships, or the file of a definition.")],
    inputs: Annotated[
        Path, typer.Option(help='Acts: CSV with a column for each input, or JSON {"acts": [...], "attributes": {...}}.')
    ],
    issued: Annotated[
        str | None, typer.Option(help="The day of issuance, such as 2026-11-28; without it, today.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compute acts again: grams, with every parameter, its source, and each step. Needs no registry.

    GET /v1/methodologies/CODE of a registry gives the definition that it publishes; save it as a file and name it here.
    """
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
    return lines + [f"  beside 协同效益 {name} = {value}" for name, value in result.benefits.items()]


def _described(methodology: "Methodology") -> list[str]:
    computation = methodology.computation
    head = f"{methodology.key} version {methodology.version}, {methodology.status}"
    lines = [head, f"{methodology.name.zh} {methodology.name.en}", methodology.formula.zh, methodology.formula.en]
    lines += ["", "Inputs 输入"]
    for one in computation.inputs:
        unit = f" [{one.unit}]" if one.unit else ""
        lines.append(f"  {one.name}{unit}  {one.text.zh} {one.text.en}")
    lines += ["", "Parameters 参数"]
    for parameter in computation.parameters:
        for value in parameter.values:
            since = f" from {value.in_force}" if value.in_force else ""
            number = f"{value.value} {parameter.unit}{since}"
            lines.append(f"  {parameter.name} = {number}  ({value.certainty}: {value.source})")
        lines += [f"    beside it 并列: {value.value}  ({value.source})" for value in parameter.beside]
    lines += ["", "Steps 步骤"]
    columns = [(step.name, step.per, step.expression) for step in computation.steps]
    columns += [(required.name, required.per, required.expression) for required in computation.requirements]
    lines += [f"  {name}{f' per {per}' if per else ''} = {expression}" for name, per, expression in columns]
    return [*lines, "", f"Output 结果: {computation.output}, in whole grams, rounded down once"]


def _named(methodology: str) -> "Methodology":
    """Find the methodology: a file's, in which a registry's answer may stand whole, or one that ships."""
    from registry.methodologies.record import parse
    from registry.methodologies.shelf import find

    path = Path(methodology)
    if not path.is_file():
        return find(methodology)
    data = _read(path)
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
        text = _read(path).decode("utf-8-sig")
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


def _read(path: Path) -> bytes:
    """Read a file, or stdin for `-`, up to what any of ours has."""
    from registry.errors import Invalid

    if str(path) == "-":
        data = sys.stdin.buffer.read(MAX_INPUT_BYTES + 1)
    else:
        with path.open("rb") as stream:
            data = stream.read(MAX_INPUT_BYTES + 1)
    if len(data) > MAX_INPUT_BYTES:
        raise Invalid(f"{path} has more than {MAX_INPUT_BYTES} bytes.")
    return data
