"""Who may do what in the database: the role that the registry works under owns nothing and cannot pass the triggers.

The tables, functions and triggers belong to whoever migrates. The registry's own role may read everything, and write
only where the program does: no DELETE or UPDATE but those below, no TRUNCATE, no trigger, no session_replication_role.
What follows from movements (blocks, the queue, origins) is written by their trigger with its owner's rights.
"""

from typing import Final

import psycopg.sql
import sqlalchemy as sa

from registry.errors import Unavailable

REGISTRY_ROLE: Final = "gramledger_registry"
"""The registry's role in the embedded PostgreSQL; in another server it is called as its operator likes."""

_READ, _ADD = "SELECT", "SELECT, INSERT"
PRIVILEGES: Final = {
    "account_keys": "SELECT, INSERT, DELETE",
    "accounts": "SELECT, INSERT, UPDATE (name, erased_ms, lost_tag)",
    "activities": "SELECT, INSERT, UPDATE (account_id, starts_ms, ends_ms, quantity_g, lot_id)",
    "acts": _ADD,
    "alembic_version": _READ,
    "anchors": "SELECT, INSERT, UPDATE (transaction, block, gas, anchored_ms, final_ms), DELETE",
    "appointments": "SELECT, INSERT, UPDATE (subject, ended_ms, ended_by, grant_id), DELETE",
    "batch_parts": "SELECT, INSERT, DELETE",
    "batches": "SELECT, INSERT, UPDATE",
    "belongings": "SELECT, INSERT, UPDATE (until_ms), DELETE",
    "blocks": _READ,
    "calls": "SELECT, INSERT, UPDATE (ended_ms, ended_by)",
    "case_standing": "SELECT, INSERT, UPDATE (last_id, state)",
    "cases": _ADD,
    "certificates": "SELECT, INSERT, UPDATE (holder, beneficiary, statement), DELETE",
    "chain_transactions": "SELECT, INSERT, UPDATE (sent_ms), DELETE",
    "checkpoints": _ADD,
    "consents": "SELECT, INSERT, UPDATE, DELETE",
    "corrected": _ADD,
    "corrected_accounts": "SELECT, INSERT, UPDATE (voided_g), DELETE",
    "corrections": "SELECT, INSERT, UPDATE (explanation, state, changed_ms, voided_g, shortfall_g)",
    "decisions": _ADD,
    "disclosure_reads": _ADD,
    "disclosures": "SELECT, INSERT, UPDATE (ended_ms), DELETE",
    "duplicates": "SELECT, INSERT, UPDATE (settled_ms, settled_by, note)",
    "events": "SELECT, INSERT, UPDATE (number, person_id, external_id), DELETE",
    "evidence": "SELECT, INSERT, UPDATE (account_id, personal, fields, sealed)",
    "experts": "SELECT, INSERT, UPDATE (fields, name)",
    "feeds": "SELECT, INSERT, UPDATE (last, gone), DELETE",
    "frontier": "SELECT, UPDATE (next_g)",
    "grants": "SELECT, INSERT, UPDATE (revoked_ms, revoked_by), DELETE",
    "idempotency": "SELECT, INSERT, UPDATE, DELETE",
    "installation": "SELECT, INSERT, UPDATE (chain_id, contract)",
    "integrity": "SELECT, INSERT, DELETE, UPDATE "
    "(state, approved_by, approved_ms, appeal, appealed_ms, answered_by, answer, answered_ms, case_number, salt)",
    "jobs": "SELECT, INSERT, UPDATE (turn, asked, done_g, made, steps, tries, ended_ms, answer, problem), DELETE",
    "link_codes": "SELECT, INSERT, DELETE",
    "expiry_notices": "SELECT, INSERT, DELETE",
    "standing_orders": "SELECT, INSERT, UPDATE (ended_ms), DELETE",
    "list_entries": _ADD,
    "lists": _ADD,
    "log_entries": "SELECT, INSERT, DELETE",
    "log_head": "SELECT, UPDATE (size, published_size, known_size)",
    "lots": "SELECT, INSERT, UPDATE",
    "mandates": "SELECT, INSERT, UPDATE (ended_ms), DELETE",
    "match_judgements": "SELECT, INSERT, UPDATE (officer, same, reason, at_ms)",
    "methodologies": _ADD,
    "methodology_texts": _ADD,
    "motions": "SELECT, INSERT, UPDATE (ended_ms, ended_by, approved)",
    "movements": "SELECT, INSERT, DELETE",
    "offers": "SELECT, INSERT, UPDATE (stock, taken_g, state, decided_by, reason)",
    "objections": "SELECT, INSERT, UPDATE (named, answered_ms, answered_by, answer, answer_digest, answer_named)",
    "occupied": "SELECT, INSERT, DELETE",
    "supports": "SELECT, INSERT, UPDATE (state, decided_by, decided_ms), DELETE",
    "officers": _ADD,
    "opinions": "SELECT, INSERT, UPDATE (state, ended_ms, stance, reason, document, digest)",
    "orders": "SELECT, INSERT, UPDATE (buyer_id, state, shipped_ms, received_ms, ended_ms, delivery, complaint, "
    "complained_ms, answer, answered_by, answered_ms, has_complaint)",
    "origins": _READ,
    "policies": _ADD,
    "providers": "SELECT, INSERT, UPDATE (state, changed_ms, form)",
    "publications": _ADD,
    "quarantine": "SELECT, INSERT, UPDATE",
    "reads": "SELECT, INSERT, DELETE",
    "recognised": "SELECT, INSERT, UPDATE (account_id, starts_ms, ends_ms, quantity_g)",
    "reconciliations": "SELECT, INSERT, UPDATE (settled_ms, settled_by, note)",
    "recoveries": "SELECT, INSERT, UPDATE (size, finished_ms)",
    "seals": _ADD,
    "sessions": "SELECT, INSERT, DELETE",
    "set_aside": "SELECT, INSERT, UPDATE (dismissed_ms), DELETE",
    "sharings": "SELECT, INSERT, UPDATE (ended_ms)",
    "source_assets": "SELECT, INSERT, UPDATE (identifier)",
    "sources": "SELECT, INSERT, UPDATE",
    "submissions": "SELECT, INSERT, DELETE, "
    "UPDATE (district, content, state, changed_ms, officer, reason, words, case_number)",
    "subjects": "SELECT, INSERT, UPDATE (known_ms), DELETE",
    "totals": "SELECT, INSERT, UPDATE, DELETE",
    "totals_counted": "SELECT, UPDATE (size)",
    "unsequenced": "SELECT, INSERT, DELETE",
    "vouchers": "SELECT, INSERT, UPDATE (order_number), DELETE",
    "webhooks": "SELECT, INSERT, UPDATE, DELETE",
}
"""Each table, and what the registry's role may do with it. A table that is not here, nobody but its owner may use.

Triggers narrow it: a movement is deleted only once it was set aside, a leaf only while nothing signed covers it.
"""

_POWERS = sa.text("""
    SELECT
        (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS "is a superuser",
        has_parameter_privilege(current_user, 'session_replication_role', 'SET') AS "may switch triggers off",
        coalesce((SELECT bool_or(pg_has_role(current_user, relowner, 'MEMBER')) FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'), false) AS "owns tables",
        coalesce((SELECT bool_or(has_table_privilege(current_user, oid, 'TRUNCATE, TRIGGER')) FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'), false) AS "may empty tables",
        coalesce(has_table_privilege(current_user, to_regclass('public.blocks'), 'INSERT, UPDATE, DELETE'), false)
            AS "may write blocks by hand"
""")
_EXISTS = sa.text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)")


def powers(tx: sa.Connection) -> list[str]:
    """Say what the role of this connection may do that the registry must not: phrases to follow "it"; none is right."""
    return [phrase for phrase, is_so in tx.execute(_POWERS).mappings().one().items() if is_so]


def grant(tx: sa.Connection, role: str) -> None:
    """Give a role what the registry needs, and no more, in the database of this connection, whose owner it is.

    Done again, it does no harm; what the role had beside is taken away. Raises `Unavailable` without such a role.
    """
    if not tx.execute(_EXISTS, {"role": role}).scalar_one():
        raise Unavailable(f"There is no role {role} in this database server. Make it first: createuser {role}")
    _run(tx, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}", role)
    _run(tx, "GRANT USAGE ON SCHEMA public TO {role}", role)
    _run(tx, "GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {role}", role)
    for table, privileges in PRIVILEGES.items():
        _run(tx, f"GRANT {privileges} ON {table} TO {{role}}", role)


def establish(tx: sa.Connection) -> None:
    """Have the registry's role, with its rights, in a server of our own, which no network reaches."""
    if not tx.execute(_EXISTS, {"role": REGISTRY_ROLE}).scalar_one():
        _run(tx, "CREATE ROLE {role} LOGIN", REGISTRY_ROLE)
    grant(tx, REGISTRY_ROLE)


def as_registry(url: str) -> str:
    """Name the registry's role in the URL of a server of our own."""
    named = sa.make_url(url).set(username=REGISTRY_ROLE, password=None).render_as_string(hide_password=False)
    place, mark, query = named.partition("?")
    return place + mark + query.replace("+", "%20")  # libpq knows no other space in a URL


def _run(tx: sa.Connection, statement: str, role: str) -> None:
    quoted = psycopg.sql.SQL(statement).format(role=psycopg.sql.Identifier(role)).as_string()
    tx.exec_driver_sql(quoted)
