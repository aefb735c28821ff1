"""`gram methodology`: a methodology's text checked, and those that ship."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import EXIT_FALSE, AsJson, methodology_app, out

if TYPE_CHECKING:
    from collections.abc import Sequence

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

    data = read_input(file)
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
    lines += ["", f"Output 结果: {computation.output}, in whole grams, rounded down once"]
    texts = {step.name: step.text for step in computation.steps}
    beside = [texts[benefit.step] for benefit in computation.benefits]
    return lines + [f"Beside it, never traded 协同效益，不作交易: {text.zh} {text.en}" for text in beside]


def read_input(path: Path) -> bytes:
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
