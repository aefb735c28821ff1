-- The ground: accounts, sources, lots, movements, blocks, evidence, log, checkpoints, anchors.
-- Times are Unix milliseconds (_ms), quantities and positions on the number line grams (_g), ranges half open.

CREATE TABLE installation (
    sole boolean PRIMARY KEY DEFAULT true CHECK (sole),
    origin text NOT NULL,
    vkey text NOT NULL,
    master_check bytea NOT NULL,  -- tells master keys apart, and nothing else of them
    chain_id bigint NOT NULL,
    contract text NOT NULL
);

CREATE TABLE accounts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('individual', 'institution')),
    name text,  -- personal: NULL once erased
    opened_ms bigint NOT NULL,
    erased_ms bigint,
    -- Of the one acquisition that this account stands for, when a recovery found it in the log and its holder's account
    -- was lost: nobody has the key that makes this tag, and nothing is spent from here until somebody proves the claim.
    lost_tag bytea UNIQUE CHECK (length(lost_tag) = 20),
    CHECK (erased_ms IS NULL OR name IS NULL)
);

CREATE TABLE account_keys (
    account_id bigint PRIMARY KEY REFERENCES accounts,
    sealed bytea NOT NULL  -- 32 random bytes, AES-256-GCM under the master key
);

CREATE TABLE methodologies (
    code text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    class text NOT NULL CHECK (class IN ('I', 'II')),
    status text NOT NULL CHECK (status IN ('official', 'illustrative')),
    record jsonb NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (code, version)
);

CREATE TABLE policies (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    in_force_ms bigint NOT NULL,
    value jsonb NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    UNIQUE (name, in_force_ms)
);

CREATE TABLE sources (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('project', 'scenario')),
    name_zh text NOT NULL,
    name_en text NOT NULL,
    applicant_id bigint NOT NULL REFERENCES accounts,
    methodology_code text NOT NULL,
    methodology_version integer NOT NULL,
    valid_from_ms bigint NOT NULL,
    valid_until_ms bigint NOT NULL CHECK (valid_until_ms > valid_from_ms),
    FOREIGN KEY (methodology_code, methodology_version) REFERENCES methodologies
);

CREATE TABLE consents (
    source_id bigint NOT NULL REFERENCES sources,
    platform_user text NOT NULL,
    account_id bigint NOT NULL REFERENCES accounts,
    given_ms bigint NOT NULL,
    revoked_ms bigint,
    PRIMARY KEY (source_id, platform_user)
);
CREATE INDEX consents_account ON consents (account_id);

CREATE TABLE evidence (
    digest bytea PRIMARY KEY CHECK (length(digest) = 32),
    account_id bigint REFERENCES accounts,
    personal text[] NOT NULL DEFAULT '{}',
    fields jsonb  -- name -> [salt, value], or name -> hex digest once erased; NULL: lost, only the digest is known
);
CREATE INDEX evidence_account ON evidence (account_id) WHERE personal <> '{}';

CREATE TABLE acts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    account_id bigint REFERENCES accounts,
    at_ms bigint NOT NULL,
    quantity_g bigint NOT NULL CHECK (quantity_g >= 0)
);
CREATE INDEX acts_account ON acts (account_id, id);

CREATE TABLE frontier (
    sole boolean PRIMARY KEY DEFAULT true CHECK (sole),
    next_g bigint NOT NULL CHECK (next_g >= 0)
);
INSERT INTO frontier VALUES (true, 0);

CREATE TABLE lots (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    first_g bigint NOT NULL CHECK (first_g >= 0),
    last_g bigint NOT NULL CHECK (last_g > first_g),
    source_id bigint NOT NULL REFERENCES sources,
    methodology_code text NOT NULL,
    methodology_version integer NOT NULL,
    period_from_ms bigint NOT NULL,
    period_until_ms bigint NOT NULL,
    issued_ms bigint NOT NULL,
    inputs_sha256 bytea NOT NULL CHECK (length(inputs_sha256) = 32),
    is_lost boolean NOT NULL DEFAULT false,  -- a recovery found its grams in the log; all else of it stands for unknown
    FOREIGN KEY (methodology_code, methodology_version) REFERENCES methodologies,
    UNIQUE (id, first_g, last_g),
    EXCLUDE USING gist (int8range(first_g, last_g) WITH &&)
);

CREATE TABLE activities (
    source_id bigint NOT NULL REFERENCES sources,
    reference bytea NOT NULL CHECK (length(reference) = 32),  -- a keyed digest of the platform's own
    account_id bigint NOT NULL REFERENCES accounts,
    starts_ms bigint NOT NULL,
    ends_ms bigint NOT NULL CHECK (ends_ms >= starts_ms),
    quantity_g bigint NOT NULL CHECK (quantity_g > 0),
    lot_id bigint NOT NULL REFERENCES lots,
    PRIMARY KEY (source_id, reference)
);
CREATE INDEX activities_account ON activities (account_id, starts_ms);
CREATE INDEX activities_lot ON activities (lot_id);

CREATE TABLE movements (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    act_id bigint NOT NULL REFERENCES acts,
    giver_id bigint REFERENCES accounts,  -- the holder before it; NULL for issues and records
    account_id bigint REFERENCES accounts,  -- the holder after it; NULL at the end and for records
    kind smallint NOT NULL,
    form smallint NOT NULL,
    flags smallint NOT NULL,
    purpose integer NOT NULL,
    first_g bigint NOT NULL,
    last_g bigint NOT NULL,
    parent_id bigint REFERENCES movements,
    at_ms bigint NOT NULL CHECK (at_ms >= 0 AND at_ms < 281474976710656),
    until_ms bigint NOT NULL CHECK (until_ms >= 0 AND until_ms < 281474976710656),
    from_tag bytea NOT NULL CHECK (length(from_tag) = 20),
    to_tag bytea NOT NULL CHECK (length(to_tag) = 20),
    evidence bytea NOT NULL REFERENCES evidence,
    CONSTRAINT movements_kind CHECK (kind BETWEEN 1 AND 11 OR kind BETWEEN 64 AND 255),
    CONSTRAINT movements_range CHECK (kind >= 64 OR last_g > first_g),
    CONSTRAINT movements_record CHECK (kind < 64 OR (form = 0 AND flags = 0 AND purpose = 0 AND first_g = 0
        AND last_g = 0 AND parent_id IS NULL AND until_ms = 0 AND from_tag = '\x0000000000000000000000000000000000000000'
        AND to_tag = '\x0000000000000000000000000000000000000000')),
    CONSTRAINT movements_issue CHECK (kind <> 1 OR (form = 1 AND flags & ~11 = 0 AND purpose = 0
        AND parent_id IS NULL AND until_ms = 0 AND from_tag = '\x0000000000000000000000000000000000000000')),
    CONSTRAINT movements_parent_named CHECK (kind NOT BETWEEN 2 AND 11 OR parent_id IS NOT NULL),
    CONSTRAINT movements_giver_of_parent CHECK ((parent_id IS NULL) = (giver_id IS NULL)),
    CONSTRAINT movements_parent_before CHECK (parent_id < id),
    CONSTRAINT movements_holder_of_form CHECK ((form = 0) = (account_id IS NULL)),
    -- Not only live blocks: grams that have ended are not issued again either.
    CONSTRAINT movements_issued_once EXCLUDE USING gist (int8range(first_g, last_g) WITH &&) WHERE (kind = 1)
);
CREATE INDEX movements_parent ON movements (parent_id, first_g);
CREATE INDEX movements_act ON movements (act_id);
CREATE INDEX movements_giver ON movements (giver_id, id) WHERE giver_id IS NOT NULL;
CREATE INDEX movements_holder ON movements (account_id, id) WHERE account_id IS NOT NULL;
CREATE INDEX movements_issued ON movements (first_g) WHERE kind = 1;
CREATE INDEX movements_ended ON movements (first_g) WHERE kind IN (7, 8, 9);
CREATE INDEX movements_states ON movements (id) WHERE kind = 72;

CREATE TABLE blocks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    movement_id bigint NOT NULL REFERENCES movements,  -- the movement that made it
    account_id bigint NOT NULL REFERENCES accounts,
    lot_id bigint NOT NULL,
    lot_first_g bigint NOT NULL,
    lot_last_g bigint NOT NULL,
    first_g bigint NOT NULL,
    last_g bigint NOT NULL CHECK (last_g > first_g),
    form smallint NOT NULL CHECK (form IN (1, 2)),
    flags smallint NOT NULL,
    until_ms bigint NOT NULL,
    FOREIGN KEY (lot_id, lot_first_g, lot_last_g) REFERENCES lots (id, first_g, last_g) ON UPDATE CASCADE,
    CHECK (first_g >= lot_first_g AND last_g <= lot_last_g),
    EXCLUDE USING gist (int8range(first_g, last_g) WITH &&)
);
-- Spending order: earliest expiry first, then the lowest number.
CREATE INDEX blocks_holder ON blocks (account_id, form, until_ms, first_g);
CREATE INDEX blocks_movement ON blocks (movement_id);
CREATE UNIQUE INDEX blocks_first ON blocks (first_g);

CREATE TABLE certificates (
    number text PRIMARY KEY,
    act_id bigint NOT NULL UNIQUE REFERENCES acts,
    account_id bigint NOT NULL REFERENCES accounts,
    holder text,  -- personal where the holder is a person: NULL once erased
    purpose integer NOT NULL,
    form smallint NOT NULL CHECK (form IN (1, 2)),
    quantity_g bigint NOT NULL CHECK (quantity_g > 0),
    beneficiary text,
    statement text,
    issued_ms bigint NOT NULL
);
CREATE INDEX certificates_account ON certificates (account_id);

CREATE TABLE idempotency (
    principal text NOT NULL,
    key text NOT NULL,
    request_mac bytea NOT NULL CHECK (length(request_mac) = 32),  -- under a key: a body may hold a name
    status integer,
    response jsonb,
    at_ms bigint NOT NULL,
    PRIMARY KEY (principal, key)
);

-- The queue between the ledger and the log. Neither it nor log_entries refers to movements by a foreign key: only the
-- trigger and the sequencer write them, and a check on each of millions of rows would cost more than the rest.
CREATE TABLE unsequenced (movement_id bigint PRIMARY KEY);

CREATE TABLE log_entries (
    index bigint PRIMARY KEY CHECK (index >= 0),
    movement_id bigint NOT NULL UNIQUE,
    leaf bytea NOT NULL CHECK (length(leaf) = 114)
);

CREATE TABLE log_head (
    sole boolean PRIMARY KEY DEFAULT true CHECK (sole),
    size bigint NOT NULL CHECK (size >= 0),
    published_size bigint NOT NULL CHECK (published_size >= 0 AND published_size <= size),
    -- The largest size of this log that anybody outside was seen to hold. While it is larger than what is signed here,
    -- this database was set back: nothing is written, and nothing signed, until the log was replayed into it.
    known_size bigint NOT NULL DEFAULT 0
);
INSERT INTO log_head VALUES (true, 0, 0);

-- Leaves [from_size, size) came back out of the public log.
CREATE TABLE recoveries (
    from_size bigint PRIMARY KEY CHECK (from_size >= 0),
    size bigint NOT NULL CHECK (size > from_size),
    source text NOT NULL,
    begun_ms bigint NOT NULL,
    finished_ms bigint
);

CREATE TABLE checkpoints (
    size bigint PRIMARY KEY CHECK (size >= 0),
    root bytea NOT NULL CHECK (length(root) = 32),
    frontier_g bigint NOT NULL CHECK (frontier_g >= 0),
    ended_g bigint NOT NULL CHECK (ended_g >= 0 AND ended_g <= frontier_g),
    peaks bytea NOT NULL,  -- roots of the perfect subtrees, leftmost first: what hashing goes on from
    note text NOT NULL,  -- signed by the log alone
    signed_ms bigint NOT NULL
);

CREATE TABLE publications (
    size bigint PRIMARY KEY REFERENCES checkpoints,
    note text NOT NULL,  -- as it was published, with cosignatures
    published_ms bigint NOT NULL
);

-- One size may be in two contracts, once the log has moved.
CREATE TABLE anchors (
    size bigint NOT NULL REFERENCES publications,
    chain_id bigint NOT NULL,
    contract text NOT NULL,
    transaction text,  -- NULL when it was found on the chain and not sent from here
    block bigint NOT NULL,
    gas bigint,
    anchored_ms bigint NOT NULL,
    final_ms bigint,
    PRIMARY KEY (chain_id, contract, size)
);

-- What was signed to be sent to a chain, written before it is sent, until the account's nonce has passed it.
CREATE TABLE chain_transactions (
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    chain_id bigint NOT NULL,
    payer text NOT NULL,
    nonce bigint NOT NULL CHECK (nonce >= 0),
    call bytea NOT NULL CHECK (octet_length(call) = 32),  -- SHA-256 of where it goes and its data
    raw bytea NOT NULL,
    sent_ms bigint NOT NULL
);

-- Whether a child is lawful against its parent: the rules of registry/ledger/rules.py once more, as one expression.
-- Flags: 1 CLASS_I, 2 SCENARIO, 4 CONVERTED, 8 INDIVIDUAL, 16 LOCKED.
CREATE FUNCTION lawful(c movements, p movements) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN p.form IN (1, 2) AND p.kind < 64
    AND c.first_g >= p.first_g AND c.last_g <= p.last_g AND c.first_g < c.last_g
    AND c.form = CASE
        WHEN c.kind = 2 AND p.form = 1 THEN 1
        WHEN c.kind = 3 AND p.form = 1 THEN 2
        WHEN c.kind IN (4, 5) AND p.form = 2 THEN 2
        WHEN c.kind = 6 AND p.form = 2 THEN 1
        WHEN c.kind = 7 AND p.form = 2 THEN 0
        WHEN c.kind IN (8, 9) THEN 0
        WHEN c.kind IN (10, 11) THEN p.form
        ELSE -1 END
    AND c.flags & ~31 = 0
    AND CASE c.kind
        WHEN 2 THEN c.purpose BETWEEN 1 AND 4
        WHEN 8 THEN CASE p.form WHEN 1 THEN c.purpose BETWEEN 16 AND 20 ELSE c.purpose IN (16, 18) END
        WHEN 9 THEN c.purpose = 48
        WHEN 10 THEN CASE p.form WHEN 1 THEN c.purpose BETWEEN 32 AND 34 ELSE c.purpose = 34 END
        ELSE c.purpose = 0 END
    AND c.at_ms >= p.at_ms
    AND c.from_tag = p.to_tag
    AND CASE
        WHEN c.kind IN (3, 6, 10, 11) THEN c.to_tag = c.from_tag
        WHEN c.kind IN (2, 4) THEN c.to_tag <> c.from_tag
        WHEN c.kind = 5 THEN p.kind = 4 AND c.to_tag = p.from_tag
        ELSE c.to_tag = '\x0000000000000000000000000000000000000000' END
    AND (c.flags # p.flags) & 3 = 0
    AND CASE c.kind
        WHEN 3 THEN p.flags & 6 = 2 AND c.flags & 4 = 4
        ELSE (c.flags # p.flags) & 4 = 0 END
    AND CASE c.kind
        WHEN 2 THEN true
        WHEN 3 THEN p.flags & 8 = 8 AND c.flags & 8 = 8
        WHEN 4 THEN p.flags & 8 = 8 AND c.flags & 8 = 0
        WHEN 5 THEN c.flags & 8 = 8
        WHEN 6 THEN p.flags & 8 = 0 AND c.flags & 8 = 0
        WHEN 7 THEN p.flags & 8 = 8 AND c.flags & 8 = 0
        WHEN 8 THEN c.flags & 8 = 0
        WHEN 9 THEN c.flags & 8 = 0
        ELSE (c.flags # p.flags) & 8 = 0 END
    AND (c.flags & 16 = 16) = (c.kind = 10)
    AND CASE
        WHEN c.kind = 11 THEN p.flags & 16 = 16
        WHEN p.flags & 16 = 0 OR c.kind = 9 THEN true
        ELSE c.kind = 2 AND p.kind = 10 AND (c.purpose, p.purpose) IN ((2, 32), (4, 33)) END
    AND CASE
        WHEN c.kind = 3 THEN c.until_ms > c.at_ms
        WHEN c.form = 2 THEN c.until_ms = p.until_ms
        ELSE c.until_ms = 0 END
    AND CASE
        WHEN c.kind = 4 THEN c.at_ms <= p.until_ms
        WHEN c.kind = 7 THEN c.at_ms > p.until_ms
        WHEN c.kind = 8 AND p.form = 2 AND p.flags & 8 = 8 THEN c.at_ms <= p.until_ms
        ELSE true END
    AND (c.purpose <> 20 OR p.flags & 1 = 1);

-- Whether giver and holder, as accounts, are whom the kind says; the tags say the same, but only key holders read them.
CREATE FUNCTION held(c movements, p movements) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN c.giver_id = p.account_id AND CASE
    WHEN c.kind IN (3, 6, 10, 11) THEN c.account_id = c.giver_id
    WHEN c.kind IN (2, 4) THEN c.account_id <> c.giver_id
    WHEN c.kind = 5 THEN c.account_id = p.giver_id
    ELSE c.account_id IS NULL END;

-- Nothing is written to a database that was set back, but by the replay of the public log.
CREATE FUNCTION refuse_if_behind() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM log_head WHERE known_size > size)
        AND current_setting('gramledger.replaying', true) IS DISTINCT FROM 'yes' THEN
        RAISE EXCEPTION 'the public log is ahead of this database'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'log_behind';
    END IF;
END $$;

CREATE FUNCTION refuse_behind() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refuse_if_behind();
    RETURN NULL;
END $$;
CREATE TRIGGER not_behind BEFORE INSERT ON accounts FOR EACH STATEMENT EXECUTE FUNCTION refuse_behind();
CREATE TRIGGER not_behind BEFORE INSERT OR UPDATE OR DELETE ON consents
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_behind();

-- Blocks follow from movements, and nothing else writes them: a movement takes its grams out of the one live block
-- that its parent made. A gram that is no longer there cannot be taken twice.
CREATE FUNCTION apply_movements() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    m movements;
    p movements;
    b blocks;
BEGIN
    PERFORM refuse_if_behind();
    INSERT INTO unsequenced SELECT id FROM written;
    INSERT INTO blocks (movement_id, account_id, lot_id, lot_first_g, lot_last_g, first_g, last_g, form, flags, until_ms)
        SELECT w.id, w.account_id, l.id, l.first_g, l.last_g, w.first_g, w.last_g, w.form, w.flags, w.until_ms
        FROM written w LEFT JOIN lots l ON l.first_g <= w.first_g AND l.last_g >= w.last_g
        WHERE w.kind = 1;
    FOR m IN SELECT * FROM written WHERE kind BETWEEN 2 AND 11 ORDER BY id LOOP
        SELECT * INTO STRICT p FROM movements WHERE id = m.parent_id;
        IF lawful(m, p) IS NOT TRUE THEN
            RAISE EXCEPTION 'movement % is not allowed by its parent %', m.id, p.id
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'movements_lawful';
        END IF;
        IF held(m, p) IS NOT TRUE THEN
            RAISE EXCEPTION 'movement % does not go from and to the accounts that its kind says', m.id
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'movements_held';
        END IF;
        DELETE FROM blocks
            WHERE movement_id = m.parent_id AND first_g <= m.first_g AND last_g >= m.last_g
            RETURNING * INTO b;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the grams of movement % are no longer in a live block of movement %', m.id, p.id
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'movements_taken_once';
        END IF;
        INSERT INTO blocks
            (movement_id, account_id, lot_id, lot_first_g, lot_last_g, first_g, last_g, form, flags, until_ms)
            SELECT b.movement_id, b.account_id, b.lot_id, b.lot_first_g, b.lot_last_g, r.f, r.l, b.form, b.flags, b.until_ms
            FROM (VALUES (b.first_g, m.first_g), (m.last_g, b.last_g)) AS r (f, l) WHERE r.f < r.l
            UNION ALL
            SELECT m.id, m.account_id, b.lot_id, b.lot_first_g, b.lot_last_g, m.first_g, m.last_g, m.form, m.flags, m.until_ms
            WHERE m.form <> 0;
    END LOOP;
    RETURN NULL;
END $$;

CREATE TRIGGER apply AFTER INSERT ON movements REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION apply_movements();

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: what is written is corrected by later acts', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_TABLE_NAME || '_written_once';
END $$;

CREATE FUNCTION refuse_by_hand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION '% of % is refused: it follows from movements', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = TG_TABLE_NAME || '_follows';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON movements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON log_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON publications
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER written_once BEFORE DELETE OR TRUNCATE ON lots
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER written_once_found BEFORE UPDATE ON lots FOR EACH ROW  -- a lost one gets its facts back, once
    WHEN (NOT OLD.is_lost OR NEW.is_lost OR (NEW.first_g, NEW.last_g) <> (OLD.first_g, OLD.last_g))
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON activities
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON acts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON policies
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON methodologies
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER written_once BEFORE DELETE OR TRUNCATE ON certificates  -- erasure takes the words out
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER follows BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON blocks
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_by_hand();

CREATE FUNCTION frontier_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR NEW.next_g < OLD.next_g THEN
        RAISE EXCEPTION 'the frontier only grows'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'frontier_only_grows';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON frontier FOR EACH ROW EXECUTE FUNCTION frontier_only_grows();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON frontier FOR EACH STATEMENT EXECUTE FUNCTION frontier_only_grows();


CREATE FUNCTION log_head_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR NEW.size < OLD.size OR NEW.published_size < OLD.published_size
        OR NEW.known_size < OLD.known_size THEN
        RAISE EXCEPTION 'the log only grows'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'log_head_only_grows';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON log_head FOR EACH ROW EXECUTE FUNCTION log_head_only_grows();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON log_head FOR EACH STATEMENT EXECUTE FUNCTION log_head_only_grows();

-- An anchor that a reorganisation took is forgotten; one that was called final never is.
CREATE FUNCTION keep_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.final_ms IS NOT NULL
        AND (NEW.size, NEW.chain_id, NEW.contract) = (OLD.size, OLD.chain_id, OLD.contract) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% of a final anchor is refused', TG_OP
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'anchors_final';
END $$;
CREATE TRIGGER keep_final BEFORE UPDATE OR DELETE ON anchors
    FOR EACH ROW WHEN (OLD.final_ms IS NOT NULL) EXECUTE FUNCTION keep_final();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON anchors FOR EACH STATEMENT EXECUTE FUNCTION keep_final();

-- Erasure replaces values by their digests; nothing else happens to evidence, and a value withheld never comes back.
-- A document that was lost may be given back whole, once.
CREATE FUNCTION evidence_only_loses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.fields IS NULL AND NEW.fields IS NOT NULL AND NEW.digest = OLD.digest THEN
        RETURN NEW;
    END IF;
    IF NEW.digest <> OLD.digest OR NEW.account_id IS DISTINCT FROM OLD.account_id OR NOT NEW.personal <@ OLD.personal
        OR EXISTS (
            SELECT FROM jsonb_each(OLD.fields) o FULL JOIN jsonb_each(NEW.fields) n USING (key)
            WHERE o.value IS DISTINCT FROM n.value
                AND (jsonb_typeof(o.value) = 'array' AND jsonb_typeof(n.value) = 'string') IS NOT TRUE
        )
        OR EXISTS (SELECT FROM unnest(OLD.personal) p WHERE p <> ALL (NEW.personal)
            AND jsonb_typeof(NEW.fields -> p) <> 'string') THEN
        RAISE EXCEPTION 'evidence only loses values'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'evidence_written_once';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER only_loses BEFORE UPDATE ON evidence FOR EACH ROW EXECUTE FUNCTION evidence_only_loses();
CREATE TRIGGER written_once BEFORE DELETE OR TRUNCATE ON evidence
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A movement leaves the queue when it has its index, and not before. EXCEPT is one pass over both, whatever joins the
-- sequencer has switched off.
CREATE FUNCTION queued_until_logged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (
            SELECT movement_id FROM gone
            EXCEPT
            SELECT movement_id FROM log_entries WHERE movement_id >= (SELECT min(movement_id) FROM gone)
                AND movement_id <= (SELECT max(movement_id) FROM gone)
        ) THEN
            RETURN NULL;
        END IF;
    END IF;
    RAISE EXCEPTION '% of unsequenced is refused for movements that are not in the log', TG_OP
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'unsequenced_until_logged';
END $$;
CREATE TRIGGER until_logged AFTER DELETE ON unsequenced REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION queued_until_logged();
CREATE TRIGGER not_emptied BEFORE UPDATE OR TRUNCATE ON unsequenced
    FOR EACH STATEMENT EXECUTE FUNCTION queued_until_logged();
