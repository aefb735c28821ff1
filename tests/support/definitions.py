"""Definitions for tests: written short, and checked as an author's would be."""

import json
from datetime import date

from pydantic import TypeAdapter

from registry.engine.acts import read_act, read_attributes
from registry.engine.check import check
from registry.engine.definition import Definition
from registry.engine.lines import read_located
from registry.engine.running import by_engine, by_reference
from registry.engine.typed import Program

WORDS = {"zh": "甲", "en": "a"}
ISSUED = date(2026, 11, 1)
_DEFINITION = TypeAdapter(Definition)


def number(name, least="0", most="1000", decimals=0, unit="1", **more):
    return {
        "name": name,
        "type": "number",
        "unit": unit,
        "least": least,
        "most": most,
        "decimals": decimals,
        "text": WORDS,
        **more,
    }


def column(name, kind, **more):
    return {"name": name, "type": kind, "text": WORDS, **more}


def step(name, expression, unit=None, per=None):
    found = {"name": name, "expression": expression, "unit": unit, "per": per}
    return {key: value for key, value in found.items() if value is not None} | {"text": WORDS}


def requirement(name, expression, per=None):
    return step(name, expression, per=per)


def parameter(name, unit, *values, selection="at-act"):
    """`values` are `value` or `(value, in force from)` or `(value, in force from, published)`."""
    rows = [value if isinstance(value, tuple) else (value,) for value in values]
    named = [dict(zip(("value", "in_force", "published"), row, strict=False)) for row in rows]
    listed = [row | {"source": "a test", "certainty": "chosen"} for row in named]
    return {"name": name, "unit": unit, "text": WORDS, "values": listed, "selection": selection}


def table(name, rows, by=("number",), unit="1", *, curve=False):
    axes = [{"type": kind} for kind in by]
    listed = [{"at": list(at), "value": value} for *at, value in rows]
    more = {"text": WORDS, "source": "a test", "certainty": "chosen", "curve": curve}
    return {"name": name, "unit": unit, "by": axes, "rows": listed, **more}


def written(definition) -> bytes:
    """The text of a definition, a value a line."""
    return json.dumps(definition, indent=0, ensure_ascii=False).encode()


def checked(definition) -> Program:
    """Check a definition. Raises `MethodologyUnsound`."""
    data = written(definition)
    return check(_DEFINITION.validate_json(data), read_located(data))


def everywhere(program, acts, engines, attributes=None, issued=ISSUED):
    """Compute on all engines and by fractions; they must agree. Gives what came out."""
    read = [read_act(program, act) for act in acts]
    known = read_attributes(program, attributes or {})
    wanted = by_reference(program, read, issued, known)
    for engine in engines:
        assert by_engine(program, read, issued, known, engine) == wanted, engine.name
    return wanted
