"""Whether waiting movements have their holders' tags and their evidence: what a seal cannot tell of other tables.

A seal binds tag and digest as the program wrote them. The key that made the tag and the document that has the digest
are in tables of their own; a leaf whose evidence nobody can show any more is not to be logged.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from registry.accounts.vault import Vault, tag
from registry.errors import Unavailable
from registry.evidence.document import verify


def without_tag_or_evidence(tx: sa.Connection, vault: Vault, ids: Sequence[int]) -> tuple[set[int], set[int]]:
    """Give those of these movements whose tag the holder's key does not make, and those without their evidence.

    An erased holder has no key, and what such a one acquired is not doubted for it; nor a tag that a recovery found.
    """
    untagged, undocumented = set(), set()
    for row in tx.execute(_ROWS, {"ids": list(ids)}):
        if not verify(row.fields, bytes(row.evidence)):
            undocumented.add(row.id)
        if row.is_acquisition and not _is_tagged(vault, row):
            untagged.add(row.id)
    return untagged, undocumented


def _is_tagged(vault: Vault, row: sa.Row[tuple[int, int]]) -> bool:
    if row.sealed is None:
        return row.erased_ms is not None
    try:
        key = vault.open(row.account_id, bytes(row.sealed))
    except Unavailable:
        return False
    return bytes(row.to_tag) in (tag(key, row.first_g), row.lost_tag and bytes(row.lost_tag))


_ROWS = sa.text("""
    SELECT m.id, m.account_id, m.first_g, m.to_tag, m.evidence, e.fields, k.sealed, a.erased_ms, a.lost_tag,
        m.account_id IS NOT NULL AND m.to_tag <> m.from_tag AND m.kind <> 5 AS is_acquisition
    FROM movements m LEFT JOIN evidence e ON e.digest = m.evidence
    LEFT JOIN accounts a ON a.id = m.account_id LEFT JOIN account_keys k ON k.account_id = m.account_id
    WHERE m.id = ANY (:ids)
""")
