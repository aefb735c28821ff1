"""The mall: benefit providers, offers, vouchers, orders."""

from typing import Any

from alembic import op

revision = "mall"
down_revision = "numbers"

_SQL = """
ALTER TABLE cases DROP CONSTRAINT cases_number_check;
ALTER TABLE cases ADD CONSTRAINT cases_number_check CHECK (number ~ '^[A-Z]-[1-9][0-9]{0,18}$');

CREATE TABLE providers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts,
    state text NOT NULL,
    made_ms bigint NOT NULL,
    changed_ms bigint NOT NULL,
    form bytea  -- what it applied with, AES-256-GCM under the master key
);
CREATE INDEX providers_account ON providers (account_id, state);

CREATE TABLE offers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider_id bigint NOT NULL REFERENCES accounts,
    kind text NOT NULL CHECK (kind IN ('goods', 'voucher')),
    name_zh text NOT NULL,
    name_en text NOT NULL,
    text_zh text NOT NULL,
    text_en text NOT NULL,
    price_g bigint NOT NULL CHECK (price_g >= 1),
    stock bigint NOT NULL CHECK (stock >= 0),
    budget_g bigint CHECK (budget_g >= price_g),
    taken_g bigint NOT NULL DEFAULT 0 CHECK (taken_g >= 0 AND (budget_g IS NULL OR taken_g <= budget_g)),
    until_ms bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('proposed', 'listed', 'refused', 'ended')),
    made_ms bigint NOT NULL,
    decided_by text,
    reason text
);
CREATE INDEX offers_provider ON offers (provider_id, id);
CREATE INDEX offers_open ON offers (id) WHERE state IN ('proposed', 'listed');

CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number text NOT NULL UNIQUE,
    offer_id bigint NOT NULL REFERENCES offers,
    buyer_id bigint REFERENCES accounts,  -- NULL once the account was erased
    provider_id bigint NOT NULL REFERENCES accounts,
    pieces bigint NOT NULL CHECK (pieces >= 1),
    quantity_g bigint NOT NULL CHECK (quantity_g >= pieces),
    act_id bigint NOT NULL,  -- of acts: the redemption that paid it
    state text NOT NULL CHECK (state IN ('paid', 'shipped', 'received', 'cancelled', 'refunded')),
    placed_ms bigint NOT NULL,
    shipped_ms bigint CHECK (shipped_ms >= placed_ms),
    received_ms bigint CHECK (received_ms >= placed_ms),
    ended_ms bigint CHECK (ended_ms >= placed_ms),
    delivery bytea,
    complaint bytea,
    complained_ms bigint CHECK (complained_ms >= placed_ms),
    answer bytea,
    answered_by text,
    answered_ms bigint CHECK (answered_ms >= complained_ms),
    has_complaint boolean NOT NULL DEFAULT false,  -- that waits for an answer
    CHECK ((ended_ms IS NULL) = (state NOT IN ('cancelled', 'refunded')))
);
CREATE INDEX orders_buyer ON orders (buyer_id, id) WHERE buyer_id IS NOT NULL;
CREATE INDEX orders_provider ON orders (provider_id, id);
CREATE INDEX orders_placed ON orders (provider_id, placed_ms);
CREATE INDEX orders_ended ON orders (provider_id, ended_ms) WHERE ended_ms IS NOT NULL;
CREATE INDEX orders_open ON orders (provider_id) WHERE state IN ('paid', 'shipped') OR has_complaint;
CREATE INDEX orders_complained ON orders (complained_ms) WHERE has_complaint;
CREATE INDEX orders_delivered ON orders (coalesce(received_ms, ended_ms)) WHERE delivery IS NOT NULL;

CREATE TABLE vouchers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    offer_id bigint NOT NULL REFERENCES offers,
    digest bytea NOT NULL UNIQUE CHECK (length(digest) = 32),  -- of offer and code, keyed: put in twice is one
    sealed bytea NOT NULL,
    order_number text REFERENCES orders (number)
);
CREATE INDEX vouchers_free ON vouchers (offer_id, id) WHERE order_number IS NULL;
CREATE INDEX vouchers_order ON vouchers (order_number) WHERE order_number IS NOT NULL;
"""


def upgrade() -> None:
    """Create them."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(_SQL)
