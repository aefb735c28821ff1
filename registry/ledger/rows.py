"""Rows of `movements` as they are written: sealed, and by one statement with their seals and documents."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from registry.database.statement import Statement
from registry.ledger.sealing import COLUMNS, MAX_RUN, Sealer

_LISTS = ("id", "act", "giver", "account", "kind", "form", "flags", "purpose", "first", "last", "parent", "at", "until")


def write_rows(
    tx: sa.Connection, sealer: Sealer, rows: Sequence[Mapping[str, Any]], documents: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Write movements, in the order of their numbers, each a mapping of `sealing.COLUMNS`.

    With a document for each: columns of `evidence` but for its digest, where they are not empty. Without any, their
    evidence is there already.
    """
    for start, end in _parts(rows):
        part, documented = rows[start:end], documents[start:end]
        columns: dict[str, Any] = {name: [row[name] for row in part] for name in COLUMNS}
        seals = list(sealer.seals(columns))
        columns["seal_first"] = [seal.first_id for seal in seals]
        columns["seal_count"] = [seal.count for seal in seals]
        values: dict[str, Any] = {name: _array(columns[name]) for name in (*_LISTS, "seal_first", "seal_count")}
        # Bytes go as one value each: in arrays they are written one by one, with escapes.
        values |= {name: b"".join(columns[name]) for name in ("from_tag", "to_tag", "evidence")}
        values["seal_mac"] = b"".join(seal.mac for seal in seals)
        values["documents"] = json.dumps(documented)
        _INSERT(tx, values)


def _array(numbers: Sequence[int | None]) -> str:
    """Write a PostgreSQL array; the driver takes four times as long for it."""
    return f"{{{','.join(map(str, numbers)).replace('None', 'NULL')}}}"


def _parts(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, int]]:
    """Cut rows into statements: each a run of a seal at most, and a parent in an earlier one than its child."""
    begin, here = 0, set[int]()
    for place, row in enumerate(rows):
        if len(here) == MAX_RUN or row["parent"] in here:
            yield begin, place
            begin, here = place, set()
        here.add(row["id"])
    if here:
        yield begin, len(rows)


_INSERT = Statement("""
    WITH sealed AS (
        INSERT INTO seals (first_id, count, mac) SELECT first, count, substr(:seal_mac, CAST(32 * n - 31 AS int), 32)
        FROM unnest(CAST(:seal_first AS bigint[]), CAST(:seal_count AS int[])) WITH ORDINALITY s (first, count, n)
    ), documented AS (
        INSERT INTO evidence (digest, account_id, personal, fields, sealed, public)
        SELECT substr(:evidence, CAST(32 * n - 31 AS int), 32), account_id, coalesce(personal, '{}'), fields,
            decode(sealed, 'base64'), public
        FROM ROWS FROM (
            jsonb_to_recordset(CAST(:documents AS jsonb)) AS (
                account_id bigint, personal text[], fields jsonb, sealed text, public text
            )
        ) WITH ORDINALITY d (account_id, personal, fields, sealed, public, n)
    )
    INSERT INTO movements (id, act_id, giver_id, account_id, kind, form, flags, purpose, first_g, last_g, parent_id,
        at_ms, until_ms, from_tag, to_tag, evidence)
    OVERRIDING SYSTEM VALUE
    SELECT id, act, giver, account, kind, form, flags, purpose, first, last, parent, at, until,
        substr(:from_tag, CAST(20 * n - 19 AS int), 20), substr(:to_tag, CAST(20 * n - 19 AS int), 20),
        substr(:evidence, CAST(32 * n - 31 AS int), 32)
    FROM unnest(
        CAST(:id AS bigint[]), CAST(:act AS bigint[]), CAST(:giver AS bigint[]), CAST(:account AS bigint[]),
        CAST(:kind AS smallint[]), CAST(:form AS smallint[]), CAST(:flags AS smallint[]), CAST(:purpose AS int[]),
        CAST(:first AS bigint[]), CAST(:last AS bigint[]), CAST(:parent AS bigint[]), CAST(:at AS bigint[]),
        CAST(:until AS bigint[])
    ) WITH ORDINALITY r (id, act, giver, account, kind, form, flags, purpose, first, last, parent, at, until, n)
""")
