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
        place, given = self._walk(scope["path"]) if scope["type"] == "http" else (None, [])
        route = place.routes.get(scope["method"]) if place else None
        if place is None or route is None:
            return Match.NONE, {}
        found = dict(zip(place.names, given, strict=True))
        return Match.FULL, {"route": route, "endpoint": route.endpoint, "path_params": found}

    def _walk(self, path: str) -> tuple[_Place | None, list[str]]:
        """Go where a path leads, and give the words that stand where any may."""
        place, given = self._root, list[str]()
        for word in path.split("/"):
            if word in place.words:
                place = place.words[word]
            elif word and place.any_word is not None:
                given.append(word)
                place = place.any_word
            else:
                return None, given
        return place, given

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the route that was found answer."""
        answer = await scope["route"].answer(StrictRequest(scope, receive))
        await answer(scope, receive, send)
