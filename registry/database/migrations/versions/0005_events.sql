-- What happened to what is an institution's, for those who ask or are told. It is written in the transaction in which it
-- happened, and numbered once that is committed, account by account and without a gap: whoever has read up to a number
-- has read all that will ever be before it.
CREATE TABLE events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- as it was drawn; a lower one may be committed later
    account_id bigint NOT NULL REFERENCES accounts,
    number bigint CHECK (number > 0),  -- its place in the account's feed
    type text NOT NULL,
    at_ms bigint NOT NULL,
    data jsonb NOT NULL,  -- nothing personal
    person_id bigint REFERENCES accounts,  -- whom it is about, and what the platform calls them; NULL once erased
    external_id text
);
CREATE UNIQUE INDEX events_number ON events (account_id, number);
CREATE INDEX events_waiting ON events (id) WHERE number IS NULL;
CREATE INDEX events_person ON events (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX events_at ON events USING brin (at_ms);

-- How far each account's feed is numbered, and up to which number its events were deleted for their age.
CREATE TABLE feeds (
    account_id bigint PRIMARY KEY REFERENCES accounts,
    last bigint NOT NULL,
    gone bigint NOT NULL DEFAULT 0
);
