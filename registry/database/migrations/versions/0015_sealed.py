"""What is personal is sealed: platforms' names for people, answers, jobs, certificates' words, withheld evidence.

What was kept in clear before is sealed here, under the master key that whoever migrates has. Answers that were kept are
given up: the keys that would open them are known to nobody but those who asked.
"""

import json
from typing import Any

from alembic import context, op

revision = "sealed"
down_revision = "bulk"

_BEGIN = """
ALTER TABLE consents ADD COLUMN user_digest bytea, ADD COLUMN sealed_user bytea;
ALTER TABLE evidence ADD COLUMN sealed bytea;  -- personal and withheld fields, which `fields` has as digests
UPDATE idempotency SET request_mac = NULL, account_id = NULL, status = NULL, response = NULL;
ALTER TABLE idempotency ALTER COLUMN response TYPE bytea USING NULL;  -- under a key that follows from the caller's too
ALTER TABLE events ADD COLUMN sealed bytea;
ALTER TABLE corrections ADD COLUMN sealed bytea;
ALTER TABLE reads ADD COLUMN sealed bytea;
ALTER TABLE certificates ADD COLUMN sealed_holder bytea, ADD COLUMN sealed_beneficiary bytea,
    ADD COLUMN sealed_statement bytea;
ALTER TABLE jobs ADD COLUMN sealed_asked bytea, ADD COLUMN sealed_answer bytea, ADD COLUMN sealed_problem bytea;
"""
_TEXTS = (
    ("events", "id", "external_id", "sealed", "platform-user"),
    ("reads", "id", "purpose", "sealed", "read"),
    ("corrections", "case_number", "explanation", "sealed", "correction"),
    ("jobs", "id", "asked::text", "sealed_asked", "job"),
    ("jobs", "id", "answer::text", "sealed_answer", "job"),
    ("jobs", "id", "problem::text", "sealed_problem", "job"),
    ("certificates", "number", "holder", "sealed_holder", "certificate {}"),
    ("certificates", "number", "beneficiary", "sealed_beneficiary", "certificate {}"),
    ("certificates", "number", "statement", "sealed_statement", "certificate {}"),
)
_END = """
ALTER TABLE consents DROP COLUMN platform_user;
ALTER TABLE consents ALTER COLUMN user_digest SET NOT NULL, ALTER COLUMN sealed_user SET NOT NULL,
    ADD CHECK (length(user_digest) = 32);
CREATE UNIQUE INDEX consents_standing ON consents (source_id, user_digest) WHERE revoked_ms IS NULL;
CREATE INDEX consents_user ON consents (source_id, user_digest);
ALTER TABLE events DROP COLUMN external_id;
ALTER TABLE events RENAME COLUMN sealed TO external_id;
ALTER TABLE reads DROP COLUMN purpose;
ALTER TABLE reads RENAME COLUMN sealed TO purpose;
ALTER TABLE reads ALTER COLUMN purpose SET NOT NULL;
ALTER TABLE corrections DROP COLUMN explanation;
ALTER TABLE corrections RENAME COLUMN sealed TO explanation;
ALTER TABLE certificates DROP COLUMN holder, DROP COLUMN beneficiary, DROP COLUMN statement;
ALTER TABLE certificates RENAME COLUMN sealed_holder TO holder;
ALTER TABLE certificates RENAME COLUMN sealed_beneficiary TO beneficiary;
ALTER TABLE certificates RENAME COLUMN sealed_statement TO statement;
ALTER TABLE jobs DROP COLUMN asked, DROP COLUMN answer, DROP COLUMN problem;  -- and the checks on them
ALTER TABLE jobs RENAME COLUMN sealed_asked TO asked;
ALTER TABLE jobs RENAME COLUMN sealed_answer TO answer;
ALTER TABLE jobs RENAME COLUMN sealed_problem TO problem;
ALTER TABLE jobs ADD CHECK ((ended_ms IS NULL) = (asked IS NOT NULL)),
    ADD CHECK (num_nonnulls(answer, problem) = CASE WHEN ended_ms IS NULL THEN 0 ELSE 1 END);

-- Erasure deletes what is sealed of a document with personal words; nothing else happens to evidence. What was made for
-- the public is there for good. A document that was lost may be given back whole, once.
CREATE OR REPLACE FUNCTION evidence_only_loses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.fields IS NULL AND NEW.fields IS NOT NULL AND NEW.digest = OLD.digest
        AND NEW.public IS NOT DISTINCT FROM OLD.public THEN
        RETURN NEW;
    END IF;
    IF (NEW.digest, NEW.public, NEW.account_id, NEW.fields) IS DISTINCT FROM
            (OLD.digest, OLD.public, OLD.account_id, OLD.fields)
        OR (NEW.personal, NEW.sealed) IS DISTINCT FROM (OLD.personal, OLD.sealed)
            AND (OLD.personal <> '{}' AND NEW.personal = '{}' AND NEW.sealed IS NULL) IS NOT TRUE THEN
        RAISE EXCEPTION 'evidence only loses what is sealed'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'evidence_written_once';
    END IF;
    RETURN NEW;
END $$;
"""
_WITHHELD = """
    SELECT digest, fields, personal, public FROM evidence
    WHERE fields IS NOT NULL AND (personal <> '{}' OR public IS NOT NULL)
"""


def upgrade() -> None:
    """Seal it. Raises `Unavailable` where there is something to seal, and no master key."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(_BEGIN)
    vault = _Vault(context.config.attributes.get("vault"))
    for number, user in driver.execute("SELECT id, platform_user FROM consents").fetchall():
        digest, sealed = vault.get().keyed_digest("platform-user", user.encode()), vault.seal("platform-user", user)
        given = "UPDATE consents SET user_digest = %s, sealed_user = %s WHERE id = %s"
        driver.execute(given, (digest, sealed, number))
    for table, key, column, into, what in _TEXTS:  # our own names
        rows = driver.execute(f"SELECT {key}, {column} FROM {table} WHERE {column} IS NOT NULL").fetchall()  # noqa: S608
        for number, text in rows:
            given = f"UPDATE {table} SET {into} = %s WHERE {key} = %s"  # noqa: S608
            driver.execute(given, (vault.seal(what.format(number), text), number))
    _seal_evidence(driver, vault)
    driver.execute(_END)


class _Vault:
    def __init__(self, vault: Any) -> None:
        self._vault = vault

    def get(self) -> Any:
        if self._vault is None:
            from registry.errors import Unavailable

            raise Unavailable(
                "This database keeps personal words in clear, and sealing them needs the master key: name its data "
                "folder with --data, or the key by GRAMLEDGER_MASTER_KEY."
            )
        return self._vault

    def seal(self, what: str, text: str) -> bytes:
        sealed: bytes = self.get().seal_words(what, text.encode())
        return sealed


def _seal_evidence(driver: Any, vault: _Vault) -> None:
    from registry.evidence.document import disclose

    for digest, fields, personal, public in driver.execute(_WITHHELD).fetchall():
        said = {} if public is None else json.loads(public)
        secret = {*personal, *(name for name, shown in said.items() if isinstance(shown, str))}
        kept = {name: shown for name, shown in fields.items() if name in secret and isinstance(shown, list)}
        if kept:
            left = json.dumps(disclose(fields, fields.keys() - kept.keys()))
            sealed = vault.seal("evidence", json.dumps(kept, ensure_ascii=False))
            driver.execute("UPDATE evidence SET fields = %s, sealed = %s WHERE digest = %s", (left, sealed, digest))
