"""One cause of a problem has one code, and every code that can be answered is listed and says what it means."""

import ast
import json
from collections import defaultdict
from functools import cache
from http import HTTPStatus
from pathlib import Path

import pytest

from anchoring.errors import AnchoringError
from api.door.causes import HTTP, causes
from api.door.problems import HTTP_PROBLEMS, TYPE_BASE
from registry.errors import RegistryError

ROOT = Path(__file__).parents[3]
SOURCES = [path for room in ("registry", "anchoring", "api") for path in (ROOT / room).rglob("*.py")]
SCHEMAS = json.loads((ROOT / "docs" / "openapi.json").read_text())["components"]["schemas"]
TYPE = SCHEMAS["Problem"]["properties"]["type"]


def below(base):
    return [kind for one in base.__subclasses__() for kind in (one, *below(one))]


def coded(base):
    ours = [kind for kind in below(base) if kind.__module__.startswith(("registry", "anchoring"))]
    return [kind for kind in ours if "code" in vars(kind)]


@cache
def nodes():
    """All of the sources that the tests ask for, each read once: its path, calls, raises and imports."""
    kinds = (ast.Call, ast.Raise, ast.ImportFrom)
    walked = ((path, ast.walk(ast.parse(path.read_text()))) for path in SOURCES)
    return [(path, [node for node in walk if isinstance(node, kinds)]) for path, walk in walked]


@cache
def called():
    """The arguments of every call in the sources, by the name of what is called."""
    by_name = defaultdict(list)
    for _, found in nodes():
        for node in found:
            if isinstance(node, ast.Call):
                by_name[getattr(node.func, "id", getattr(node.func, "attr", ""))].append(node.args)
    return by_name


def literals():
    """Codes that are written where a problem is answered, and not in a class."""
    said = [arg.value for name in ("problem", "_answer", "_refusal") for args in called()[name] for arg in args[:2]
            if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]  # fmt: skip
    return {*said, *(code for code, _ in HTTP_PROBLEMS.values())}


def test_every_code_is_listed_and_documented():
    listed = {name.removeprefix(TYPE_BASE) for name in TYPE["enum"]}
    assert listed == set(causes())
    assert {kind.code for base in (RegistryError, AnchoringError) for kind in coded(base)} <= listed
    assert literals() <= set(HTTP)
    for code, meaning in causes().items():
        assert meaning.endswith("."), code
        assert f"- `{code}`: {meaning}" in TYPE["description"]


def test_one_cause_has_one_code():
    of_classes = [kind.code for base in (RegistryError, AnchoringError) for kind in coded(base)]
    codes = [*of_classes, *HTTP]
    assert [code for code in codes if codes.count(code) > 1] == []


def test_one_code_has_one_status():
    """Of what answers with a code and a status side by side, and of the classes."""
    found = {kind.code: {kind.status} for kind in coded(RegistryError)}
    for status, (code, _) in HTTP_PROBLEMS.items():
        found.setdefault(code, set()).add(status)
    for name in ("problem", "_answer", "_refusal"):
        for args in called()[name]:
            said = [arg.value if isinstance(arg, ast.Constant) else _status(arg) for arg in args[:3]]
            codes = [one for one in said if isinstance(one, str)]
            statuses = [one for one in said if isinstance(one, int)]
            if codes and statuses:
                found.setdefault(codes[0], set()).update(statuses)
    assert {code: statuses for code, statuses in found.items() if len(statuses) > 1} == {}
    assert {"malformed", "unreadable-request", "busy", "timeout", "defect"} <= set(found)


def _status(of):
    """What `HTTPStatus.NAME` says."""
    return int(HTTPStatus[of.attr]) if isinstance(of, ast.Attribute) and hasattr(HTTPStatus, of.attr) else None


@pytest.mark.parametrize("base", [RegistryError, AnchoringError])
def test_what_has_no_code_is_never_raised(base):
    assert not hasattr(base, "code")
    for path, found in nodes():
        imports = [one for one in found if isinstance(one, ast.ImportFrom) and one.module == base.__module__]
        if any(name.name == base.__name__ for one in imports for name in one.names):
            raised = [one.exc for one in found if isinstance(one, ast.Raise) and one.exc is not None]
            assert not [one for one in raised if getattr(getattr(one, "func", one), "id", None) == base.__name__], path


def test_every_code_has_a_status_and_a_title():
    for kind in coded(RegistryError):
        assert 400 <= kind.status < 600, kind
        assert kind.title, kind
