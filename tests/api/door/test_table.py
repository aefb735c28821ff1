"""REST's routes are found by a table: the same ones that FastAPI finds, and nothing else."""

import pytest
from fastapi import APIRouter
from fastapi.routing import _IncludedRouter
from starlette.routing import Match

from api.door.route import StrictRoute
from api.door.table import Table
from api.serving.app import routed

APP = routed()
ROUTES = [
    route
    for included in APP.routes
    if isinstance(included, _IncludedRouter)
    for route in included.original_router.routes
    if isinstance(route, StrictRoute)
]
TABLE = next(route for route in APP.routes if isinstance(route, Table))


def scope(method: str, path: str) -> dict:
    return {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}


def found(method: str, path: str) -> tuple[StrictRoute, dict[str, str]] | None:
    match, more = TABLE.matches(scope(method, path))
    return (more["route"], more["path_params"]) if match == Match.FULL else None


def found_by_framework(method: str, path: str) -> tuple[StrictRoute, dict[str, str]] | None:
    for route in ROUTES:
        match, more = route.matches(scope(method, path))
        if match == Match.FULL:
            return route, more["path_params"]
    return None


@pytest.mark.parametrize("word", ["1", "x", "%2F", "..", "a b", "克", "witnesses", "-1"])
def test_every_route_is_found_as_the_framework_finds_it(word):
    for route in ROUTES:
        path = "/".join(word if part.startswith("{") else part for part in route.path.split("/"))
        for method in ("GET", "POST", "PUT", "OPTIONS"):
            assert found(method, path) == found_by_framework(method, path), (method, path)
        for other in (path + "/", path + "/1", "/" + path, path.replace("/v1", "/v1/"), path.upper()):
            for method in route.methods:
                assert found(method, other) == found_by_framework(method, other), (method, other)


@pytest.mark.parametrize("path", ["", "/", "//", "/v1", "/v1/", "/v1/accounts//blocks", "/v1/accounts/", "v1/totals"])
def test_what_is_no_path_of_rest_is_left_to_the_framework(path):
    assert found("GET", path) is None
    assert found_by_framework("GET", path) is None


def test_the_table_has_them_all():
    assert len(ROUTES) > 20
    assert APP.routes.index(TABLE) < min(
        APP.routes.index(route) for route in APP.routes if isinstance(route, _IncludedRouter)
    )


def test_a_word_that_stands_for_itself_with_one_method_is_any_word_with_another():
    router = APIRouter(route_class=StrictRoute)

    async def answer() -> None: ...

    for method, path in (("GET", "/v1/things/caught"), ("POST", "/v1/things/{thing}"), ("GET", "/v1/{all}/caught/x")):
        router.add_api_route(path, answer, methods=[method])
    table = Table([router])

    def params(method: str, path: str) -> dict[str, str] | None:
        match, more = table.matches(scope(method, path))
        return more["path_params"] if match == Match.FULL else None

    assert params("GET", "/v1/things/caught") == {}
    assert params("POST", "/v1/things/caught") == {"thing": "caught"}
    assert params("GET", "/v1/things/caught/x") == {"all": "things"}
    assert params("GET", "/v1/things/lost") is None
