"""Worked examples, run through the reference and on engines: what they say must come out, to the gram.

The engines are imported when they are run: an HTTP worker only shows what the reference computes.
"""

# mypy: disable-error-code="import-untyped"
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from registry.engine.acts import decimal_text, read_act, read_attributes, said
from registry.engine.definition import Example
from registry.engine.finding import Finding, Flaw, Path
from registry.engine.lines import Located
from registry.engine.reference import Outcome, Reference
from registry.engine.typed import Program

if TYPE_CHECKING:
    from ibis.backends import BaseBackend

MAX_ACTS = 500
"""Of one example: more is no example."""
REFERENCE = "exact fractions"


def failing(
    program: Program, located: Located, prefix: Path = (), engines: "Sequence[BaseBackend]" = ()
) -> list[Finding]:
    """Give what does not reproduce: by fractions, on DuckDB, and on the engines that are lent."""
    from registry.engine.backend import engine

    if not program.definition.examples:
        return [located.finding((*prefix, "examples"), Flaw("no-example"))]
    found = []
    with engine() as duckdb:
        for place, example in enumerate(program.definition.examples):
            path = (*prefix, "examples", place)
            try:
                found += [
                    located.finding((*path, *where), flaw)
                    for where, flaw in _faults(program, example, (duckdb, *engines))
                ]
            except Flaw as flaw:
                found.append(located.finding(path, Flaw("example", what_zh=flaw.zh, what=flaw.en)))
    return found


def _faults(program: Program, example: Example, engines: "Sequence[BaseBackend]") -> list[tuple[Path, Flaw]]:
    from registry.engine.running import by_engine

    if len(example.acts) > MAX_ACTS:
        raise Flaw("too-long", what="acts", size=len(example.acts), most=MAX_ACTS)
    acts = [read_act(program, act) for act in example.acts]
    attributes = read_attributes(program, example.attributes)
    outcomes = Reference(program, acts, example.issued, attributes).outcomes()
    found: list[tuple[Path, Flaw]] = []
    computed: Mapping[str, list[int]] = {REFERENCE: [outcome.grams for outcome in outcomes]} | {
        backend.name: [one.grams for one in by_engine(program, acts, example.issued, attributes, backend)]
        for backend in engines
    }
    for name, grams in computed.items():
        if [str(one) for one in grams] != list(example.grams):
            wanted, came = ", ".join(example.grams), ", ".join(map(str, grams))
            found.append((("grams",), Flaw("example-differs", wanted=wanted, engine=name, found=came)))
    return found + _wrong_steps(program, example, outcomes)


def _wrong_steps(program: Program, example: Example, outcomes: Sequence[Outcome]) -> list[tuple[Path, Flaw]]:
    found: list[tuple[Path, Flaw]] = []
    for name, values in example.steps.items():
        if name not in program.kinds or any(name not in outcome.steps for outcome in outcomes):
            found.append((("steps", name), Flaw("unknown-name", name=name, near="", near_en="")))
            continue
        came = [shown_step(program, name, outcome) for outcome in outcomes]
        if came != list(values):
            wanted, shown = ", ".join(values), ", ".join(came)
            found.append((("steps", name), Flaw("example-step", name=name, wanted=wanted, found=shown)))
    return found


def shown_step(program: Program, name: str, outcome: Outcome) -> str:
    """Write what a step came to, exactly, in the step's unit; `nothing` where it has no value."""
    value = outcome.steps[name]
    if isinstance(value, Fraction) and program.kinds[name] == "number":
        return decimal_text(value)
    return said(value, program.kinds[name]) or "nothing"
