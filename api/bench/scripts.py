"""The same SQL that acts and look-ups send, as pgbench scripts: what the database alone can do.

Each act is one transaction with the statements of the request it stands for, one after another. What Python computes
between them (tags, salts, digests) is arbitrary bytes of the same length here.
"""

_CLAIM = """
\\set account random(:first_holder, :last_holder)
\\set grams random(1, 20)
\\set nonce random(1, 9000000000000000000)
BEGIN;
INSERT INTO idempotency (claim, request_mac)
    VALUES (sha256(convert_to(:nonce, 'UTF8')), sha256(convert_to(:nonce, 'UTF8'))) ON CONFLICT DO NOTHING;
SELECT a.kind, a.name, a.erased_ms, k.sealed FROM accounts a LEFT JOIN account_keys k ON k.account_id = a.id
    WHERE a.id = :account FOR NO KEY UPDATE OF a;
"""
_POLICY = """
SELECT value, digest, decision FROM policy_in_force('points', :now);
"""
_PROVIDER = """
SELECT a.kind, a.name, a.erased_ms, k.sealed FROM accounts a LEFT JOIN account_keys k ON k.account_id = a.id
    WHERE a.id = :provider FOR KEY SHARE OF a;
"""
_CERTIFICATE = """
INSERT INTO certificates (number, act_id, account_id, holder, purpose, form, quantity_g, issued_ms)
    VALUES (:nonce, :act, :account, 'Bench', 16, 1, :grams, :now);
"""
_TAKE = """
SELECT b.movement_id, b.first_g AS block_first, m.flags, m.until_ms, m.to_tag
    FROM blocks b JOIN movements m ON m.id = b.movement_id
    WHERE b.account_id = :account AND b.form = {form} AND b.flags & {mask} = {has} AND b.until_ms >= {usable_at}
        AND (b.until_ms, b.first_g) > (-1, -1) AND b.last_g - b.first_g >= :grams
    ORDER BY b.until_ms, b.first_g LIMIT 1 \\gset
INSERT INTO acts (kind, account_id, at_ms, quantity_g)
    VALUES ('{act}', :account, :now, :grams) RETURNING id AS act \\gset
INSERT INTO evidence (digest, account_id, personal, fields) VALUES (sha256(convert_to(:nonce, 'UTF8')), NULL, '{{}}',
    '{{"act": ["0123456789012345678901", "{act}"], "first_g": ["0123456789012345678901", 1]}}');
INSERT INTO movements (act_id, giver_id, account_id, kind, form, flags, purpose, first_g, last_g, parent_id, at_ms,
        until_ms, from_tag, to_tag, evidence)
    VALUES (:act, :account, {holder}, {kind}, {form_after}, {flags_after}, {purpose}, :block_first,
        :block_first::bigint + :grams, :movement_id, :now::bigint / 60000 * 60000, {until}, :to_tag::bytea, {to_tag},
        sha256(convert_to(:nonce, 'UTF8')))
    RETURNING id AS movement \\gset
"""
_KEEP = """
UPDATE idempotency SET status = 201, response = '{"act": "1", "movements": [{"id": "1", "serial": "SHCER-0-9"}]}',
    account_id = :account WHERE claim = sha256(convert_to(:nonce, 'UTF8'));
COMMIT;
"""

CONVERT = (
    _CLAIM
    + _POLICY
    + _TAKE.format(
        form=1, mask=22, has=2, usable_at=0, act="convert", holder=":account", kind=3, form_after=2,
        flags_after=":flags | 4", purpose=0, until=":now::bigint + 100000000", to_tag=":to_tag::bytea",
    )
    + _KEEP
)  # fmt: skip
REDEEM = (
    _CLAIM
    + _PROVIDER
    + _TAKE.format(
        form=2, mask=24, has=8, usable_at=":now", act="redeem", holder=":provider", kind=4, form_after=2,
        flags_after=":flags & ~8", purpose=0, until=":until_ms",
        to_tag="substr(sha256(convert_to(:nonce, 'UTF8')), 1, 20)",
    )
    + _KEEP
)  # fmt: skip
CANCEL = (
    _CLAIM
    + _TAKE.format(
        form=1, mask=16, has=0, usable_at=0, act="cancel", holder="NULL", kind=8, form_after=0,
        flags_after=":flags & ~24", purpose=16, until=0, to_tag=r"'\x0000000000000000000000000000000000000000'",
    )
    + _CERTIFICATE
    + _KEEP
)  # fmt: skip
ACTS = {"convert": CONVERT, "redeem": REDEEM, "cancel": CANCEL}

_HOLDER = "\\set account random(:first_holder, :last_holder)\n"
ACCOUNT = (
    _HOLDER
    + """
SELECT * FROM accounts WHERE id = :account;
SELECT form, flags & 16 <> 0 AS locked, sum(last_g - first_g)::bigint AS grams, count(*) AS blocks,
    min(until_ms) AS next_until FROM blocks WHERE account_id = :account GROUP BY 1, 2;
"""
)
BLOCKS = (
    _HOLDER  # noqa: S608 (our own text)
    + """
SELECT b.*, l.source_id, l.methodology_code, l.methodology_version,
    o.first_g AS bundle_first_g, o.last_g AS bundle_last_g
FROM blocks b LEFT JOIN lots l ON l.id = b.lot_id LEFT JOIN LATERAL (
    SELECT m.first_g, m.last_g FROM movements m
    WHERE b.lot_id IS NULL AND m.kind IN (1, 12) AND m.first_g <= b.first_g
    ORDER BY m.first_g DESC LIMIT 1
) o ON true
    WHERE b.account_id = :account AND b.first_g > -1 ORDER BY b.first_g LIMIT 51;
"""
)
LEAF = """
\\set index random(0, :last_leaf)
SELECT m.*, e.index AS log_index, e.leaf, p.index AS parent_index,
    CASE WHEN e.index < s.final THEN 'final' WHEN e.index < s.anchored THEN 'anchored' ELSE 'logged' END AS state
FROM log_entries e JOIN movements m ON m.id = e.movement_id
LEFT JOIN log_entries p ON p.movement_id = m.parent_id
CROSS JOIN (
    SELECT (SELECT published_size FROM log_head) AS published, (SELECT max(size) FROM anchors) AS anchored,
        (SELECT max(size) FROM anchors WHERE final_ms IS NOT NULL) AS final
) s WHERE e.index < s.published AND e.index = :index;
"""
LOOK_UPS = {"account": ACCOUNT, "blocks": BLOCKS, "leaf": LEAF}
OF = {"acts": ACTS, "look-ups": LOOK_UPS}
"""By kind of load."""
