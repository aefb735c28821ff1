"""Lists of other registries and of the quota boundary, what sources' assets are known by, and what was judged near."""

from typing import Any

from alembic import op

revision = "lists"
down_revision = "sealed"

_SQL = """
CREATE TABLE lists (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('registry', 'quota')),
    dated date NOT NULL,  -- as the list says of itself
    origin text NOT NULL,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),  -- of the file as it came
    entries integer NOT NULL CHECK (entries > 0),
    imported_by text NOT NULL,
    imported_ms bigint NOT NULL
);
CREATE INDEX lists_name ON lists (name, dated);

CREATE TABLE list_entries (
    list_id bigint NOT NULL REFERENCES lists,
    place integer NOT NULL,
    kind text,
    identifier text,
    entity text,
    identifier_normal text,  -- as it is compared
    entity_normal text,
    PRIMARY KEY (list_id, place),
    CHECK ((kind IS NULL) = (identifier IS NULL) AND num_nonnulls(identifier, entity) > 0)
);

CREATE TABLE source_assets (
    source_id bigint NOT NULL REFERENCES sources ON UPDATE CASCADE,
    place smallint NOT NULL,
    kind text NOT NULL,
    digest bytea NOT NULL CHECK (length(digest) = 32),  -- of kind and identifier, keyed
    identifier bytea,  -- AES-256-GCM under the master key; NULL once its applicant is erased
    PRIMARY KEY (source_id, place)
);
CREATE INDEX source_assets_digest ON source_assets (digest);

CREATE TABLE match_judgements (
    source_id bigint NOT NULL REFERENCES sources ON UPDATE CASCADE,
    list_id bigint NOT NULL,
    place integer NOT NULL,
    officer text NOT NULL,
    same boolean NOT NULL,
    reason text NOT NULL,
    at_ms bigint NOT NULL,
    PRIMARY KEY (source_id, list_id, place),
    FOREIGN KEY (list_id, place) REFERENCES list_entries
);
"""


def upgrade() -> None:
    """Create them."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(_SQL)
