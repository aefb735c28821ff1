"""The committed OpenAPI document: fresh, complete, and true of the running server, which is fuzzed from it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.support.rest import authority, fresh_key, person_with

ROOT = Path(__file__).parents[3]
DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text())
OPERATIONS = [
    (path, method, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
]
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
fuzzed = schemathesis.openapi.from_dict(DOCUMENT)
bounded = settings(
    max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def response_of(said):
    """What is said of a response, here or once for all."""
    return DOCUMENT["components"]["responses"][said["$ref"].rpartition("/")[2]] if "$ref" in said else said


def test_the_document_is_fresh():
    command = [sys.executable, ROOT / "scripts" / "make-openapi", "--check"]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


COMPUTES = "/computations"
"""Is a question, and keeps nothing."""
WITHOUT_DATABASE = {"/v1/about", "/v1/log/witnesses"}


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=[f"{m} {p}" for p, m, _ in OPERATIONS])
def test_every_operation_names_its_problems(path, method, operation):
    problems = {status: said for status, said in operation["responses"].items() if not status.startswith("2")}
    needed = (set() if path in WITHOUT_DATABASE else {"503"}) | ({"422"} if operation.get("parameters") else set())
    needed |= {"401", "403"} if operation.get("security") else set()
    needed |= {"400", "413"} if method == "post" else set()
    needed |= {"409"} if method == "post" and not path.endswith(COMPUTES) else set()
    needed |= {"404"} if "{" in path else set()
    assert needed - set(problems) == set()
    for status, said in problems.items():
        of_all = response_of(said)
        assert list(of_all["content"]) == ["application/problem+json"]
        assert set(of_all["x-problem-types"]) <= set(PROBLEM_TYPES)
        assert of_all["x-problem-types"], status


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
            *map(response_of, operation["responses"].values()),
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
        assert ("idempotency-key" in names) == (method == "post" and not path.endswith(COMPUTES))


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
    return person_with(live, 10**9), authority(live, "centre")


@fuzzed.exclude(path_regex="erasure$").parametrize()  # it finds its own account, and all that follows is refused
@bounded
def test_a_holder_fuzzes_what_is_theirs(live, people, case):
    holder, _ = people
    if "account_id" in case.path_parameters and not breaks(case, ParameterLocation.PATH):
        case.path_parameters["account_id"] = holder.account
        make_feasible(case)
    send_and_check(live, case, holder.token)


@fuzzed.parametrize()
@bounded
def test_the_centre_fuzzes_everything(live, people, case):
    _, centre = people
    send_and_check(live, case, centre.token)


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
