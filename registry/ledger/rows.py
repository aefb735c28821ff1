"""Rows of `movements` as they are written: sealed, and by one statement with their seals and documents."""

import json
from collections.abc import Mapping, Sequence
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
    for start in range(0, len(rows), MAX_RUN):
        part, documented = rows[start : start + MAX_RUN], documents[start : start + MAX_RUN]
        values: dict[str, Any] = {name: [row[name] for row in part] for name in COLUMNS}
        seals = list(sealer.seals(values))
        values["seal_first"] = [seal.first_id for seal in seals]
        values["seal_count"] = [seal.count for seal in seals]
        values["seal_mac"] = [seal.mac for seal in seals]
        values |= {f"document_{name}": [document[name] for document in documented] for name in DOCUMENT}
        for name in ("document_personal", "document_fields"):
            values[name] = list(map(json.dumps, values[name]))
        tx.execute(_INSERT, values)


_INSERT = sa.text("""
    WITH sealed AS (
        INSERT INTO seals (first_id, count, mac) SELECT * FROM unnest(
            CAST(:seal_first AS bigint[]), CAST(:seal_count AS int[]), CAST(:seal_mac AS bytea[])
        )
    ), documented AS (
        INSERT INTO evidence (digest, account_id, personal, fields, public)
        SELECT digest, account_id, ARRAY(SELECT jsonb_array_elements_text(personal)), fields, public FROM unnest(
            CAST(:document_digest AS bytea[]), CAST(:document_account_id AS bigint[]),
            CAST(:document_personal AS jsonb[]), CAST(:document_fields AS jsonb[]), CAST(:document_public AS text[])
        ) AS d (digest, account_id, personal, fields, public)
    )
    INSERT INTO movements (id, act_id, giver_id, account_id, kind, form, flags, purpose, first_g, last_g, parent_id,
        at_ms, until_ms, from_tag, to_tag, evidence)
    OVERRIDING SYSTEM VALUE
    SELECT * FROM unnest(
        CAST(:id AS bigint[]), CAST(:act AS bigint[]), CAST(:giver AS bigint[]), CAST(:account AS bigint[]),
        CAST(:kind AS smallint[]), CAST(:form AS smallint[]), CAST(:flags AS smallint[]), CAST(:purpose AS int[]),
        CAST(:first AS bigint[]), CAST(:last AS bigint[]), CAST(:parent AS bigint[]), CAST(:at AS bigint[]),
        CAST(:until AS bigint[]), CAST(:from_tag AS bytea[]), CAST(:to_tag AS bytea[]), CAST(:evidence AS bytea[])
    )
""")
