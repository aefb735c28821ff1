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
    name bytea,  -- personal, sealed under the account's own key (registry/accounts/vault.py): NULL once erased
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

-- Who signs in: a subject of an issuer (OpenID Connect), found by a keyed digest and never by its name. What it may is in
-- `grants` alone. An erased account's subject goes with its last grant.
CREATE TABLE subjects (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE CHECK (length(digest) = 32),  -- of issuer and subject, under the master key
    sealed bytea NOT NULL,  -- issuer and subject, AES-256-GCM under the master key
    known_ms bigint NOT NULL
);

-- An officer is a subject, an authority and a number. A number is one subject's for good: decisions on record name it.
CREATE TABLE officers (
    authority text NOT NULL CHECK (authority IN ('centre', 'exchange', 'bureau', 'district-bureau')),
    number integer NOT NULL CHECK (number > 0),
    subject_id bigint NOT NULL REFERENCES subjects,
    PRIMARY KEY (authority, number),
    UNIQUE (authority, subject_id),
    UNIQUE (authority, number, subject_id)
);

-- What a subject may, from when until when; what ended is kept.
CREATE TABLE grants (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject_id bigint NOT NULL REFERENCES subjects,
    role text NOT NULL,
    account_id bigint REFERENCES accounts,
    officer integer,
    granted_ms bigint NOT NULL,
    granted_by text NOT NULL,  -- an officer, such as bureau:1, or operator
    revoked_ms bigint CHECK (revoked_ms >= granted_ms),
    revoked_by text,
    CHECK ((revoked_ms IS NULL) = (revoked_by IS NULL)),
    CHECK (CASE
        WHEN role IN ('holder', 'applicant', 'platform', 'provider', 'trader') THEN account_id IS NOT NULL AND officer IS NULL
        WHEN role IN ('centre', 'exchange', 'bureau', 'district-bureau') THEN account_id IS NULL AND officer IS NOT NULL
        ELSE role IN ('expert', 'service-body') AND account_id IS NULL AND officer IS NULL END),
    FOREIGN KEY (role, officer, subject_id) REFERENCES officers (authority, number, subject_id)
);
CREATE UNIQUE INDEX grants_standing ON grants (subject_id, role, account_id) NULLS NOT DISTINCT WHERE revoked_ms IS NULL;
CREATE INDEX grants_account ON grants (account_id) WHERE account_id IS NOT NULL;

-- Who signed in with a browser: a cookie's digest, and until when it is good.
CREATE TABLE sessions (
    digest bytea PRIMARY KEY CHECK (length(digest) = 32),
    subject_digest bytea NOT NULL CHECK (length(subject_digest) = 32),
    begun_ms bigint NOT NULL,
    ends_ms bigint NOT NULL CHECK (ends_ms > begun_ms)
);
CREATE INDEX sessions_subject ON sessions (subject_digest);
CREATE INDEX sessions_ending ON sessions (ends_ms);

CREATE TABLE methodologies (
    code text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    class text NOT NULL CHECK (class IN ('I', 'II')),
    status text NOT NULL CHECK (status IN ('official', 'illustrative')),
    record jsonb NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    decision bytea NOT NULL CHECK (length(decision) = 32),  -- evidence of the decision that published it
    PRIMARY KEY (code, version)
);

CREATE TABLE methodology_texts (  -- as they were submitted; what is decided of them names their digest
    code text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
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
    decision bytea NOT NULL CHECK (length(decision) = 32),  -- evidence of the decision that published it
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

-- A person's consent to a source, from a moment until another: what ended is kept, and may be given anew.
CREATE TABLE consents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id bigint NOT NULL REFERENCES sources,
    platform_user text NOT NULL,  -- the platform's own name for the person
    account_id bigint NOT NULL REFERENCES accounts,
    given_ms bigint NOT NULL,
    revoked_ms bigint CHECK (revoked_ms >= given_ms)
);
CREATE UNIQUE INDEX consents_standing ON consents (source_id, platform_user) WHERE revoked_ms IS NULL;
CREATE INDEX consents_user ON consents (source_id, platform_user);
CREATE INDEX consents_account ON consents (account_id);

-- What a person gives to a platform to show that the account is theirs, once and within minutes.
CREATE TABLE link_codes (
    digest bytea PRIMARY KEY CHECK (length(digest) = 32),
    account_id bigint NOT NULL REFERENCES accounts,
    source_id bigint NOT NULL REFERENCES sources,
    ends_ms bigint NOT NULL
);
CREATE INDEX link_codes_account ON link_codes (account_id);

-- A holder lets another account's traders trade for it, from a moment until another.
CREATE TABLE mandates (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts,
    agent_id bigint NOT NULL REFERENCES accounts CHECK (agent_id <> account_id),
    given_ms bigint NOT NULL,
    until_ms bigint CHECK (until_ms > given_ms),
    ended_ms bigint CHECK (ended_ms >= given_ms)
);
CREATE UNIQUE INDEX mandates_standing ON mandates (account_id, agent_id) WHERE ended_ms IS NULL;
CREATE INDEX mandates_agent ON mandates (agent_id) WHERE ended_ms IS NULL;

-- Cards, plates and meters: each is one account's at a time.
CREATE TABLE belongings (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('card', 'plate', 'meter')),
    digest bytea NOT NULL CHECK (length(digest) = 32),  -- of kind and number, under the master key
    sealed bytea NOT NULL,  -- the number, under the master key
    account_id bigint NOT NULL REFERENCES accounts,
    linked_by text NOT NULL,  -- holder, or an officer who helped
    from_ms bigint NOT NULL,
    until_ms bigint CHECK (until_ms >= from_ms)
);
CREATE UNIQUE INDEX belongings_standing ON belongings (digest) WHERE until_ms IS NULL;
CREATE INDEX belongings_account ON belongings (account_id);

-- Who of others read what is a person's, and what for.
CREATE TABLE reads (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts,
    reader text NOT NULL,  -- an officer, or a platform by its account's number
    what text NOT NULL,
    purpose text NOT NULL,
    at_ms bigint NOT NULL
);
CREATE INDEX reads_account ON reads (account_id, id);

CREATE TABLE evidence (
    digest bytea PRIMARY KEY CHECK (length(digest) = 32),
    account_id bigint REFERENCES accounts,
    personal text[] NOT NULL DEFAULT '{}',
    fields jsonb,  -- name -> [salt, value], or name -> hex digest once erased; NULL: lost, only the digest is known
    -- Of a record: what the log publishes of it, in RFC 8785 form. It stays as it is, whatever is erased or lost.
    public text
);
CREATE INDEX evidence_account ON evidence (account_id) WHERE personal <> '{}';

-- What is decided about, and which records are its decisions, in the order of their numbers. What a decision says stands
-- in its document alone.
CREATE TABLE cases (
    number text PRIMARY KEY CHECK (number ~ '^[PMSIC]-[1-9][0-9]{0,18}$'),
    about text,  -- a policy's name, or a methodology's code
    CHECK ((about IS NOT NULL) = (number ~ '^[PM]'))
);
CREATE UNIQUE INDEX cases_about ON cases (left(number, 1), about) WHERE about IS NOT NULL;

CREATE TABLE decisions (
    movement_id bigint PRIMARY KEY,
    case_number text NOT NULL REFERENCES cases
);
CREATE INDEX decisions_case ON decisions (case_number, movement_id);
CREATE INDEX decisions_record ON decisions (left(case_number, 1), movement_id);

-- Decisions that an officer moved and another must approve before they are taken. A case has one open at a time.
CREATE TABLE motions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_number text NOT NULL REFERENCES cases,
    decision text NOT NULL,
    mover text NOT NULL,  -- an authority and its officer's number, as decisions have it
    reason text,
    moved_ms bigint NOT NULL,
    ended_ms bigint CHECK (ended_ms >= moved_ms),
    ended_by text,
    approved boolean,
    CHECK (num_nulls(ended_ms, ended_by, approved) IN (0, 3))
);
CREATE UNIQUE INDEX motions_open ON motions (case_number) WHERE ended_ms IS NULL;

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
    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,  -- a lost one gets its old number back
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
    activities bigint NOT NULL DEFAULT 0 CHECK (activities >= 0),  -- issued for how many; 0: lost with a database
    FOREIGN KEY (methodology_code, methodology_version) REFERENCES methodologies,
    UNIQUE (id, first_g, last_g),
    EXCLUDE USING gist (int8range(first_g, last_g) WITH &&)
);
CREATE UNIQUE INDEX lots_first ON lots (first_g);  -- in which lot one of thousands of grams lies

CREATE TABLE activities (
    source_id bigint NOT NULL REFERENCES sources,
    reference bytea NOT NULL CHECK (length(reference) = 32),  -- a keyed digest of the platform's own
    account_id bigint REFERENCES accounts,  -- this and what follows: NULL once the account is erased
    starts_ms bigint,
    ends_ms bigint CHECK (ends_ms >= starts_ms),
    quantity_g bigint CHECK (quantity_g > 0),
    lot_id bigint REFERENCES lots,
    PRIMARY KEY (source_id, reference),
    CHECK (num_nulls(account_id, starts_ms, ends_ms, quantity_g, lot_id) IN (0, 5))
);
CREATE INDEX activities_account ON activities (account_id);
CREATE INDEX activities_lot ON activities (lot_id);

-- When a person, vehicle, meter or card was at what was issued for, each under a keyed digest: one thing at a time,
-- across scenarios and platforms. These rows go when the account is erased.
CREATE TABLE occupied (
    subject bytea NOT NULL CHECK (length(subject) = 32),
    starts_ms bigint NOT NULL,
    ends_ms bigint NOT NULL CHECK (ends_ms >= starts_ms),
    account_id bigint NOT NULL REFERENCES accounts,
    lot_id bigint NOT NULL REFERENCES lots
);
CREATE INDEX occupied_subject ON occupied (subject, starts_ms);
CREATE INDEX occupied_account ON occupied (account_id);
CREATE INDEX occupied_lot ON occupied (lot_id);

-- The number, big-endian, in eight bytes of a tag, from the byte `at` on, counted from 1; negative from 2^63 on.
CREATE FUNCTION tag_number(tag bytea, at integer) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT
RETURN CAST(CAST('x' || encode(substr(tag, at, 8), 'hex') AS bit(64)) AS bigint);

-- Whether the tag of a GATHER of so many grams is the place of these grams in a bundle: its first number, not above that
-- of the first gram, from which they end below 2^63.
CREATE FUNCTION is_target(tag bytea, grams bigint) RETURNS boolean LANGUAGE sql IMMUTABLE  -- not STRICT: it is inlined
RETURN substr(tag, 1, 4) = '\x00000000' AND substr(tag, 5, 1) < '\x80' AND substr(tag, 5, 8) <= substr(tag, 13, 8)
    AND substr(tag, 13, 8) <= int8send(9223372036854775807 - grams);  -- big-endian: bytes stand in the order of numbers

-- Whether the GATHER of this tag is the first of its run.
CREATE FUNCTION begins_run(tag bytea) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN substr(tag, 5, 8) = substr(tag, 13, 8);

-- What it names is held by its triggers, for all rows of a statement at once (`movements_..._fkey` in apply_movements and
-- refuse_orphans): foreign keys look at each row by itself, and of thousands that was a quarter of all the work.
CREATE TABLE movements (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    act_id bigint NOT NULL,  -- of acts
    giver_id bigint,  -- of accounts: the holder before it; NULL for issues and records
    account_id bigint,  -- of accounts: the holder after it; NULL at the end and for records
    kind smallint NOT NULL,
    form smallint NOT NULL,
    flags smallint NOT NULL,
    purpose integer NOT NULL,
    first_g bigint NOT NULL,
    last_g bigint NOT NULL,
    parent_id bigint,  -- of movements
    at_ms bigint NOT NULL CHECK (at_ms >= 0 AND at_ms < 281474976710656),
    until_ms bigint NOT NULL CHECK (until_ms >= 0 AND until_ms < 281474976710656),
    from_tag bytea NOT NULL CHECK (length(from_tag) = 20),
    to_tag bytea NOT NULL CHECK (length(to_tag) = 20),
    evidence bytea NOT NULL,  -- of evidence
    CONSTRAINT movements_kind CHECK (kind BETWEEN 1 AND 12 OR kind BETWEEN 64 AND 255),
    CONSTRAINT movements_range CHECK (kind >= 64 OR last_g > first_g),
    CONSTRAINT movements_record CHECK (kind < 64 OR (form = 0 AND flags = 0 AND purpose = 0 AND first_g = 0
        AND last_g = 0 AND parent_id IS NULL AND until_ms = 0 AND from_tag = '\x0000000000000000000000000000000000000000'
        AND to_tag = '\x0000000000000000000000000000000000000000')),
    CONSTRAINT movements_origin CHECK (kind NOT IN (1, 12) OR (form = 1 AND purpose = 0
        AND flags & ~CASE kind WHEN 1 THEN 11 ELSE 7 END = 0
        AND parent_id IS NULL AND until_ms = 0 AND from_tag = '\x0000000000000000000000000000000000000000')),
    CONSTRAINT movements_target CHECK (kind <> 6 OR is_target(to_tag, last_g - first_g)),
    CONSTRAINT movements_tag_of_holder CHECK (form = 0 OR to_tag <> '\x0000000000000000000000000000000000000000'),
    CONSTRAINT movements_parent_named CHECK (kind NOT BETWEEN 2 AND 11 OR parent_id IS NOT NULL),
    CONSTRAINT movements_giver_of_parent CHECK ((parent_id IS NULL) = (giver_id IS NULL)),
    CONSTRAINT movements_minute CHECK (kind >= 64 OR at_ms % 60000 = 0),
    CONSTRAINT movements_parent_before CHECK (parent_id < id),
    CONSTRAINT movements_holder_of_form CHECK ((form = 0) = (account_id IS NULL)),
    -- Not only live blocks: numbers that have ended are not given again either.
    CONSTRAINT movements_numbered_once EXCLUDE USING gist (int8range(first_g, last_g) WITH &&) WHERE (kind IN (1, 12))
);
CREATE INDEX movements_parent ON movements (parent_id, first_g);
CREATE INDEX movements_act ON movements (act_id);
CREATE INDEX movements_giver ON movements (giver_id, id) WHERE giver_id IS NOT NULL;
CREATE INDEX movements_holder ON movements (account_id, id) WHERE account_id IS NOT NULL;
CREATE INDEX movements_origins ON movements (first_g) WHERE kind IN (1, 12);
CREATE INDEX movements_ended ON movements (first_g) WHERE kind IN (6, 7, 8, 9);
CREATE UNIQUE INDEX movements_bundle ON movements (act_id) WHERE kind = 12;
-- The GATHERs of a bundle, in the order of its numbers.
CREATE INDEX movements_targets ON movements (tag_number(to_tag, 5), tag_number(to_tag, 13)) WHERE kind = 6;
CREATE INDEX movements_states ON movements (id) WHERE kind = 72;

CREATE TABLE blocks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    movement_id bigint NOT NULL,  -- of movements: the one that made it
    account_id bigint NOT NULL,
    lot_id bigint,  -- NULL, as the next two, for the grams of a bundle: they are of several
    lot_first_g bigint,
    lot_last_g bigint,
    first_g bigint NOT NULL,
    last_g bigint NOT NULL CHECK (last_g > first_g),
    form smallint NOT NULL CHECK (form IN (1, 2)),
    flags smallint NOT NULL,
    until_ms bigint NOT NULL,
    FOREIGN KEY (lot_id, lot_first_g, lot_last_g) REFERENCES lots (id, first_g, last_g) ON UPDATE CASCADE,
    CHECK (num_nulls(lot_id, lot_first_g, lot_last_g) IN (0, 3)),
    CHECK (first_g >= lot_first_g AND last_g <= lot_last_g),
    EXCLUDE USING gist (int8range(first_g, last_g) WITH &&)
);
-- Spending order: earliest expiry first, then the lowest number.
CREATE INDEX blocks_holder ON blocks (account_id, form, until_ms, first_g);
CREATE INDEX blocks_movement ON blocks (movement_id);
CREATE UNIQUE INDEX blocks_first ON blocks (first_g);
-- A person's points that can come to their end, soonest first.
CREATE INDEX blocks_expiring ON blocks (until_ms) WHERE form = 2 AND flags & 24 = 8;

-- Grams by state, of each lot, of all bundles (lot -1), and of all of these (lot 0): form 1 or 2 while they live, form 0
-- once they ended, with the purpose (0 for expired) or, for what was gathered, -1.
-- They count the leaves of the published log that are before `totals_counted`; whoever reads adds the few behind it.
CREATE TABLE totals (
    lot_id bigint NOT NULL,
    form smallint NOT NULL,
    purpose integer NOT NULL,
    grams bigint NOT NULL,
    PRIMARY KEY (lot_id, form, purpose)
);
CREATE TABLE totals_counted (
    sole boolean PRIMARY KEY DEFAULT true CHECK (sole),
    size bigint NOT NULL DEFAULT 0 CHECK (size >= 0)
);
INSERT INTO totals_counted DEFAULT VALUES;

-- Of which lots a bundle's grams are: stretches of its numbers, each of one lot, which has `lot_g` as its first gram. It
-- follows from movements, as blocks do, and is worked out once, when the bundle is made: what a bundle is made of is read
-- in one look, however often it was gathered again.
CREATE TABLE origins (
    first_g bigint PRIMARY KEY,
    last_g bigint NOT NULL CHECK (last_g > first_g),
    lot_g bigint NOT NULL
);

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
    claim bytea PRIMARY KEY CHECK (length(claim) = 32),  -- a keyed digest of who asked and their key
    request_mac bytea CHECK (length(request_mac) = 32),  -- a keyed digest of these and the request; NULL once erased
    account_id bigint REFERENCES accounts,  -- whom the answer is about: erasure empties all but the claim
    status integer,
    response jsonb
);
CREATE INDEX idempotency_account ON idempotency (account_id) WHERE account_id IS NOT NULL;

-- Acts that take long, each done step by step beside the others. An account has one at a time.
CREATE TABLE jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    turn bigint GENERATED ALWAYS AS IDENTITY,  -- the lowest is the next; whoever had it goes behind all others
    account_id bigint NOT NULL REFERENCES accounts,
    kind text NOT NULL,
    asked jsonb,  -- the body of the request, with people's words in it: NULL once the job has ended
    asked_ms bigint NOT NULL,
    total_g bigint NOT NULL CHECK (total_g > 0),
    done_g bigint NOT NULL DEFAULT 0 CHECK (done_g BETWEEN 0 AND total_g),
    made int8range[] NOT NULL DEFAULT '{}',  -- bundles on the way to the one that was asked for
    steps bigint NOT NULL DEFAULT 0,
    tries bigint NOT NULL DEFAULT 0,  -- turns that it had since its last step was done
    ended_ms bigint,
    answer jsonb,
    problem jsonb,
    CHECK ((ended_ms IS NULL) = (asked IS NOT NULL)),
    CHECK (num_nonnulls(answer, problem) = CASE WHEN ended_ms IS NULL THEN 0 ELSE 1 END)
);
CREATE UNIQUE INDEX jobs_of_account ON jobs (account_id) WHERE ended_ms IS NULL;
CREATE INDEX jobs_by_turn ON jobs (turn) WHERE ended_ms IS NULL;
CREATE INDEX jobs_account ON jobs (account_id, id);

-- While an account has a job, no other act takes its grams; else the job might find less than it was promised.
CREATE FUNCTION refuse_beside_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM jobs WHERE account_id = NEW.account_id AND ended_ms IS NULL
        AND id::text IS DISTINCT FROM current_setting('gramledger.job', true)) THEN
        RAISE EXCEPTION 'account % has a job under way', NEW.account_id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'acts_beside_job';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER beside_job AFTER INSERT ON acts FOR EACH ROW
    WHEN (NEW.kind IN ('convert', 'redeem', 'refund', 'gather', 'transfer', 'cancel', 'lock'))
    EXECUTE FUNCTION refuse_beside_job();

-- The queue between the ledger and the log. Neither it nor log_entries refers to movements by a foreign key: only the
-- trigger and the sequencer write them, and a check on each of millions of rows would cost more than the rest.
CREATE TABLE unsequenced (movement_id bigint PRIMARY KEY);

-- What shows that the program wrote `count` movements, from number `first_id` on: an HMAC under a key that is not here
-- (registry/ledger/sealing.py). None of them refers to another table, for the same reason.
CREATE TABLE seals (
    first_id bigint NOT NULL,
    count integer NOT NULL CHECK (count BETWEEN 1 AND 1000),
    mac bytea NOT NULL CHECK (length(mac) = 32),
    PRIMARY KEY (first_id, mac)  -- a false one does not keep the true one out
);

-- Movements that the sequencer took out of the queue: they do not stand, and never get an index while they are here.
CREATE TABLE set_aside (
    movement_id bigint PRIMARY KEY,
    reason text NOT NULL,
    at_ms bigint NOT NULL,
    dismissed_ms bigint,
    dismissed jsonb  -- the row, once it was taken out of the ledger
);

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
-- Not every signed checkpoint is published; so each publication says which one it came after, and none can be taken away.
CREATE FUNCTION last_published() RETURNS bigint LANGUAGE sql STABLE AS
    'SELECT coalesce(max(size), 0) FROM publications';
ALTER TABLE publications ADD COLUMN after bigint NOT NULL DEFAULT last_published();

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

-- How far the log is anchored, and final, is asked for with every movement that is shown.
CREATE INDEX anchors_size ON anchors (size);
CREATE INDEX anchors_final ON anchors (size) WHERE final_ms IS NOT NULL;

-- What was signed to be sent to a chain, written before it is sent, until the account's nonce has passed it.
CREATE TABLE chain_transactions (
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    chain_id bigint NOT NULL,
    payer text NOT NULL,
    nonce bigint NOT NULL CHECK (nonce >= 0),
    purpose bytea NOT NULL CHECK (octet_length(purpose) = 32),  -- which attempts have in common, whatever their bytes
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
        WHEN c.kind = 7 AND p.form = 2 THEN 0
        WHEN c.kind IN (6, 8, 9) THEN 0
        WHEN c.kind IN (10, 11) THEN p.form
        ELSE -1 END
    AND c.flags & ~31 = 0
    AND CASE c.kind
        WHEN 2 THEN c.purpose BETWEEN 1 AND 4
        WHEN 8 THEN CASE p.form WHEN 1 THEN c.purpose BETWEEN 16 AND 21 ELSE c.purpose IN (16, 18) END
        WHEN 9 THEN c.purpose = 48
        WHEN 10 THEN CASE p.form WHEN 1 THEN c.purpose BETWEEN 32 AND 34 ELSE c.purpose = 34 END
        ELSE c.purpose = 0 END
    AND c.at_ms >= p.at_ms
    AND c.from_tag = p.to_tag
    AND (c.form = 0 OR c.to_tag <> '\x0000000000000000000000000000000000000000')
    AND CASE
        WHEN c.kind IN (3, 10, 11) THEN c.to_tag = c.from_tag
        WHEN c.kind IN (2, 4) THEN c.to_tag <> c.from_tag
        WHEN c.kind = 5 THEN p.kind = 4 AND c.to_tag = p.from_tag
        WHEN c.kind = 6 THEN is_target(c.to_tag, c.last_g - c.first_g)
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
        WHEN 8 THEN c.flags & 8 = 0 AND (p.flags & 8 = 0 OR c.purpose <> 21)
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
    WHEN c.kind IN (3, 10, 11) THEN c.account_id = c.giver_id
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

-- What `origins` has of a bundle: from its pieces, which are of a lot, or of bundles whose origins are known.
CREATE FUNCTION origins_of(bundle bigint) RETURNS SETOF origins LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH piece AS MATERIALIZED (
        SELECT m.first_g, m.last_g, tag_number(m.to_tag, 13) - m.first_g AS onward, l.first_g AS lot_g
        FROM movements m LEFT JOIN LATERAL (
            SELECT first_g, last_g FROM lots WHERE first_g <= m.first_g ORDER BY first_g DESC LIMIT 1
        ) l ON l.last_g > m.first_g
        WHERE m.kind = 6 AND tag_number(m.to_tag, 5) = bundle
    ), stretch AS (
        SELECT first_g + onward AS first_g, last_g + onward AS last_g, lot_g FROM piece WHERE lot_g IS NOT NULL
        UNION ALL
        SELECT greatest(o.first_g, p.first_g) + onward, least(o.last_g, p.last_g) + onward, o.lot_g
        FROM piece p CROSS JOIN LATERAL (
            (SELECT * FROM origins WHERE first_g <= p.first_g ORDER BY first_g DESC LIMIT 1)
            UNION ALL
            SELECT * FROM origins WHERE first_g > p.first_g AND first_g < p.last_g
        ) o WHERE p.lot_g IS NULL AND o.last_g > p.first_g
    )
    -- Neighbours of one lot are one stretch.
    SELECT min(first_g), max(last_g), lot_g FROM (
        SELECT *, row_number() OVER (ORDER BY first_g) - row_number() OVER (PARTITION BY lot_g ORDER BY first_g) AS apart
        FROM stretch
    ) s GROUP BY lot_g, apart;
END;

-- Blocks follow from movements, and nothing else writes them: a movement takes its grams out of the one live block
-- that its parent made. A gram that is no longer there cannot be taken twice. A parent is written by an earlier statement.
-- It runs with its owner's rights: whoever writes movements cannot write blocks.
CREATE FUNCTION apply_movements() RETURNS trigger LANGUAGE plpgsql
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

CREATE TRIGGER apply AFTER INSERT ON movements REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION apply_movements();

-- Whether the GATHERs of an act have their BUNDLE behind them, which has their grams in that order, no more and no less.
CREATE FUNCTION is_whole_run(act bigint) RETURNS boolean LANGUAGE sql STABLE
RETURN (
    SELECT coalesce(
        bool_and(g.at_ms = b.at_ms AND g.flags = b.flags AND g.id < b.id
            AND tag_number(g.to_tag, 5) = b.first_g AND tag_number(g.to_tag, 13) = b.first_g + g.before)
        AND sum(g.grams) = max(b.last_g - b.first_g) AND count(*) <= 4096, false)
    FROM movements b CROSS JOIN LATERAL (
        SELECT id, at_ms, flags, to_tag, last_g - first_g AS grams, coalesce(sum(last_g - first_g) OVER (
            ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ), 0) AS before
        FROM movements WHERE act_id = act AND kind = 6
    ) g WHERE b.act_id = act AND b.kind = 12
);

-- One act, one run: it is whole when its transaction ends. Of the GATHERs the first is asked, without which the others are
-- not written.
CREATE FUNCTION check_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (CASE NEW.kind
        WHEN 6 THEN EXISTS (SELECT FROM movements WHERE act_id = NEW.act_id AND kind = 12)
        ELSE is_whole_run(NEW.act_id) END) THEN
        RAISE EXCEPTION 'movement % is no part of a whole run of GATHERs and their BUNDLE', NEW.id
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'movements_gathered';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER whole_run AFTER INSERT ON movements DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.kind = 12 OR NEW.kind = 6 AND begins_run(NEW.to_tag)) EXECUTE FUNCTION check_run();

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

CREATE TRIGGER written_once BEFORE UPDATE OR TRUNCATE ON movements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- What was set aside may be taken out of the ledger again: its block ends, and its parent has its grams back, but for
-- those that others took of it, or that were never taken. Whoever took grams of it goes first (movements_parent_id_fkey).
CREATE FUNCTION dismiss_movement() RETURNS trigger LANGUAGE plpgsql
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
                - coalesce((SELECT range_agg(int8range(b.first_g, b.last_g)) FROM blocks b
                    WHERE int8range(b.first_g, b.last_g) && int8range(OLD.first_g, OLD.last_g)), '{}')
            ) AS r LEFT JOIN lots o ON o.first_g <= lower(r) AND o.last_g >= upper(r);
    END IF;
    DELETE FROM certificates WHERE act_id = OLD.act_id;
    UPDATE set_aside SET dismissed = to_jsonb(OLD) WHERE movement_id = OLD.id;
    RETURN OLD;
END $$;
CREATE TRIGGER written_once_or_set_aside BEFORE DELETE ON movements FOR EACH ROW EXECUTE FUNCTION dismiss_movement();

-- Whoever takes grams of it meanwhile waits for its block, which is gone then; whoever did before is seen here.
CREATE FUNCTION refuse_orphans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM gone g WHERE (SELECT true FROM movements m WHERE m.parent_id = g.id LIMIT 1)) THEN
        RAISE EXCEPTION 'grams were taken of a movement that is to go'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'movements_parent_id_fkey';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER childless AFTER DELETE ON movements REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_orphans();
CREATE TRIGGER written_once BEFORE DELETE OR TRUNCATE OR UPDATE OF id ON accounts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER written_once BEFORE UPDATE OR TRUNCATE ON log_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON seals
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
CREATE TRIGGER written_once BEFORE DELETE OR TRUNCATE ON activities
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER written_once_erased BEFORE UPDATE ON activities FOR EACH ROW  -- erasure leaves that it was issued
    WHEN (NEW.account_id IS NOT NULL OR (NEW.source_id, NEW.reference) <> (OLD.source_id, OLD.reference))
    EXECUTE FUNCTION refuse_change();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON acts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON policies
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON methodologies
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON cases
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON decisions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Acts share the lock of a policy that they rest on, and whoever decides about it waits for them: so they come after it
-- in the log, or it is not in force at their time. The look-up is a statement of its own, and sees what it waited for.
CREATE FUNCTION policy_key(name text) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT
RETURN hashtextextended('gramledger/policy/' || name, 0);

CREATE FUNCTION policy_in_force(wanted text, at bigint) RETURNS SETOF policies LANGUAGE plpgsql VOLATILE STRICT ROWS 1 AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(policy_key(wanted));
    RETURN QUERY SELECT * FROM policies p WHERE p.name = wanted AND p.in_force_ms <= at
        ORDER BY p.in_force_ms DESC LIMIT 1;
END $$;
CREATE TRIGGER written_once BEFORE DELETE OR TRUNCATE ON certificates  -- erasure takes the words out
    FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER follows BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON blocks
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_by_hand();
CREATE TRIGGER follows BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON origins
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_by_hand();
CREATE FUNCTION totals_follow_lot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE totals SET lot_id = NEW.id WHERE lot_id = OLD.id;
    RETURN NULL;
END $$;
CREATE TRIGGER totals_follow AFTER UPDATE OF id ON lots FOR EACH ROW WHEN (OLD.id <> NEW.id)
    EXECUTE FUNCTION totals_follow_lot();

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
-- What was made for the public is there for good, and so has nothing that an erasure takes away.
-- A document that was lost may be given back whole, once.
CREATE FUNCTION evidence_only_loses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.fields IS NULL AND NEW.fields IS NOT NULL AND NEW.digest = OLD.digest
        AND NEW.public IS NOT DISTINCT FROM OLD.public THEN
        RETURN NEW;
    END IF;
    IF NEW.digest <> OLD.digest OR NEW.public IS DISTINCT FROM OLD.public OR NEW.account_id IS DISTINCT FROM OLD.account_id OR NOT NEW.personal <@ OLD.personal
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

-- Leaves that no signature covers yet may be staged anew; what was signed never changes.
CREATE FUNCTION signed_for_good() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM gone WHERE index < (SELECT size FROM log_head)) THEN
        RAISE EXCEPTION 'DELETE of log_entries is refused for leaves that are signed'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'log_entries_written_once';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER signed_for_good AFTER DELETE ON log_entries REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION signed_for_good();

-- A movement leaves the queue when it has its index, or was set aside, and not before. EXCEPT is one pass over all,
-- whatever joins the sequencer has switched off.
CREATE FUNCTION queued_until_logged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF NOT EXISTS (
            SELECT movement_id FROM gone
            EXCEPT
            SELECT movement_id FROM log_entries WHERE movement_id >= (SELECT min(movement_id) FROM gone)
                AND movement_id <= (SELECT max(movement_id) FROM gone)
            EXCEPT
            SELECT movement_id FROM set_aside
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
