"""Whether the ledger's tables agree with each other, for the day that somebody wrote in them past the triggers.

Each finding names a place. Nothing is repaired. What the log itself must be is checked by `anchoring.log.consistency`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from registry.accounts.vault import Vault, tag
from registry.errors import Unavailable
from registry.evidence.document import verify


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not agree: `place`, such as `leaf 7` or `lot 2`, and what is wrong there."""

    place: str
    sentence: str


_LEAVES = """
    SELECT 'leaf ' || e.index FROM log_entries e
    LEFT JOIN movements m ON m.id = e.movement_id
    LEFT JOIN log_entries p ON p.movement_id = m.parent_id
    WHERE e.leaf IS DISTINCT FROM '\\x01'::bytea || substr(int2send(m.kind), 2) || substr(int2send(m.form), 2)
        || substr(int2send(m.flags), 2) || substr(int4send(m.purpose), 3) || int8send(m.first_g) || int8send(m.last_g)
        || CASE WHEN m.parent_id IS NULL THEN int8send(-1) ELSE int8send(coalesce(p.index, -2)) END
        || substr(int8send(m.at_ms), 3) || substr(int8send(m.until_ms), 3) || m.from_tag || m.to_tag || m.evidence
    ORDER BY e.index
"""
_QUEUED = """
    SELECT 'movement ' || m.id FROM movements m
    LEFT JOIN log_entries e ON e.movement_id = m.id LEFT JOIN unsequenced u ON u.movement_id = m.id
    WHERE (e.movement_id IS NULL) = (u.movement_id IS NULL) ORDER BY m.id
"""
_HELD = """
    SELECT 'movement ' || c.id FROM movements c JOIN movements p ON p.id = c.parent_id
    WHERE held(ROW(c.*)::movements, ROW(p.*)::movements) IS NOT TRUE
        OR lawful(ROW(c.*)::movements, ROW(p.*)::movements) IS NOT TRUE ORDER BY c.id
"""
_BLOCKS = """
    WITH taken AS (
        SELECT parent_id, range_agg(int8range(first_g, last_g)) AS grams FROM movements
        WHERE parent_id IS NOT NULL GROUP BY parent_id
    ), live AS (
        SELECT movement_id, range_agg(int8range(first_g, last_g)) AS grams FROM blocks GROUP BY movement_id
    )
    SELECT 'movement ' || coalesce(m.id, l.movement_id)
    FROM (SELECT * FROM movements WHERE form <> 0) m LEFT JOIN taken t ON t.parent_id = m.id
    FULL JOIN live l ON l.movement_id = m.id
    WHERE coalesce(l.grams, '{}') IS DISTINCT FROM
        int8multirange(int8range(m.first_g, m.last_g)) - coalesce(t.grams, '{}')
    ORDER BY 1
"""
_COPIED = """
    SELECT 'movement ' || b.movement_id FROM blocks b JOIN movements m ON m.id = b.movement_id
    LEFT JOIN lots l ON l.id = b.lot_id
    WHERE (b.account_id, b.form, b.flags, b.until_ms) IS DISTINCT FROM (m.account_id, m.form, m.flags, m.until_ms)
        OR (b.lot_first_g, b.lot_last_g) IS DISTINCT FROM (l.first_g, l.last_g)
        OR b.first_g < l.first_g OR b.last_g > l.last_g
    ORDER BY b.movement_id
"""
_LOTS = """
    SELECT 'lot ' || l.id FROM lots l LEFT JOIN LATERAL (
        SELECT range_agg(int8range(m.first_g, m.last_g)) AS grams, bool_and(m.at_ms = l.issued_ms) AS is_then
        FROM movements m WHERE m.kind = 1 AND m.first_g < l.last_g AND m.last_g > l.first_g
    ) i ON true
    WHERE coalesce(i.grams, '{}') <> int8multirange(int8range(l.first_g, l.last_g)) OR i.is_then IS NOT TRUE
    UNION ALL
    SELECT 'movement ' || m.id FROM movements m WHERE m.kind = 1
        AND NOT EXISTS (SELECT FROM lots l WHERE l.first_g <= m.first_g AND l.last_g >= m.last_g)
"""
_LOT_FACTS = """
    SELECT DISTINCT 'lot ' || l.id FROM lots l
    JOIN movements m ON m.kind = 1 AND m.first_g >= l.first_g AND m.last_g <= l.last_g
    JOIN evidence e ON e.digest = m.evidence
    WHERE (e.fields -> 'lot' ->> 1, e.fields -> 'source' ->> 1, e.fields -> 'inputs_sha256' ->> 1,
            e.fields -> 'methodology' ->> 1, e.fields -> 'methodology_version' ->> 1,
            e.fields -> 'period_from_ms' ->> 1, e.fields -> 'period_until_ms' ->> 1)
        IS DISTINCT FROM (l.id::text, l.source_id::text, encode(l.inputs_sha256, 'hex'),
            l.methodology_code, l.methodology_version::text, l.period_from_ms::text, l.period_until_ms::text)
"""
_FRONTIER = """
    SELECT 'the frontier' FROM frontier
    WHERE next_g <> (SELECT coalesce(max(last_g), 0) FROM movements WHERE kind = 1)
"""
QUERIES: Final = {
    _LEAVES: "its movement is not what was logged, or is gone",
    _QUEUED: "it is neither logged nor waiting to be, or it is both",
    _HELD: "its parent does not allow it, or it does not go from and to the accounts that its kind says",
    _BLOCKS: "the live grams are not those that its children left",
    _COPIED: "a block says otherwise of it, or of its lot",
    _LOTS: "lots and issued grams are not the same",
    _LOT_FACTS: "it is not as the evidence of its issue says",
    _FRONTIER: "it is not the end of the last issue",
}
"""SQL that gives places -> what is wrong there."""


def check_tables(tx: sa.Connection) -> Iterator[Finding]:
    """Give every place where movements, leaves, blocks, lots and the frontier do not agree."""
    for query, sentence in QUERIES.items():
        for place in tx.execute(sa.text(query.replace(":", "\\:"))).scalars():
            yield Finding(place, sentence)


def check_evidence(tx: sa.Connection) -> Iterator[Finding]:
    """Give every evidence document that does not have its digest, and every movement without one."""
    for row in tx.execute(_EVIDENCE):
        if not verify(row.fields, bytes(row.digest)):
            yield Finding(f"evidence {bytes(row.digest).hex()}", "the document does not have this digest")
    for number in tx.execute(_WITHOUT_EVIDENCE).scalars():
        yield Finding(f"movement {number}", "its evidence is gone")


def check_holders(tx: sa.Connection, vault: Vault) -> Iterator[Finding]:
    """Give every movement whose new holder's key does not make its tag; those of erased accounts cannot be told."""
    keys = {}
    for row in tx.execute(_KEYS):
        try:
            keys[row.account_id] = vault.open(row.account_id, bytes(row.sealed))
        except Unavailable:
            yield Finding(f"account {row.account_id}", "its key was not sealed for it under this master key")
    for number in tx.execute(_KEYLESS).scalars():
        yield Finding(f"account {number}", "its key is gone, and it was not erased")
    for row in tx.execute(_ACQUISITIONS):
        if row.account_id in keys and tag(keys[row.account_id], row.first_g) != bytes(row.to_tag):
            yield Finding(f"movement {row.id}", "the key of its holder does not make its tag")


_EVIDENCE = sa.text("SELECT digest, fields FROM evidence ORDER BY digest")
_WITHOUT_EVIDENCE = sa.text(
    "SELECT m.id FROM movements m LEFT JOIN evidence e ON e.digest = m.evidence WHERE e.digest IS NULL ORDER BY m.id"
)
_KEYLESS = sa.text("""
    SELECT a.id FROM accounts a LEFT JOIN account_keys k ON k.account_id = a.id
    WHERE k.account_id IS NULL AND a.erased_ms IS NULL ORDER BY a.id
""")
_KEYS = sa.text("SELECT account_id, sealed FROM account_keys")
# A refund gives the tag of an earlier acquisition back, and the rules hold it to that one.
_ACQUISITIONS = sa.text("""
    SELECT id, account_id, first_g, to_tag FROM movements
    WHERE account_id IS NOT NULL AND to_tag <> from_tag AND kind <> 5 ORDER BY id
""")
