-- Experts and technical service bodies have numbers as officers have, a role may end by itself, a district bureau's officer
-- is of a district, and a role is named by one officer and approved by another.

ALTER TABLE officers DROP CONSTRAINT officers_authority_check;
ALTER TABLE officers ADD CONSTRAINT officers_authority_check
    CHECK (authority IN ('centre', 'exchange', 'bureau', 'district-bureau', 'expert', 'service-body'));

ALTER TABLE grants
    ADD COLUMN until_ms bigint CHECK (until_ms > granted_ms),
    ADD COLUMN district text CHECK (district ~ '^[0-9]{6}$');
-- An expert without a number could do nothing, and is named anew with one.
UPDATE grants SET revoked_ms = granted_ms, revoked_by = 'operator'
    WHERE role IN ('expert', 'service-body') AND revoked_ms IS NULL;
ALTER TABLE grants DROP CONSTRAINT grants_check2;
ALTER TABLE grants ADD CONSTRAINT grants_role CHECK (CASE
    WHEN role IN ('holder', 'applicant', 'platform', 'provider', 'trader') THEN account_id IS NOT NULL AND officer IS NULL
    WHEN role IN ('centre', 'exchange', 'bureau', 'district-bureau') THEN account_id IS NULL AND officer IS NOT NULL
    ELSE role IN ('expert', 'service-body') AND account_id IS NULL AND (officer IS NOT NULL OR revoked_ms IS NOT NULL) END);
ALTER TABLE grants ADD CONSTRAINT grants_district CHECK (district IS NULL OR role = 'district-bureau');

-- Who may be asked for an opinion, and on what; from when until when, their grant says.
CREATE TABLE experts (
    role text NOT NULL CHECK (role IN ('expert', 'service-body')),
    number integer NOT NULL,
    fields text[] NOT NULL CHECK (cardinality(fields) > 0),
    name text,  -- a service body's, which is public; an expert is a number
    PRIMARY KEY (role, number),
    FOREIGN KEY (role, number) REFERENCES officers (authority, number),
    CHECK ((name IS NOT NULL) = (role = 'service-body'))
);

-- Roles that an officer named somebody for and another approves, or withdraws. Who it is goes when it has ended.
CREATE TABLE appointments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    role text NOT NULL,
    account_id bigint REFERENCES accounts,
    officer integer,
    district text,
    until_ms bigint,
    fields text[],
    name text,
    subject bytea,  -- issuer and subject, AES-256-GCM under the master key
    proposed_by text NOT NULL,
    proposed_ms bigint NOT NULL,
    ended_ms bigint CHECK (ended_ms >= proposed_ms),
    ended_by text,
    grant_id bigint,  -- what came of it; NULL while it waits, and of what was withdrawn
    CHECK ((ended_ms IS NULL) = (ended_by IS NULL) AND (ended_ms IS NULL) = (subject IS NOT NULL))
);
CREATE INDEX appointments_account ON appointments (account_id) WHERE account_id IS NOT NULL;
