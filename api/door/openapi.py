"""The OpenAPI document: what FastAPI derives, with problems under the one media type that they have."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.door.causes import causes, described, of_status
from api.door.problems import MEDIA_TYPE, PROBLEM_REF, TYPE_BASE
from api.door.write import ACCEPTED, CREATED


def describe(app: FastAPI) -> dict[str, Any]:
    """Give the document; made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, tags=TAGS
        )
        shared = document["components"].setdefault("responses", {})
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"] = {
                    status: _told(int(status), response, shared) for status, response in operation["responses"].items()
                }
        named = {"enum": [TYPE_BASE + code for code in causes()], "description": described()}
        document["components"]["schemas"]["Problem"]["properties"]["type"] |= named
        app.openapi_schema = document
    return app.openapi_schema


TAGS = [
    {"name": "accounts", "description": "Accounts: opened by the centre, read by their holder."},
    {"name": "acts", "description": "What a holder does with grams. Every act takes an Idempotency-Key."},
    {"name": "movements", "description": "A movement as its parties read it, by its number, from when it is recorded."},
    {"name": "decisions", "description": "What was decided, of which case, by which authority; all of it is public."},
    {"name": "public", "description": "What anyone may read, and what is needed to check it."},
]


_PLACE = {"Location": {"description": "Where it is read.", "required": True, "schema": {"type": "string"}}}


def _told(status: int, response: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """Problems of a status are described once, in `shared`; of what was made it is said where that is read."""
    content = response.get("content", {})
    if any(shape.get("schema") == PROBLEM_REF for shape in content.values()):
        name = f"Problem{status}"
        shared.setdefault(name, _problem(status))
        return {"$ref": f"#/components/responses/{name}"}
    return response | {"headers": response.get("headers", {}) | _PLACE} if status in (CREATED, ACCEPTED) else response


def _problem(status: int) -> dict[str, Any]:
    """FastAPI says application/json of every model; a problem comes as application/problem+json only, of some types."""
    codes = of_status(status)
    return {
        "description": f"A problem, one of: {', '.join(f'`{code}`' for code in codes)}.",
        "content": {MEDIA_TYPE: {"schema": PROBLEM_REF}},
        "x-problem-types": [TYPE_BASE + code for code in codes],
    }
