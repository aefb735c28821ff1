"""REST's routes, found by the parts of a path in one walk; FastAPI tries one pattern after another, some forty."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from fastapi import APIRouter
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from api.door.route import StrictRequest, StrictRoute


@dataclass(slots=True)
class _Place:
    """What may come next in a path, and what there is when it ends here."""

    words: dict[str, "_Place"] = field(default_factory=dict)
    any_word: "_Place | None" = None
    routes: dict[str, StrictRoute] = field(default_factory=dict)
    """By method."""
    names: tuple[str, ...] = ()
    """Of the words on the way here that any word may stand for."""


class Table(BaseRoute):
    """The first route of the application. What is not found here FastAPI finds, or says that it is not there."""

    def __init__(self, routers: Iterable[APIRouter]) -> None:
        """Enter the strict routes of these routers."""
        self._root = _Place()
        for router in routers:
            for route in router.routes:
                if isinstance(route, StrictRoute):
                    self._enter(route)

    def _enter(self, route: StrictRoute) -> None:
        place, names = self._root, list[str]()
        for word in route.path.split("/"):
            if word.startswith("{"):
                names.append(word[1:-1])
                place.any_word = place = place.any_word or _Place()
            else:
                place = place.words.setdefault(word, _Place())
        place.names = tuple(names)
        place.routes |= dict.fromkeys(route.methods or (), route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Find the route of a request."""
        if scope["type"] != "http":
            return Match.NONE, {}
        found = _find(self._root, scope["path"].split("/"), scope["method"])
        if found is None:
            return Match.NONE, {}
        route, names, given = found
        params = dict(zip(names, given, strict=True))
        return Match.FULL, {"route": route, "endpoint": route.endpoint, "path_params": params}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the route that was found answer."""
        answer = await scope["route"].answer(StrictRequest(scope, receive))
        await answer(scope, receive, send)


def _find(
    place: _Place, words: list[str], method: str, *given: str
) -> tuple[StrictRoute, tuple[str, ...], tuple[str, ...]] | None:
    """Give the route that these words lead to, the names of its variable ones, and what stands there.

    Where a word stands for itself with one method and for any word with another, both ways are gone.
    """
    for at, word in enumerate(words):
        known, anything = place.words.get(word), place.any_word if word else None
        if known and anything and (found := _find(known, words[at + 1 :], method, *given)):
            return found
        given = (*given, word) if anything else given
        following = anything or known
        if following is None:
            return None
        place = following
    route = place.routes.get(method)
    return (route, place.names, given) if route else None
