"""The OpenAPI document: what FastAPI derives, with problems under the one media type that they have."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.door.causes import ANYWHERE, causes, described
from api.door.problems import PROBLEM_TYPES, TYPE_BASE, Problem
from api.door.write import ACCEPTED, CREATED

Json = dict[str, Any]


def describe(app: FastAPI) -> Json:
    """Give the document; made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=TAGS
        )
        document[PROBLEM_TYPES] = [TYPE_BASE + code for code in ANYWHERE]
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"] = {
                    status: _placed(int(status), response)
                    for status, response in sorted(operation["responses"].items())
                }
        schemas = document["components"]["schemas"]
        schemas["Problem"] = Problem.model_json_schema()
        schemas["Problem"]["properties"]["type"] |= {
            "enum": [TYPE_BASE + code for code in causes()],
            "description": described(),
        }
        document["components"]["schemas"] = dict(sorted(schemas.items()))
        for field in fields(document):
            _complete(field, schemas)
        app.openapi_schema = document
    return app.openapi_schema


TAGS = [
    {"name": "accounts", "description": "Accounts: opened by the centre, read by their holder."},
    {"name": "acts", "description": "What a holder does with grams. Every act takes an Idempotency-Key."},
    {"name": "movements", "description": "A movement as its parties read it, by its number, from when it is recorded."},
    {"name": "batches", "description": "What platforms report, on its way to a lot."},
    {"name": "corrections", "description": "Grams out of abnormal data, voided where they are."},
    {"name": "decisions", "description": "What was decided, of which case, by which authority; all of it is public."},
    {"name": "submissions", "description": "What authors and applicants draft and hand in, and the centre's desk."},
    {"name": "events", "description": "What happened to what is an institution's, in an order that lasts."},
    {"name": "identity", "description": "Who may what for whom: mandates, links, consents, and who read an account."},
    {"name": "state", "description": "What grams are, and proofs that they are nothing else."},
    {"name": "public", "description": "What anyone may read, and what is needed to check it."},
]
_PLACE = {
    "Location": {
        "description": "Where what came of it is read.",
        "required": True,
        "schema": {"type": "string"},
        "example": "/v1/accounts/2",
    }
}


def fields(document: Json) -> Iterator[Json]:
    """Give every field of every body and answer."""
    for schema in document["components"]["schemas"].values():
        yield from schema.get("properties", {}).values()


def _placed(status: int, response: Json) -> Json:
    """Of what was made, say where that is read."""
    return response | {"headers": response.get("headers", {}) | _PLACE} if status in (CREATED, ACCEPTED) else response


def _complete(field: Json, schemas: Json) -> None:
    """Say of a field what its kind says, and give it an example: an object's is made of its own fields'."""
    kinds = [field, *field.get("anyOf", ())]
    for kind in kinds[1:]:
        if "description" in kind:
            field.setdefault("description", kind.pop("description"))
        if "examples" in kind:
            field.setdefault("examples", kind.pop("examples"))
    if "examples" not in field:
        found = [example for kind in kinds if (example := _example(kind, schemas)) is not None]
        field |= {"examples": found[:1]} if found else {}


def _example(kind: Json, schemas: Json) -> Any:
    """Make an example of a kind of value; None where nothing says one."""
    if "$ref" in kind:
        return _example(schemas[kind["$ref"].rpartition("/")[2]], schemas)
    if kind.get("examples"):
        return kind["examples"][0]
    if "properties" in kind:
        made = {name: _first(of, schemas) for name, of in kind["properties"].items()}
        return {name: value for name, value in made.items() if value is not None}
    if kind.get("type") == "array" and (item := _example(kind["items"], schemas)) is not None:
        return [item]
    return kind.get("enum", [kind.get("const")])[0]


def _first(field: Json, schemas: Json) -> Any:
    """Give the example that a field has or will have."""
    found = (_example(kind, schemas) for kind in (field, *field.get("anyOf", ())))
    return next((example for example in found if example is not None), None)
