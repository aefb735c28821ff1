-- What an applicant or a methodology's author hands in by themselves; a mandate to apply; the district of a source.

ALTER TABLE mandates ADD COLUMN kind text NOT NULL DEFAULT 'trade' CHECK (kind IN ('trade', 'apply'));
DROP INDEX mandates_standing;
CREATE UNIQUE INDEX mandates_standing ON mandates (account_id, agent_id, kind) WHERE ended_ms IS NULL;

ALTER TABLE sources
    ADD COLUMN district text CHECK (district ~ '^[0-9]{6}$'),  -- NULL: of the whole city
    ADD COLUMN developer_id bigint REFERENCES accounts;  -- for whom the applicant applied, by mandate
CREATE INDEX sources_district ON sources (district) WHERE district IS NOT NULL;

CREATE TABLE submissions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    record text NOT NULL CHECK (record IN ('methodology', 'source')),
    account_id bigint REFERENCES accounts,  -- the applicant's; a methodology is anybody's
    submitter bytea NOT NULL CHECK (length(submitter) = 32),  -- the subject's digest
    district text CHECK (district ~ '^[0-9]{6}$'),
    content bytea,  -- as JSON, AES-256-GCM under the master key
    state text NOT NULL CHECK (state IN ('draft', 'submitted', 'returned', 'recorded', 'refused', 'withdrawn')),
    made_ms bigint NOT NULL,
    changed_ms bigint NOT NULL CHECK (changed_ms >= made_ms),
    officer text,  -- who returned, recorded or refused it
    reason text,
    words bytea,  -- what else the officer says to who handed it in, sealed
    case_number text REFERENCES cases,
    CHECK ((record = 'source') = (account_id IS NOT NULL)),
    CHECK ((state = 'recorded') = (case_number IS NOT NULL)),
    CHECK ((state = 'withdrawn') = (content IS NULL))
);
CREATE INDEX submissions_account ON submissions (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX submissions_submitter ON submissions (submitter);
CREATE INDEX submissions_waiting ON submissions (id) WHERE state = 'submitted';
