"""The committed OpenAPI document: fresh, complete, and true of the running server, which is fuzzed from it."""

import itertools
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from jsonschema_rs import Draft202012Validator
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.pytest.lazy import get_all_tests
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from api.door.causes import STATUSES, below
from api.door.problems import TYPE_BASE
from registry.errors import RegistryError
from registry.identity.roles import NUMBERED, OF_INSTITUTIONS, Role
from tests.support.declared import DOCUMENT, TYPES, undeclared
from tests.support.rest import Caller, authority, fresh_key, person_with

ROOT = Path(__file__).parents[3]
OPERATIONS = [
    (path, method, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
]
OF_LOG = {"not-yet-logged": 404, "unreachable": 503, "unreadable": 503, "refuted": 503}
STATUS_OF = {**STATUSES, **OF_LOG, **{kind.code: kind.status for kind in below(RegistryError)[1:]}}
PROBLEM_TYPES = DOCUMENT["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
CHECKS = [
    not_a_server_error,
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
]
schemathesis.serializer.alias(["application/jsonl", "application/x-ndjson"], "application/octet-stream")
described = schemathesis.openapi.from_dict(DOCUMENT)
narrowed = schemathesis.openapi.from_dict(DOCUMENT)
"""Without the cases that lie at each schema's bounds."""
narrowed.config.phases.coverage.enabled = False
bounded = settings(
    max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def test_the_document_is_fresh():
    command = [sys.executable, ROOT / "scripts" / "make-openapi", "--check"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


MAKES = ("/events", "/lists/{name}")
"""What is there for any name, or comes to be there."""
OBJECTS = "/objections"
"""The same words again are the same objection, whoever sends them."""
COMPUTES = "/computations"
"""Is a question, and keeps nothing."""


def test_every_operation_names_the_types_of_its_problems():
    assert len(OPERATIONS) > 100
    missing = {(method, path): unnamed(path, method, operation) for path, method, operation in OPERATIONS}
    assert {of: codes for of, codes in missing.items() if codes} == {}


def unnamed(path, method, operation):
    """The codes that an operation needs and does not name; what it names is held to what there is."""
    problems = {status: said for status, said in operation["responses"].items() if not status.startswith("2")}
    named = set()
    for status, said in problems.items():
        assert list(said["content"]) == ["application/problem+json"], (method, path)
        codes = [kind.removeprefix(TYPE_BASE) for kind in said[TYPES]]
        assert codes, (method, path, status)
        assert set(said[TYPES]) <= set(PROBLEM_TYPES), (method, path)
        assert {STATUS_OF[code] for code in codes} == {int(status)}, (method, path)
        named |= set(codes)
    needed = {"unreadable-request", "malformed", "unavailable", "busy"}
    needed |= {"unauthenticated", "token-expired", "issuer-unreachable"} if operation.get("security") else set()
    needed |= (
        {"forbidden", "no-role"} if operation.get("x-who-may", "whoever signed in") != "whoever signed in" else set()
    )
    if method == "post" and not path.endswith((COMPUTES, OBJECTS)):
        needed |= {"idempotency-key-missing", "idempotency-key-reused", "log-behind", "too-large"}
    needed |= {"unsupported-media-type"} if "requestBody" in operation else set()
    needed |= {"not-found"} if "{" in path and not path.endswith(MAKES) else set()
    return needed - named


def faults_of(told):
    """Which of the examples, by what they are of, their own schema refuses; judged as one object."""
    as_one = {of: {"items": schema} for of, (schema, _) in told.items()}
    judge = Draft202012Validator({"properties": as_one, "components": DOCUMENT["components"]}, validate_formats=True)
    found = judge.iter_errors({of: examples for of, (_, examples) in told.items()})
    return [f"{error.instance_path}: {error.message}" for error in found]


def test_every_field_says_what_it_is_with_an_example_that_it_takes():
    schemas = DOCUMENT["components"]["schemas"]
    fields = {f"{name}.{of}": said for name, one in schemas.items() for of, said in one.get("properties", {}).items()}
    assert len(fields) > 400
    assert [of for of, said in fields.items() if not (said.get("description") or "").endswith(".")] == []
    assert [of for of, said in fields.items() if not said.get("examples")] == []
    assert faults_of({of: (said, said["examples"]) for of, said in fields.items()}) == []
    assert [of for of, said in fields.items() if "enum" in said and "anyOf" in said] == [], "null is none of the words"


def test_every_parameter_says_what_it_is_with_an_example_that_it_takes():
    parameters = {
        f"{method} {path} {one['name']}": one for path, method, of in OPERATIONS for one in of.get("parameters", [])
    }
    assert [of for of, said in parameters.items() if not (said.get("description") or "").endswith(".")] == []
    assert [of for of, said in parameters.items() if not said["schema"].get("examples")] == []
    assert faults_of({of: (said["schema"], said["schema"]["examples"]) for of, said in parameters.items()}) == []


def test_whole_bodies_can_be_made_of_the_examples():
    """Every body and answer that is an object; a body of which a rule takes one field of several has one of its own."""
    schemas = {name: schema for name, schema in DOCUMENT["components"]["schemas"].items() if "properties" in schema}
    made = {
        name: {of: field["examples"][0] for of, field in schema["properties"].items()}
        for name, schema in schemas.items()
    }
    assert faults_of({name: (one, one.get("examples", [made[name]])) for name, one in schemas.items()}) == []


def test_every_operation_has_a_name_that_a_generated_client_can_use():
    """The name of what handles it. Clients call by it: it changes with them, and no path is in it."""
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(names)) == len(names)
    assert [name for name in names if re.fullmatch(r"[a-z]+(_[a-z]+){0,3}", name) is None] == []


def test_every_write_says_where_what_came_of_it_is_read():
    made = [(path, said["headers"]) for path, _, of in OPERATIONS for status, said in of["responses"].items()
            if status in ("201", "202")]  # fmt: skip
    assert len(made) > 10
    assert [path for path, headers in made if not headers["Location"]["required"]] == []


def test_every_shape_has_a_name_of_its_own():
    """Of two of one name FastAPI makes Name-Input and Name-Output, or a module's name; a client has one of them."""
    assert [name for name in DOCUMENT["components"]["schemas"] if re.fullmatch(r"[A-Z][A-Za-z]+", name) is None] == []


def test_every_media_type_has_a_schema():
    """Bodies and answers; of what has none, generated clients give nothing back."""
    for path, method, operation in OPERATIONS:
        shapes = [
            *operation["responses"].values(),
            *([operation["requestBody"]] if "requestBody" in operation else []),
        ]
        for shape in shapes:
            assert shape["content"], (path, method)
            assert all(told.get("schema") for told in shape["content"].values()), (path, method)


def test_no_range_of_grams_is_said_in_two_ways():
    """A serial names the last gram; everything else ends one past it, and says so by its name."""
    assert re.findall(r"\"last(?:_g)?\"", json.dumps(DOCUMENT)) == []


def test_every_write_takes_an_idempotency_key():
    for path, method, operation in OPERATIONS:
        names = {parameter["name"].lower() for parameter in operation.get("parameters", [])}
        assert ("idempotency-key" in names) == (method == "post" and not path.endswith((COMPUTES, OBJECTS)))


def test_words_that_become_public_are_said_to_be():
    schemas = DOCUMENT["components"]["schemas"]
    for word in ("beneficiary", "statement"):
        said = json.dumps(schemas["Cancellation"]["properties"][word])
        assert "PUBLIC: printed on the certificate" in said
    for act in ("Transfer", "Redemption"):
        assert "not to the public" in json.dumps(schemas[act]["properties"]["reference"])
    assert "public" in schemas["NewAccount"]["properties"]["name"]["description"]
    (cancel,) = (operation for path, _, operation in OPERATIONS if path.endswith("/cancellations"))
    assert "public" in cancel["description"]


@pytest.fixture(scope="module")
def people(live):
    account = live.institution()
    others = [Caller(live.url, live.token(role, account)) for role in sorted(OF_INSTITUTIONS | {Role.TRADER})]
    others += [authority(live, role) for role in sorted(NUMBERED - {Role.CENTRE})]
    others.append(Caller(live.url, live.site.development_issuer.token("of no role", int(time.time()))))
    centre = authority(live, "centre")
    return person_with(live, 10**9), itertools.cycle([one for other in others for one in (centre, other)])


EVERY = [(path, method) for path, method, _ in OPERATIONS]
# An erasure finds its own account, and all that follows is refused; what is nobody's own, everybody fuzzes.
OWN = [(path, method) for path, method in EVERY if "account_id" in path and not path.endswith("erasure")]


def fuzz(operation, send, of=described):
    """Send the cases of one operation, which are made here: to make all as tests are collected takes seconds."""
    path, method = operation
    one = of.include(path=path, method=method.upper())
    (made,) = get_all_tests(schema=one, test_func=send, settings=None, given_kwargs={})
    _, run = made.ok()
    run()


@pytest.mark.parametrize("operation", OWN, ids=" ".join)
def test_a_holder_fuzzes_what_is_theirs(live, people, operation):
    holder, _ = people

    @bounded
    def send(case):
        if "account_id" in case.path_parameters and not breaks(case, ParameterLocation.PATH):
            case.path_parameters["account_id"] = holder.account
            make_feasible(case)
        send_and_check(live, case, holder.token)

    fuzz(operation, send)


@pytest.mark.parametrize("operation", EVERY, ids=" ".join)
def test_everybody_fuzzes_everything(live, people, operation):
    """Each role in its turn, and who has none; the centre, which may most, every other time.

    The bounds of what is a holder's are gone through by the holder, who is heard.
    """
    _, callers = people

    @settings(bounded, max_examples=8)
    def send(case):
        send_and_check(live, case, next(callers).token)

    fuzz(operation, send, narrowed if operation in OWN else described)


def make_feasible(case: schemathesis.Case) -> None:
    """Half of the acts that are well formed ask for what the holder has, so that some are carried out."""
    quantity = case.body.get("quantity_g") if isinstance(case.body, dict) else None
    if quantity and not breaks(case, ParameterLocation.BODY) and quantity % 2:
        case.body = {name: value for name, value in case.body.items() if name != "serial"}
        case.body["quantity_g"] = quantity % 1000 + 1


def breaks(case: schemathesis.Case, where: ParameterLocation) -> bool:
    """Whether the case is meant to be wrong there."""
    made = case.meta and case.meta.components.get(where)
    return bool(made and made.mode.is_negative)


def send_and_check(live, case: schemathesis.Case, token: str) -> None:
    """Send a case, with a token and a new key unless its headers are meant to be wrong, and hold the answer to it."""
    headers = {}
    if not breaks(case, ParameterLocation.HEADER):
        headers["Authorization"] = f"Bearer {token}"
        if case.method == "POST":
            case.headers["idempotency-key"] = fresh_key()
    answer = case.call(base_url=live.url, headers=headers)
    case.validate_response(answer, checks=CHECKS)
    media_type = answer.headers.get("content-type", [""])[0].partition(";")[0]
    assert undeclared(case.method, case.formatted_path, answer.status_code, media_type, answer.content) is None
