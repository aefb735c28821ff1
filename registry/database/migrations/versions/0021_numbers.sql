-- That numbers are given once, and blocks are apart, is held by two B-trees and one look for all rows of a statement
-- (docs/decisions/0016-numbers-by-one-look.md). Exclusion constraints looked at each row by itself, through two GiST
-- indexes that were most of the cost of a lot.
ALTER TABLE movements DROP CONSTRAINT movements_numbered_once;
DROP INDEX movements_origins;
CREATE UNIQUE INDEX movements_numbered_once ON movements (first_g) WHERE kind IN (1, 12);
ALTER TABLE blocks DROP CONSTRAINT blocks_int8range_excl;

-- A block's lot is read from `lots` where it is made; a lost lot that gets its number back takes its blocks along.
ALTER TABLE blocks DROP CONSTRAINT blocks_lot_id_lot_first_g_lot_last_g_fkey;
CREATE OR REPLACE FUNCTION totals_follow_lot() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE totals SET lot_id = NEW.id WHERE lot_id = OLD.id;
    UPDATE blocks SET lot_id = NEW.id WHERE first_g >= NEW.first_g AND first_g < NEW.last_g;
    RETURN NULL;
END $$;

-- Whose consent to a source stands is asked of hundreds of thousands of accounts at once: by an index that has both, so
-- that no other is thought of.
DROP INDEX consents_account;
CREATE INDEX consents_account ON consents (account_id, source_id);

CREATE OR REPLACE FUNCTION apply_movements() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    lines record;
    missing text;
    broken record;
    numbered bigint;
BEGIN
    PERFORM refuse_if_behind();
    INSERT INTO unsequenced SELECT id FROM written;
    SELECT count(*) FILTER (WHERE kind IN (1, 12)) AS origins, count(*) FILTER (WHERE kind = 12) AS bundles,
        count(*) FILTER (WHERE kind BETWEEN 2 AND 11) AS children, count(*) FILTER (WHERE kind = 6) AS gathers
        INTO lines FROM written;
    -- A look-up is a subquery that gives a value: so it goes by its index, one by one, whatever the planner thinks of.
    SELECT min(name) INTO missing FROM (
        SELECT 'movements_act_id_fkey' AS name FROM (SELECT DISTINCT act_id FROM written) w
            WHERE (SELECT true FROM acts a WHERE a.id = w.act_id) IS NULL
        UNION ALL
        SELECT 'movements_account_id_fkey' FROM (SELECT giver_id AS id FROM written UNION SELECT account_id FROM written) w
            WHERE w.id IS NOT NULL AND (SELECT true FROM accounts a WHERE a.id = w.id) IS NULL
        UNION ALL
        SELECT 'movements_evidence_fkey' FROM written w
            WHERE (SELECT true FROM evidence e WHERE e.digest = w.evidence) IS NULL
    ) m;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'a movement names what is not there' USING ERRCODE = 'foreign_key_violation', CONSTRAINT = missing;
    END IF;
    IF lines.origins > 0 THEN
        -- Whoever writes numbers waits here for all others who do, and then sees theirs. Who took them waited before.
        UPDATE frontier SET next_g = next_g;
        -- All there is is apart. So what meets a stretch of neighbours begins in it, or is the last that begins before.
        IF EXISTS (
            WITH one AS (
                SELECT first_g, last_g, lag(last_g) OVER (ORDER BY first_g) AS ended FROM written WHERE kind IN (1, 12)
            ), numbered AS (
                SELECT *, count(*) FILTER (WHERE ended IS DISTINCT FROM first_g) OVER (ORDER BY first_g) AS n FROM one
            )
            SELECT FROM (
                SELECT min(first_g) AS first_g, max(last_g) AS last_g, count(*) AS count, bool_or(first_g < ended) AS meet
                FROM numbered GROUP BY n
            ) s WHERE s.meet OR s.count <> (
                SELECT count(*) FROM movements m
                WHERE m.kind IN (1, 12) AND m.first_g >= s.first_g AND m.first_g < s.last_g
            ) OR s.first_g < (
                SELECT m.last_g FROM movements m WHERE m.kind IN (1, 12) AND m.first_g < s.first_g
                ORDER BY m.first_g DESC LIMIT 1
            )
        ) THEN
            RAISE EXCEPTION 'a number of grams is given once'
                USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'movements_numbered_once';
        END IF;
        WITH made AS (
            INSERT INTO blocks
                (movement_id, account_id, lot_id, lot_first_g, lot_last_g, first_g, last_g, form, flags, until_ms)
                SELECT w.id, w.account_id, l.id, l.first_g, l.last_g, w.first_g, w.last_g, w.form, w.flags, w.until_ms
                FROM written w CROSS JOIN LATERAL (
                    SELECT * FROM lots WHERE first_g <= w.first_g ORDER BY first_g DESC LIMIT 1
                ) l WHERE w.kind = 1 AND l.last_g >= w.last_g
                UNION ALL
                SELECT w.id, w.account_id, NULL, NULL, NULL, w.first_g, w.last_g, w.form, w.flags, w.until_ms
                FROM written w WHERE w.kind = 12 AND NOT EXISTS (
                    SELECT FROM lots l WHERE int8range(l.first_g, l.last_g) && int8range(w.first_g, w.last_g)
                )
                RETURNING id
        )
        SELECT count(*) INTO numbered FROM made;
        IF numbered <> lines.origins THEN
            RAISE EXCEPTION 'what is issued lies in one lot, and a bundle in none'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'movements_of_lot';
        END IF;
    END IF;
    IF lines.bundles > 0 THEN
        -- What stands there before its bundle does, somebody else wrote; nobody's act waits for that.
        DELETE FROM origins o USING written w WHERE w.kind = 12 AND o.first_g >= w.first_g AND o.first_g < w.last_g;
        INSERT INTO origins SELECT o.* FROM written w CROSS JOIN LATERAL origins_of(w.first_g) o WHERE w.kind = 12;
    END IF;
    IF lines.children = 0 THEN
        RETURN NULL;
    END IF;
    SELECT w.id, w.parent_id, p.id IS NULL AS is_orphan, lawful(ROW(w.*)::movements, p) AS is_lawful INTO broken
        FROM written w LEFT JOIN movements p ON p.id = w.parent_id
        WHERE w.kind BETWEEN 2 AND 11
            AND (lawful(ROW(w.*)::movements, p) AND held(ROW(w.*)::movements, p)) IS NOT TRUE ORDER BY w.id LIMIT 1;
    IF broken.is_orphan THEN
        RAISE EXCEPTION 'movement % names a parent that is not there', broken.id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'movements_parent_id_fkey';
    ELSIF broken.is_lawful IS TRUE THEN
        RAISE EXCEPTION 'movement % does not go from and to the accounts that its kind says', broken.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'movements_held';
    ELSIF broken.id IS NOT NULL THEN
        RAISE EXCEPTION 'movement % is not allowed by its parent %', broken.id, broken.parent_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'movements_lawful';
    END IF;
    IF lines.gathers > 0 AND EXISTS (SELECT FROM (SELECT DISTINCT act_id FROM written WHERE kind = 6) w WHERE
        (SELECT true FROM movements g WHERE g.act_id = w.act_id AND g.kind = 6 AND begins_run(g.to_tag) LIMIT 1) IS NULL
        OR (SELECT b.id FROM movements b WHERE b.act_id = w.act_id AND b.kind = 12) NOT IN (SELECT id FROM written)) THEN
        RAISE EXCEPTION 'a GATHER comes without the first of its run, or after the run was closed'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'movements_gathered';
    END IF;
    -- What is taken of a block, its remainders, and what the movements made of it: the block goes first, so that of two
    -- transactions that take it at once the second finds none.
    WITH taken AS (
        SELECT b.id AS block_id, w.* FROM written w
        JOIN blocks b ON b.movement_id = w.parent_id AND b.first_g <= w.first_g AND b.last_g >= w.last_g
        WHERE w.kind BETWEEN 2 AND 11
    ), of_block AS (
        SELECT block_id, range_agg(int8range(first_g, last_g)) AS grams, count(*) FROM taken GROUP BY block_id
        HAVING count(*) = 1
            OR sum(last_g - first_g) = (SELECT sum(upper(r) - lower(r)) FROM unnest(range_agg(int8range(first_g, last_g))) r)
    ), gone AS (
        DELETE FROM blocks b USING of_block t WHERE b.id = t.block_id RETURNING b.*, t.grams, t.count
    ), made AS (
        INSERT INTO blocks
            (movement_id, account_id, lot_id, lot_first_g, lot_last_g, first_g, last_g, form, flags, until_ms)
            SELECT g.movement_id, g.account_id, g.lot_id, g.lot_first_g, g.lot_last_g, lower(r), upper(r), g.form,
                g.flags, g.until_ms
            FROM gone g CROSS JOIN LATERAL unnest(int8multirange(int8range(g.first_g, g.last_g)) - g.grams) r
            UNION ALL
            SELECT t.id, t.account_id, g.lot_id, g.lot_first_g, g.lot_last_g, t.first_g, t.last_g, t.form, t.flags,
                t.until_ms
            FROM taken t JOIN gone g ON g.id = t.block_id WHERE t.form <> 0
    )
    SELECT coalesce(sum(count), 0) INTO numbered FROM gone;
    IF numbered <> lines.children THEN
        RAISE EXCEPTION 'grams are no longer in a live block of the parent, or are taken twice'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'movements_taken_once';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION dismiss_movement() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    p movements;
BEGIN
    IF NOT EXISTS (SELECT FROM set_aside s WHERE s.movement_id = OLD.id)
        OR EXISTS (SELECT FROM log_entries e WHERE e.movement_id = OLD.id) THEN
        RAISE EXCEPTION 'DELETE of movements is refused: what is written is corrected by later acts'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'movements_written_once';
    END IF;
    DELETE FROM blocks WHERE movement_id = OLD.id;
    DELETE FROM origins WHERE OLD.kind = 12 AND first_g >= OLD.first_g AND first_g < OLD.last_g;
    SELECT * INTO p FROM movements WHERE id = OLD.parent_id;
    IF p.form IN (1, 2) THEN
        INSERT INTO blocks
            (movement_id, account_id, lot_id, lot_first_g, lot_last_g, first_g, last_g, form, flags, until_ms)
            SELECT p.id, p.account_id, o.id, o.first_g, o.last_g, lower(r), upper(r), p.form, p.flags, p.until_ms
            FROM unnest(
                int8multirange(int8range(OLD.first_g, OLD.last_g) * int8range(p.first_g, p.last_g))
                - coalesce((SELECT range_agg(int8range(c.first_g, c.last_g)) FROM movements c
                    WHERE c.parent_id = p.id AND c.id <> OLD.id), '{}')
                - coalesce((SELECT range_agg(int8range(b.first_g, b.last_g)) FROM (
                    (SELECT * FROM blocks WHERE first_g <= OLD.first_g ORDER BY first_g DESC LIMIT 1)
                    UNION ALL
                    SELECT * FROM blocks WHERE first_g > OLD.first_g AND first_g < OLD.last_g
                ) b), '{}')
            ) AS r LEFT JOIN lots o ON o.first_g <= lower(r) AND o.last_g >= upper(r);
    END IF;
    DELETE FROM certificates WHERE act_id = OLD.act_id;
    UPDATE set_aside SET dismissed = to_jsonb(OLD) WHERE movement_id = OLD.id;
    RETURN OLD;
END $$;
