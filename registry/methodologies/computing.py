"""One act computed again, with all that it rests on: inputs, each parameter's value and source, each step (R64)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final

from registry.engine.acts import read_act, read_attributes, said
from registry.engine.definition import Parameter, Selection, Text, Value, decimal
from registry.engine.examples import shown_step
from registry.engine.finding import Flaw
from registry.engine.reference import Outcome, Reference, in_force
from registry.engine.resolving import is_dated
from registry.engine.typed import ROW, Kind, Program
from registry.engine.units import said as unit_said
from registry.errors import ActUnsound
from registry.methodologies.record import Methodology, digest, program

MAX_ACTS: Final = 500
"""Acts or readings of one computation; a month of quarter-hours is more than a person checks by hand."""

REASONS: Final = {
    "nothing": Text("算不出数值：有输入缺失。", "It has no value: something that it needs is missing."),
    "no-reduction": Text("不足一克。", "It comes to less than a gram."),
    "too-large": Text("大得不可能是真的。", "It is more than any act could save."),
}


@dataclass(frozen=True, slots=True)
class StepValue:
    """What a step came to: exactly, as a decimal or a fraction, in its unit; `nothing` where it has no value."""

    name: str
    value: str
    unit: str | None
    text: Text
    expression: str


@dataclass(frozen=True, slots=True)
class Used:
    """A parameter as it counted: its value, unit, source and how sure that is."""

    name: str
    value: str
    unit: str
    selection: str
    source: str
    certainty: str
    text: Text


@dataclass(frozen=True, slots=True)
class Computed:
    """What came of one act or group of acts. `acts` are the places of its acts among those that were given."""

    key: Mapping[str, str]
    acts: tuple[int, ...]
    grams: int
    reason: str | None
    why: Text | None
    provisional: bool
    parameters: tuple[Used, ...]
    steps: tuple[StepValue, ...]
    benefits: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Computation:
    """A computation, and by which version of which methodology."""

    methodology: Methodology
    sha256: bytes
    issued: date
    results: tuple[Computed, ...]


def compute_again(
    methodology: Methodology,
    acts: Sequence[Mapping[str, str]],
    attributes: Mapping[str, Sequence[Mapping[str, str]]],
    issued: date,
) -> Computation:
    """Compute acts by exact fractions. Raises `ActUnsound` for an act that is not what the methodology asks for."""
    if not 0 < len(acts) <= MAX_ACTS:
        raise ActUnsound(f"Give 1 to {MAX_ACTS} acts; these are {len(acts)}.")
    running = program(methodology)
    read = []
    for place, act in enumerate(acts):
        try:
            read.append(read_act(running, act))
        except Flaw as flaw:
            raise ActUnsound(f"acts.{place}: {flaw.en} {flaw.zh}") from None
    try:
        reference = Reference(running, read, issued, read_attributes(running, attributes))
    except Flaw as flaw:
        raise ActUnsound(f"{flaw.en} {flaw.zh}") from None
    results = tuple(_computed(running, reference, outcome) for outcome in reference.outcomes())
    return Computation(methodology, digest(methodology), issued, results)


def _computed(running: Program, reference: Reference, outcome: Outcome) -> Computed:
    definition = running.definition
    keys = running.grains.keys.get(running.per, ())
    requirements = {requirement.name: requirement.text for requirement in definition.requirements}
    expressions = {step.name: step.expression for step in definition.steps}
    expressions |= {requirement.name: requirement.expression for requirement in definition.requirements}
    steps = [
        StepValue(
            column.name,
            shown_step(running, column.name, outcome),
            None if column.type.unit is None else unit_said(column.type.unit),
            column.text,
            expressions[column.name],
        )
        for column in running.columns
        if column.name in outcome.steps
    ]
    return Computed(
        key={name: said(outcome.steps[name], running.kinds[name]) or "" for name in keys},
        acts=outcome.rows,
        grams=outcome.grams,
        reason=outcome.reason,
        why=None if outcome.reason is None else requirements.get(outcome.reason) or REASONS[outcome.reason],
        provisional=outcome.provisional,
        parameters=tuple(_used(running, reference, outcome)),
        steps=tuple(steps),
        benefits={name: "nothing" if of is None else said(of, "number") or "" for name, of in outcome.benefits.items()},
    )


def _used(running: Program, reference: Reference, outcome: Outcome) -> list[Used]:
    """Give each parameter with the value that counted; with all where the acts of a result have several days."""
    return [
        Used(
            parameter.name,
            said(decimal(value.value), "number") or "",
            parameter.unit,
            str(parameter.selection),
            value.source,
            str(value.certainty),
            parameter.text,
        )
        for parameter in running.definition.parameters
        for value in _values(running, reference, outcome, parameter)
    ]


def _values(running: Program, reference: Reference, outcome: Outcome, parameter: Parameter) -> list[Value]:
    if not is_dated(parameter) or parameter.selection is not Selection.AT_ACT:
        one = in_force(parameter, None, reference.issued)
        return [] if one is None else [one]
    days = {_day(running, reference, row) for row in outcome.rows}
    found = [in_force(parameter, day, reference.issued) for day in sorted(days)]
    return list(dict.fromkeys(value for value in found if value is not None))


def _day(running: Program, reference: Reference, row: int) -> Fraction:
    """Give the day of an act: of its moment, of its day, or of the period that groups go by."""
    act = running.definition.act
    if act is None:
        act = running.grains.period(running.per, running.kinds) if running.per != ROW else None
    value = reference.values[act or ""][row]
    if not isinstance(value, Fraction):
        raise TypeError("what dates an act is a moment or a day")
    return reference.day(value) if running.kinds[act or ""] is Kind.TIME else value
