"""The very SQL that acts and look-ups send, as pgbench scripts: what the database alone can do.

Each is asked of the application once, and its statements are taken down as they go to the driver. In a script they
stand one after another, with what differs from act to act in variables. What Python computes between them (tags, seals,
digests, salts) is arbitrary bytes of the same length, or what it was when it was taken down.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final, Self

import httpx2
import psycopg
import sqlalchemy as sa

from api.bench.load import MAKERS, Plan
from api.installation.site import Site
from api.serving.app import create

_HEAD: Final = """\\set account random(:first_holder, :last_holder)
\\set grams random(1, 20)
\\set nonce random(1, 9000000000000000000)
\\set index random(0, :last_leaf)
"""
_NONCE: Final = "sha256(convert_to(:nonce, 'UTF8'))"
_FIRST: Final = "CAST(:block_first AS bigint)"
ASKED: Final = 24
"""Requests, of which each kind of three is many."""
_TAKEN: Final = """SELECT movement_id, block_first, to_tag, until_ms FROM ({statement}) taken
    WHERE block_last - block_first >= :grams LIMIT 1 \\gset"""
"""The act takes the first that is enough, of the page that it reads."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement as it went to the driver, with the values of its parameters."""

    statement: str
    values: Mapping[str, Any]
    in_transaction: bool


def of_site(site: Site, plan: Plan) -> dict[str, str]:
    """Make the scripts of a plan's kind of load, by name, by doing each of them in the site's database."""
    return {name: script(sent) for name, sent in taken_down(site, plan).items()}


def taken_down(site: Site, plan: Plan) -> dict[str, list[Sent]]:
    """Do each of a plan's acts in a loop of its own: whoever asks may have one."""
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(lambda: asyncio.run(_taken_down(site, plan))).result()


async def _taken_down(site: Site, plan: Plan) -> dict[str, list[Sent]]:
    """Ask the application what one account's load asks, and give what each kind of request sends to the database.

    The last time it is asked: what was remembered from the times before is not asked of the database any more.
    """
    draw, found = Random(0), dict[str, list[Sent]]()  # noqa: S311
    one = replace(plan, tokens=dict(list(plan.tokens.items())[:1]))
    transport = httpx2.ASGITransport(create(site))
    async with httpx2.AsyncClient(transport=transport, base_url="http://bench") as client:
        for turn in range(ASKED):
            name, (method, path, headers, body) = MAKERS[plan.kind](one, draw, f"taken-down-{turn}")
            with _listening(site.database.engine) as found[name]:
                answer = await client.request(method, path, headers=headers, content=body)
            answer.raise_for_status()
    return found


@contextmanager
def _listening(engine: sa.Engine) -> Iterator[list[Sent]]:
    sent: list[Sent] = []

    class Noting(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
            sent.append(Sent(query, dict(params or {}), not self.connection.autocommit))
            return super().execute(query, params, **options)

    def begin(driver: Any, *_: Any) -> None:
        driver.cursor_factory = Noting

    def end(driver: Any, *_: Any) -> None:
        driver.cursor_factory = psycopg.Cursor

    sa.event.listen(engine, "checkout", begin)
    sa.event.listen(engine, "checkin", end)
    try:
        yield sent
    finally:
        sa.event.remove(engine, "checkout", begin)
        sa.event.remove(engine, "checkin", end)


def script(sent: list[Sent]) -> str:
    """Write what was sent as a script: of an act one transaction, of a look-up each statement by itself."""
    lines = list(map(_line, sent))
    return _HEAD + "\n".join(["BEGIN;", *lines, "COMMIT;"] if sent[0].in_transaction else lines) + "\n"


def _line(sent: Sent) -> str:
    given = _variables(sent)
    statement = re.sub(r"%\((\w+)\)s", lambda name: given.get(name[1], _literal(sent.values[name[1]])), sent.statement)
    statement = " ".join(statement.replace("%%", "%").split())
    if "AS block_first" in statement:
        return _TAKEN.format(statement=statement)
    return statement + (" \\gset" if "INTO acts" in statement else ";")


def _variables(sent: Sent) -> dict[str, str]:
    """Say which values differ from act to act, and what stands for them."""
    for mark, given in _GIVEN.items():
        if mark in sent.statement:
            return given if mark != "INTO movements" else given | _of_movement(sent.values)
    return {}


def _of_movement(values: Mapping[str, Any]) -> dict[str, str]:
    """Say the same of what depends on the kind of movement."""
    given = {}
    if values["account"] == values["giver"]:
        given["account"] = "ARRAY[CAST(:account AS bigint)]"
    if values["to_tag"] == values["from_tag"]:
        given["to_tag"] = "CAST(:to_tag AS bytea)"
    elif any(values["to_tag"]):
        given["to_tag"] = f"substr({_NONCE}, 1, 20)"
        given["until"] = "ARRAY[CAST(:until_ms AS bigint)]"
    return given


_GIVEN: Final[dict[str, dict[str, str]]] = {
    "INTO idempotency": {"claim": _NONCE, "request": _NONCE},
    "UPDATE idempotency": {"claim": _NONCE, "account": ":account"},
    "FROM jobs": {"account": ":account"},
    "FOR KEY SHARE": {},
    "FROM accounts": {"number": ":account"},
    "FROM blocks": {"account": ":account"},
    "INTO acts": {"account_id": ":account", "quantity": ":grams"},
    "INTO movements": {
        "id": "CAST(:numbers AS bigint[])",
        "seal_first": "CAST(:numbers AS bigint[])",
        "act": "ARRAY[CAST(:id AS bigint)]",
        "giver": "ARRAY[CAST(:account AS bigint)]",
        "first": f"ARRAY[{_FIRST}]",
        "last": f"ARRAY[{_FIRST} + :grams]",
        "parent": "ARRAY[CAST(:movement_id AS bigint)]",
        "from_tag": "CAST(:to_tag AS bytea)",
        "evidence": _NONCE,
    },
    "INTO certificates": {"number": ":nonce", "act_id": ":id", "account_id": ":account", "quantity_g": ":grams"},
    "FROM log_entries e": {"index": ":index"},
}
"""By what stands in a statement, the first that does: name of a parameter -> what pgbench puts there."""


def _literal(value: Any) -> str:
    """Write a value; no colon in it, which pgbench would take for a variable's."""
    match value:
        case None:
            return "NULL"
        case bytes():
            return f"'\\x{value.hex()}'::bytea"
        case list():
            return f"'{{{','.join(map(str, value))}}}'"
        case str():
            escaped = value.replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a")
            return f"E'{escaped}'"
    return str(int(value))
