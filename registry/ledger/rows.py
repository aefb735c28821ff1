"""Rows of `movements` as they are written: sealed, and by one statement with their seals and documents."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from registry.ledger.sealing import COLUMNS, MAX_RUN, Sealer

DOCUMENT = ("digest", "account_id", "personal", "fields", "public")
"""Columns of `evidence`."""


def write_rows(
    tx: sa.Connection, sealer: Sealer, rows: Sequence[Mapping[str, Any]], documents: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Write movements, in the order of their numbers, each a mapping of `sealing.COLUMNS`.

    With a document for each, a mapping of `DOCUMENT`; without any, their evidence is there already.
    """
    for start, end in _parts(rows):
        part, documented = rows[start:end], documents[start:end]
        values: dict[str, Any] = {name: [row[name] for row in part] for name in COLUMNS}
        seals = list(sealer.seals(values))
        values["seal_first"] = [seal.first_id for seal in seals]
        values["seal_count"] = [seal.count for seal in seals]
        values["seal_mac"] = [seal.mac for seal in seals]
        # Bytes and texts go as one value each: the driver writes arrays of them one by one, with escapes.
        for name in ("from_tag", "to_tag", "evidence"):
            values[name] = b"".join(values[name])
        values["documents"] = json.dumps(documented, default=bytes.hex)
        tx.execute(_INSERT, values)


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


_INSERT = sa.text("""
    WITH sealed AS (
        INSERT INTO seals (first_id, count, mac) SELECT * FROM unnest(
            CAST(:seal_first AS bigint[]), CAST(:seal_count AS int[]), CAST(:seal_mac AS bytea[])
        )
    ), documented AS (
        INSERT INTO evidence (digest, account_id, personal, fields, public)
        SELECT decode(digest, 'hex'), account_id, personal, fields, public
        FROM jsonb_to_recordset(CAST(:documents AS jsonb))
            AS d (digest text, account_id bigint, personal text[], fields jsonb, public text)
    )
    INSERT INTO movements (id, act_id, giver_id, account_id, kind, form, flags, purpose, first_g, last_g, parent_id,
        at_ms, until_ms, from_tag, to_tag, evidence)
    OVERRIDING SYSTEM VALUE
    SELECT m.id, act, giver, account, kind, form, flags, purpose, m.first, m.last, parent, at, until,
        substr(:from_tag, 20 * n - 19, 20), substr(:to_tag, 20 * n - 19, 20), substr(:evidence, 32 * n - 31, 32)
    FROM (SELECT *, CAST(row_number() OVER () AS int) AS n FROM unnest(
        CAST(:id AS bigint[]), CAST(:act AS bigint[]), CAST(:giver AS bigint[]), CAST(:account AS bigint[]),
        CAST(:kind AS smallint[]), CAST(:form AS smallint[]), CAST(:flags AS smallint[]), CAST(:purpose AS int[]),
        CAST(:first AS bigint[]), CAST(:last AS bigint[]), CAST(:parent AS bigint[]), CAST(:at AS bigint[]),
        CAST(:until AS bigint[])
    ) r (id, act, giver, account, kind, form, flags, purpose, first, last, parent, at, until)) m
""")
