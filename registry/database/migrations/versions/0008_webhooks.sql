-- Where an institution wants its events sent, in whose name, and how far they are.
CREATE TABLE webhooks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts,
    subject_digest bytea NOT NULL CHECK (length(subject_digest) = 32),  -- who has it: what they may read is sent
    url text NOT NULL,
    types text[],  -- NULL for all that its owner may read
    secret bytea NOT NULL,  -- sealed
    old_secret bytea,
    old_until_ms bigint,
    made_ms bigint NOT NULL,
    delivered bigint NOT NULL,  -- the number of the last event that need not be sent any more
    tries bigint NOT NULL DEFAULT 0,  -- that failed, of the next event
    next_ms bigint NOT NULL DEFAULT 0,
    failing_ms bigint,
    failure text,
    disabled_ms bigint,
    disabled_for text,
    CHECK ((old_secret IS NULL) = (old_until_ms IS NULL)),
    CHECK ((disabled_ms IS NULL) = (disabled_for IS NULL))
);
CREATE INDEX webhooks_account ON webhooks (account_id);
