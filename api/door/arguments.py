"""A route's arguments, read from each request. FastAPI reads the signatures, once, and describes them.

What a signature wants is worked out when the program starts. FastAPI's own way works it out again for each request,
which takes longer than everything the registry itself does for a look-up. Its dependencies are called as they are; none
of ours has any that are generators, take forms or cookies, or wait.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError

Problem = dict[str, Any]
"""Where and why, as Pydantic writes it."""


@dataclass(slots=True)
class Reading:
    """What is being read: a request, its body as a JSON value (`ABSENT` without one), and what is wrong so far."""

    request: Request
    body: Any
    problems: list[Problem]


ABSENT: Any = object()


class Parameter:
    """One value that a signature asks for, out of the path, the query or the headers."""

    def __init__(self, field: ModelField, place: str) -> None:
        """Work out its name there, and what holds without it."""
        self.name, self._field = field.name, field
        self.where = (place, field.alias.replace("_", "-") if place == "header" else field.alias)
        self._default = ABSENT if field.field_info.is_required() else field.default

    def read(self, given: Mapping[str, str], problems: list[Problem]) -> Any:
        """Give its value, or note what is wrong."""
        value = given.get(self.where[1], ABSENT)
        if value is ABSENT:
            return missing(self.where, problems) if self._default is ABSENT else self._default
        return checked(self._field, value, self.where, problems)


class Arguments:
    """What one function is to be called with."""

    def __init__(self, dependant: Dependant) -> None:
        """Work it out of what FastAPI found in a signature."""
        assert dependant.call is not None  # noqa: S101  (only a router's own entry has none)
        self.call: Callable[..., Any] = dependant.call
        self._inner = [(inner.name, Arguments(inner)) for inner in dependant.dependencies]
        self._path = [Parameter(field, "path") for field in dependant.path_params]
        self._query = [Parameter(field, "query") for field in dependant.query_params]
        self._headers = [Parameter(field, "header") for field in dependant.header_params]
        self._body = dependant.body_params[0] if dependant.body_params else None
        self._request = dependant.request_param_name or dependant.http_connection_param_name

    async def read(self, reading: Reading) -> dict[str, Any]:
        """Read them all. What is wrong is noted in `reading`; what a dependency raises ends it."""
        request, problems, found = reading.request, reading.problems, {}
        for name, inner in self._inner:
            solved = await inner.solve(reading)
            if name is not None:
                found[name] = solved
        for parameter in self._path:
            found[parameter.name] = parameter.read(request.path_params, problems)
        for parameter in self._query:
            found[parameter.name] = parameter.read(request.query_params, problems)
        for parameter in self._headers:
            found[parameter.name] = parameter.read(request.headers, problems)
        if self._body is not None:
            found[self._body.name] = _read_body(self._body, reading)
        if self._request is not None:
            found[self._request] = request
        return found

    async def solve(self, reading: Reading) -> Any:
        """Give what a dependency gives; nothing when it could not be asked."""
        before = len(reading.problems)
        arguments = await self.read(reading)
        return None if len(reading.problems) > before else await self.call(**arguments)


async def read_all(arguments: Arguments, request: Request, body: Any) -> dict[str, Any]:
    """Read a route's arguments. Raises `RequestValidationError`, and what its dependencies raise."""
    reading = Reading(request, body, [])
    found = await arguments.read(reading)
    if reading.problems:
        raise RequestValidationError(reading.problems)
    return found


def _read_body(field: ModelField, reading: Reading) -> Any:
    if reading.body is ABSENT:
        return missing(("body",), reading.problems) if field.field_info.is_required() else field.default
    return checked(field, reading.body, ("body",), reading.problems)


def missing(where: tuple[str, ...], problems: list[Problem]) -> None:
    """Note that something is not there."""
    problems.append({"type": "missing", "loc": where, "msg": "Field required", "input": None})


def checked(field: ModelField, value: object, where: tuple[str, ...], problems: list[Problem]) -> Any:
    """Give a value as its type has it, or note what is wrong."""
    found, wrong = field.validate(value, loc=where)
    problems += wrong
    return found
