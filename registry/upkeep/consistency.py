"""Whether the ledger's tables agree with each other, for the day that somebody wrote in them past the triggers.

Each finding names a place. Nothing is repaired. What the log itself must be is checked by
`anchoring.publishing.consistency`; what is bound by keys and digests, by `registry.upkeep.bindings`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from registry.ledger.finding import Finding
from registry.ledger.totals import COUNTED

RESTORE: Final = (
    "somebody wrote past the database's own rules: find out who, then restore a backup from before this "
    "moment and run `gram recover`"
)
REWRITE: Final = "what the log binds is whole, this row is not: put it right from the evidence, and ask who altered it"

RECOUNT: Final = "ask who wrote in them; `gram log recount` makes them anew, the grams themselves are not in doubt here"


@dataclass(frozen=True, slots=True)
class _Check:
    """SQL that gives (place, index in the log, time in ms), each of which does not hold; and what to say of it."""

    sql: str
    sentence: str
    remedy: str = RESTORE
    is_loss: bool = False


_LEAVES = """
    SELECT 'leaf ' || e.index, e.index, m.at_ms FROM log_entries e
    LEFT JOIN movements m ON m.id = e.movement_id
    LEFT JOIN log_entries p ON p.movement_id = m.parent_id
    WHERE e.leaf IS DISTINCT FROM '\\x01'::bytea || substr(int2send(m.kind), 2) || substr(int2send(m.form), 2)
        || substr(int2send(m.flags), 2) || substr(int4send(m.purpose), 3) || int8send(m.first_g) || int8send(m.last_g)
        || CASE WHEN m.parent_id IS NULL THEN int8send(-1) ELSE int8send(coalesce(p.index, -2)) END
        || substr(int8send(m.at_ms), 3) || substr(int8send(m.until_ms), 3) || m.from_tag || m.to_tag || m.evidence
    ORDER BY e.index
"""
_GAPS = """
    SELECT 'leaf ' || after, after, NULL FROM (
        SELECT index, lag(index, 1, -1::bigint) OVER (ORDER BY index) + 1 AS after FROM log_entries
    ) g WHERE index <> after ORDER BY after
"""
_QUEUED = """
    SELECT 'movement ' || coalesce(m.id, u.movement_id), e.index, m.at_ms
    FROM movements m FULL JOIN unsequenced u ON u.movement_id = m.id LEFT JOIN log_entries e ON e.movement_id = m.id
    LEFT JOIN set_aside s ON s.movement_id = m.id AND s.dismissed_ms IS NULL
    WHERE m.id IS NULL OR (e.movement_id IS NULL) = (u.movement_id IS NULL AND s.movement_id IS NULL) ORDER BY 1
"""
_ASIDE = """
    SELECT 'movement ' || movement_id, NULL, at_ms FROM set_aside WHERE dismissed_ms IS NULL ORDER BY movement_id
"""
_HELD = """
    SELECT 'movement ' || c.id, e.index, c.at_ms FROM movements c JOIN movements p ON p.id = c.parent_id
    LEFT JOIN log_entries e ON e.movement_id = c.id
    WHERE held(ROW(c.*)::movements, ROW(p.*)::movements) IS NOT TRUE
        OR lawful(ROW(c.*)::movements, ROW(p.*)::movements) IS NOT TRUE ORDER BY c.id
"""
# What is live follows from the movements alone: what each made, less what its children took.
_BLOCKS = """
    WITH taken AS (
        SELECT parent_id, range_agg(int8range(first_g, last_g)) AS grams FROM movements
        WHERE parent_id IS NOT NULL GROUP BY parent_id
    ), live AS (
        SELECT movement_id, range_agg(int8range(first_g, last_g)) AS grams FROM blocks GROUP BY movement_id
    )
    SELECT 'movement ' || coalesce(m.id, l.movement_id), e.index, m.at_ms
    FROM (SELECT * FROM movements WHERE form <> 0) m LEFT JOIN taken t ON t.parent_id = m.id
    FULL JOIN live l ON l.movement_id = m.id LEFT JOIN log_entries e ON e.movement_id = coalesce(m.id, l.movement_id)
    WHERE coalesce(l.grams, '{}') IS DISTINCT FROM
        int8multirange(int8range(m.first_g, m.last_g)) - coalesce(t.grams, '{}')
    ORDER BY 1
"""
# The database looks at what is written alone; here all is looked at once more.
_NUMBERS = """
    SELECT 'movement ' || m.id, e.index, m.at_ms FROM (
        SELECT id, at_ms, first_g, max(last_g) OVER before AS ended FROM movements WHERE kind IN (1, 12)
        WINDOW before AS (ORDER BY first_g, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        UNION ALL
        SELECT movement_id, NULL, first_g, max(last_g) OVER before FROM blocks
        WINDOW before AS (ORDER BY first_g, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ) m LEFT JOIN log_entries e ON e.movement_id = m.id WHERE m.first_g < m.ended ORDER BY m.id
"""
_COPIED = """
    SELECT 'movement ' || b.movement_id, e.index, m.at_ms FROM blocks b JOIN movements m ON m.id = b.movement_id
    LEFT JOIN lots l ON int8range(l.first_g, l.last_g) @> b.first_g LEFT JOIN log_entries e ON e.movement_id = m.id
    WHERE (b.account_id, b.form, b.flags, b.until_ms) IS DISTINCT FROM (m.account_id, m.form, m.flags, m.until_ms)
        OR (b.lot_id, b.lot_first_g, b.lot_last_g) IS DISTINCT FROM (l.id, l.first_g, l.last_g)
        OR b.last_g > l.last_g
    ORDER BY b.movement_id
"""
_TOTALS = f"""
    WITH told AS (
        SELECT lot_id, form, purpose, grams FROM totals
        UNION ALL SELECT of.lot, form, purpose, -grams FROM ({COUNTED}) l, LATERAL (VALUES (lot_id), (0)) AS of (lot)
    )
    SELECT DISTINCT 'the totals' || CASE lot_id
        WHEN 0 THEN '' WHEN -1 THEN ' of bundles' ELSE ' of lot ' || lot_id END, NULL::bigint, NULL::bigint
    FROM (SELECT lot_id FROM told GROUP BY lot_id, form, purpose HAVING sum(grams) <> 0
        UNION ALL SELECT 0 FROM totals_counted c, log_head h WHERE c.size > h.published_size) t ORDER BY 1
"""
_LOTS = """
    SELECT 'lot ' || l.id, NULL, l.issued_ms FROM lots l LEFT JOIN LATERAL (
        SELECT range_agg(int8range(m.first_g, m.last_g)) AS grams,
            bool_and(m.at_ms = l.issued_ms / 60000 * 60000) AS is_then
        FROM movements m WHERE m.kind = 1 AND m.first_g < l.last_g AND m.first_g >= l.first_g
    ) i ON true
    WHERE coalesce(i.grams, '{}') <> int8multirange(int8range(l.first_g, l.last_g)) OR i.is_then IS NOT TRUE
    UNION ALL
    SELECT 'movement ' || m.id, e.index, m.at_ms FROM movements m LEFT JOIN log_entries e ON e.movement_id = m.id
        WHERE m.kind = 1 AND NOT EXISTS (SELECT FROM lots l WHERE l.first_g <= m.first_g AND l.last_g >= m.last_g)
"""
_LOT_FACTS = """
    SELECT DISTINCT 'lot ' || l.id, NULL::bigint, l.issued_ms FROM lots l
    JOIN movements m ON m.kind = 1 AND m.first_g >= l.first_g AND m.last_g <= l.last_g
    JOIN evidence e ON e.digest = m.evidence
    WHERE NOT l.is_lost AND e.fields IS NOT NULL AND (
            e.fields -> 'lot' ->> 1, e.fields -> 'lot_first_g' ->> 1, e.fields -> 'lot_end_g' ->> 1,
            e.fields -> 'source' ->> 1, e.fields -> 'inputs_sha256' ->> 1,
            e.fields -> 'methodology' ->> 1, e.fields -> 'methodology_version' ->> 1,
            e.fields -> 'period_from_ms' ->> 1, e.fields -> 'period_until_ms' ->> 1, e.fields -> 'at_ms' ->> 1
        ) IS DISTINCT FROM (
            l.id::text, l.first_g::text, l.last_g::text, l.source_id::text, encode(l.inputs_sha256, 'hex'),
            l.methodology_code, l.methodology_version::text, l.period_from_ms::text, l.period_until_ms::text,
            l.issued_ms::text
        )
"""
# What was issued to whom for what: not of the erased, whose activities say nothing any more, nor of lost lots.
_ACTIVITIES = """
    WITH reported AS (
        SELECT lot_id, account_id, sum(quantity_g) AS grams FROM activities WHERE lot_id IS NOT NULL GROUP BY 1, 2
    ), issued AS (
        SELECT l.id AS lot_id, m.account_id, sum(m.last_g - m.first_g) AS grams FROM lots l
        JOIN movements m ON m.kind = 1 AND m.first_g >= l.first_g AND m.first_g < l.last_g
        JOIN accounts a ON a.id = m.account_id WHERE l.activities > 0 AND a.erased_ms IS NULL GROUP BY 1, 2
    )
    SELECT DISTINCT 'lot ' || lot_id, NULL::bigint, l.issued_ms FROM (
        SELECT lot_id FROM reported FULL JOIN issued i USING (lot_id, account_id)
        WHERE reported.grams IS DISTINCT FROM i.grams
        UNION ALL
        SELECT o.lot_id FROM occupied o WHERE (SELECT true FROM lots WHERE id = o.lot_id) IS NULL
    ) odd LEFT JOIN lots l ON l.id = odd.lot_id ORDER BY 1
"""
_FRONTIER = """
    SELECT 'the frontier', NULL, NULL FROM frontier
    WHERE next_g <> (SELECT coalesce(max(last_g), 0) FROM movements WHERE kind IN (1, 12))
"""
_RUNS = """
    SELECT 'act ' || act_id, min(e.index), min(m.at_ms) FROM movements m
    LEFT JOIN log_entries e ON e.movement_id = m.id
    WHERE kind IN (6, 12) GROUP BY act_id HAVING is_whole_run(act_id) IS NOT TRUE ORDER BY 1
"""
_ORIGINS = """
    WITH due AS (
        SELECT o.* FROM movements b CROSS JOIN LATERAL origins_of(b.first_g) o WHERE b.kind = 12
    ), odd AS ((TABLE origins EXCEPT TABLE due) UNION (TABLE due EXCEPT TABLE origins))
    SELECT 'gram ' || min(o.first_g), min(e.index), min(m.at_ms) FROM odd o
    LEFT JOIN movements m ON m.kind = 12 AND int8range(m.first_g, m.last_g) @> o.first_g
    LEFT JOIN log_entries e ON e.movement_id = m.id GROUP BY m.id ORDER BY min(o.first_g)
"""
_ACTS = """
    SELECT 'act ' || a.id, NULL, a.at_ms FROM acts a LEFT JOIN (
        SELECT act_id, sum(last_g - first_g) FILTER (WHERE kind <> 12) AS grams FROM movements GROUP BY act_id
    ) m ON m.act_id = a.id WHERE m.grams IS DISTINCT FROM a.quantity_g
        AND NOT EXISTS (SELECT FROM set_aside s WHERE s.dismissed ->> 'act_id' = a.id::text) ORDER BY a.id
"""
_STANDING = """
    SELECT 'case ' || c.number, NULL::bigint, NULL::bigint FROM cases c
    LEFT JOIN case_standing s ON s.case_number = c.number LEFT JOIN LATERAL (
        SELECT d.movement_id, CAST(e.public AS jsonb) #>> '{to,1}' AS state FROM decisions d
        JOIN movements m ON m.id = d.movement_id JOIN evidence e ON e.digest = m.evidence
        WHERE d.case_number = c.number ORDER BY d.movement_id DESC LIMIT 1
    ) last ON true WHERE (s.last_id, s.state) IS DISTINCT FROM (last.movement_id, last.state) ORDER BY 1
"""
_DECISIONS = """
    SELECT 'movement ' || coalesce(m.id, d.movement_id), l.index, m.at_ms
    FROM (SELECT * FROM movements WHERE kind IN (64, 65, 66, 69, 70, 75, 76)) m
    FULL JOIN decisions d ON d.movement_id = m.id LEFT JOIN evidence e ON e.digest = m.evidence
    LEFT JOIN log_entries l ON l.movement_id = m.id
    WHERE d.case_number IS DISTINCT FROM CAST(e.public AS jsonb) #>> '{case,1}'
        AND NOT EXISTS (SELECT FROM set_aside s WHERE s.movement_id = coalesce(m.id, d.movement_id))
    ORDER BY 1
"""
_POLICIES = """
    SELECT 'policy ' || p.name || ', in force from ' || p.in_force_ms, NULL, NULL FROM policies p
    LEFT JOIN evidence e ON e.digest = p.decision, LATERAL (SELECT CAST(e.public AS jsonb)) d (said)
    WHERE (p.name, to_timestamp(p.in_force_ms / 1000.0), p.value, p.digest) IS DISTINCT FROM (
        said #>> '{name,1}', CAST(said #>> '{in_force,1}' AS timestamptz), CAST(said #>> '{value,1}' AS jsonb),
        sha256(convert_to(said #>> '{value,1}', 'UTF8'))
    ) ORDER BY 1
"""
_CERTIFICATES = """
    SELECT 'certificate ' || c.number, NULL, c.issued_ms FROM certificates c LEFT JOIN LATERAL (
        SELECT sum(m.last_g - m.first_g) AS grams,
            bool_and((m.kind, m.purpose, m.giver_id, p.form) = (8, c.purpose, c.account_id, c.form)) AS is_so
        FROM movements m LEFT JOIN movements p ON p.id = m.parent_id WHERE m.act_id = c.act_id
    ) m ON true WHERE m.grams IS DISTINCT FROM c.quantity_g OR m.is_so IS NOT TRUE ORDER BY c.number
"""
_ANSWERS = """
    SELECT 'idempotency key ' || left(encode(i.claim, 'hex'), 16), NULL, NULL FROM idempotency i
    WHERE num_nulls(i.request_mac, i.status, i.response) NOT IN (0, 3) ORDER BY i.claim
"""
_LOST_LOTS = "SELECT 'lot ' || id, NULL, issued_ms FROM lots WHERE is_lost ORDER BY id"
_LOST_HOLDERS = """
    SELECT 'account ' || a.id, e.index + 1, m.at_ms FROM accounts a
    LEFT JOIN account_keys k ON k.account_id = a.id
    LEFT JOIN movements m ON m.account_id = a.id AND m.to_tag = a.lost_tag AND m.to_tag <> m.from_tag AND m.kind <> 5
    LEFT JOIN log_entries e ON e.movement_id = m.id
    WHERE a.lost_tag IS NOT NULL AND k.account_id IS NULL ORDER BY a.id
"""
CHECKS: Final = {
    "leaves": _Check(_LEAVES, "its movement is not what was logged, or is gone"),
    "indices": _Check(_GAPS, "the log goes on after it, and it is not there"),
    "queue": _Check(_QUEUED, "it is neither logged nor waiting to be, or it is both, or it waits and is gone"),
    "set-aside": _Check(
        _ASIDE,
        "it was set aside and is not logged: this program did not write it so, or it does not stand by itself",
        "`gram aside list` says why; docs/recovery.md says what to do about it",
    ),
    "rules": _Check(
        _HELD, "its parent does not allow it, or it does not go from and to the accounts that its kind says"
    ),
    "blocks": _Check(_BLOCKS, "the live grams are not those that its children left"),
    "numbers": _Check(_NUMBERS, "some of its grams were numbered before, or are in two blocks"),
    "block-facts": _Check(_COPIED, "a block says otherwise of it, or of its lot"),
    "totals": _Check(_TOTALS, "they are not what the published leaves add up to", RECOUNT),
    "lots": _Check(_LOTS, "lots and issued grams are not the same"),
    "lot-facts": _Check(_LOT_FACTS, "it is not as the evidence of its issue says", REWRITE),
    "activities": _Check(_ACTIVITIES, "the activities that say they were issued in it are not what it was issued for"),
    "frontier": _Check(_FRONTIER, "it is not the end of the last issue or bundle"),
    "runs": _Check(_RUNS, "what it gathered and its bundle are not the same grams"),
    "origins": _Check(_ORIGINS, "what its bundle is made of is not what was gathered into it", REWRITE),
    "acts": _Check(_ACTS, "its movements do not add up to its quantity, or it has none"),
    "decisions": _Check(_DECISIONS, "it is not known here as a decision of the case that its document names"),
    "cases": _Check(_STANDING, "it does not stand where its last decision led", REWRITE),
    "policies": _Check(_POLICIES, "it is not as the decision that published it says", REWRITE),
    "certificates": _Check(_CERTIFICATES, "its act is no cancellation of that quantity, form, purpose and holder"),
    "idempotency": _Check(_ANSWERS, "it has no answer, or one without what was asked"),
    "lost-lots": _Check(
        _LOST_LOTS,
        "source, methodology and period were lost: its grams alone were in the log",
        "give back the evidence of one of its issues: `gram recover evidence FILE`",
        is_loss=True,
    ),
    "lost-holders": _Check(
        _LOST_HOLDERS,
        "it holds what somebody unknown acquired; nobody can spend it",
        "when its holder has proven the claim: `gram recover holder NUMBER`",
        is_loss=True,
    ),
}


def check_tables(tx: sa.Connection) -> Iterator[Finding]:
    """Give every place where movements, leaves, blocks, lots, acts and what hangs on them do not agree."""
    for check in CHECKS.values():
        for place, index, at_ms in tx.execute(sa.text(check.sql.replace(":", "\\:"))):
            size = None if index is None else index + 1
            yield Finding(place, check.sentence, check.remedy, size, at_ms, check.is_loss)
