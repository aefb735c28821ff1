"""The page for authors names all that a text may say, and each word that is said of it."""

import dataclasses
import re

from registry.engine.definition import Definition
from registry.engine.finding import TEXTS
from registry.engine.resolving import FUNCTIONS
from registry.engine.units import unit
from tests.support.docs_pages import page

TEXT = page("methodologies.md")
SIGNS = {"+", "-", "*", "/", "=", "!=", "<", "<=", ">", ">=", "and", "or", "not", "if", "negative"}


def test_every_member_function_and_code_is_named():
    members = {field.name for field in dataclasses.fields(Definition)}
    assert {name for name in members if f"| `{name}` |" not in TEXT} == set()
    assert {name for name in FUNCTIONS - SIGNS if f"`{name}(" not in TEXT} == set()
    assert {code for code, said in TEXTS.items() if f"| `{code}` | {said['zh']} {said['en']} |" not in TEXT} == set()


def test_every_unit_that_is_named_is_one():
    named = re.findall(r"`(\w+)`", TEXT.partition("## Units")[2].partition("They are joined")[0])
    assert len(named) > 50
    assert all(unit(name) is not None for name in named)
