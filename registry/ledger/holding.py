"""Whether waiting movements have tag, evidence and public document: what a seal cannot tell of other tables.

A seal binds tag and digest as the program wrote them. The key that made the tag and the document that has the digest
are in tables of their own; a leaf whose evidence nobody can show any more is not to be logged.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from registry.accounts.vault import Vault, tag
from registry.errors import Unavailable
from registry.evidence.public import is_public
from registry.ledger.documents import holds
from registry.ledger.movement import RECORDS_FROM


@dataclass(frozen=True, slots=True)
class Lacking:
    """The numbers of movements that lack something: their holder's `tag`, their `evidence`, a record's `document`."""

    tag: set[int]
    evidence: set[int]
    document: set[int]


def lacking(tx: sa.Connection, vault: Vault, ids: Sequence[int]) -> Lacking:
    """Give those of these movements whose tag the holder's key does not make, and those without what they rest on.

    An erased holder has no key, and what such a one acquired is not doubted for it; nor a tag that a recovery found.
    """
    found = Lacking(set(), set(), set())
    for row in tx.execute(_ROWS, {"ids": list(ids)}):
        if not holds(vault, row, bytes(row.evidence)):
            found.evidence.add(row.id)
        if row.kind >= RECORDS_FROM and not is_public(row.public, row.kind, bytes(row.evidence)):
            found.document.add(row.id)
        if row.is_acquisition and not _is_tagged(vault, row):
            found.tag.add(row.id)
    return found


def _is_tagged(vault: Vault, row: sa.Row[tuple[int, int]]) -> bool:
    if row.key is None:
        return row.erased_ms is not None
    try:
        key = vault.open(row.account_id, bytes(row.key))
    except Unavailable:
        return False
    return bytes(row.to_tag) in (tag(key, row.first_g, bytes(row.evidence)), row.lost_tag and bytes(row.lost_tag))


_ROWS = sa.text("""
    SELECT m.id, m.kind, m.account_id, m.first_g, m.to_tag, m.evidence, e.fields, e.sealed, e.public,
        k.sealed AS key, a.erased_ms, a.lost_tag,
        m.account_id IS NOT NULL AND m.to_tag <> m.from_tag AND m.kind <> 5 AS is_acquisition
    FROM movements m LEFT JOIN evidence e ON e.digest = m.evidence
    LEFT JOIN accounts a ON a.id = m.account_id LEFT JOIN account_keys k ON k.account_id = m.account_id
    WHERE m.id = ANY (:ids)
""")
