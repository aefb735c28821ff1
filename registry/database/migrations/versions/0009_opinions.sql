-- Opinions of experts and service bodies on cases, and the integrity record of who takes part.

CREATE TABLE opinions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_number text NOT NULL REFERENCES cases,
    about bytea NOT NULL CHECK (length(about) = 32),  -- the case's last decision when it was asked
    role text NOT NULL,
    number integer NOT NULL,
    state text NOT NULL CHECK (state IN ('asked', 'given', 'recused', 'released')),
    asked_by text NOT NULL,
    asked_ms bigint NOT NULL,
    ended_ms bigint CHECK (ended_ms >= asked_ms),
    stance text CHECK (stance IN ('for', 'against', 'conditions')),
    reason text,  -- a word, public
    document bytea,  -- what the opinion says with its salts, AES-256-GCM under the master key
    digest bytea CHECK (length(digest) = 32),  -- of that document
    FOREIGN KEY (role, number) REFERENCES experts,
    UNIQUE (case_number, about, role, number),
    CHECK ((state = 'asked') = (ended_ms IS NULL)),
    CHECK ((state = 'given') = (digest IS NOT NULL) AND num_nulls(stance, document, digest) IN (0, 3))
);
CREATE INDEX opinions_asked ON opinions (role, number) WHERE state = 'asked';

CREATE TABLE integrity (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    role text,
    number integer,  -- of an expert or a service body
    account_id bigint REFERENCES accounts,  -- of an institution that applies, or runs a platform
    name text,  -- an institution's, public; an expert is a number
    finding text NOT NULL,
    reasons bytea NOT NULL,  -- sealed under the master key, as appeal and answer
    bars boolean NOT NULL,
    state text NOT NULL CHECK (state IN ('opened', 'in-force', 'withdrawn', 'lifted')),
    opened_by text NOT NULL,
    opened_ms bigint NOT NULL,
    approved_by text,
    approved_ms bigint CHECK (approved_ms >= opened_ms),
    until_ms bigint NOT NULL CHECK (until_ms > opened_ms),
    appeal bytea,
    appealed_ms bigint,
    answered_by text,
    answer bytea,
    answered_ms bigint CHECK (answered_ms >= appealed_ms),
    FOREIGN KEY (role, number) REFERENCES experts,
    CHECK (num_nulls(role, number) IN (0, 2) AND (role IS NULL) = (account_id IS NOT NULL)),
    CHECK ((state IN ('in-force', 'lifted')) = (approved_by IS NOT NULL)),
    CHECK ((approved_by IS NULL) = (approved_ms IS NULL) AND (appeal IS NULL) = (appealed_ms IS NULL)),
    CHECK (num_nulls(answered_by, answer, answered_ms) IN (0, 3) AND (answer IS NULL OR appeal IS NOT NULL))
);
CREATE INDEX integrity_account ON integrity (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX integrity_expert ON integrity (role, number) WHERE role IS NOT NULL;
