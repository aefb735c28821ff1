"""What a lot is issued for is held to what it names by one look for all its rows, as movements are.

Foreign keys look at each row by itself: of a million activities that was more than all else.
"""

from typing import Any

from alembic import op

revision = "bulk"
down_revision = "duplicates"

_SQL = """
ALTER TABLE activities DROP CONSTRAINT activities_source_id_fkey, DROP CONSTRAINT activities_account_id_fkey,
    DROP CONSTRAINT activities_lot_id_fkey;
ALTER TABLE occupied DROP CONSTRAINT occupied_account_id_fkey, DROP CONSTRAINT occupied_lot_id_fkey;

-- Of accounts and sources no row is ever deleted, and none changes its number. A lot is written after its activities,
-- in their transaction: its numbers, for which all others wait, are taken last.
CREATE FUNCTION hold_activities() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    missing text;
BEGIN
    SELECT min(name) INTO missing FROM (
        SELECT 'activities_source_id_fkey' AS name FROM (SELECT DISTINCT source_id AS id FROM written) w
            WHERE (SELECT true FROM sources s WHERE s.id = w.id) IS NULL
        UNION ALL
        SELECT 'activities_account_id_fkey' FROM (SELECT DISTINCT account_id AS id FROM written) w
            WHERE w.id IS NOT NULL AND (SELECT true FROM accounts a WHERE a.id = w.id) IS NULL
    ) m;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'an activity names what is not there'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = missing;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER held AFTER INSERT ON activities REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION hold_activities();

CREATE FUNCTION hold_occupied() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    missing text;
BEGIN
    SELECT 'occupied_account_id_fkey' INTO missing WHERE EXISTS (
        SELECT FROM (SELECT DISTINCT account_id AS id FROM written) w
        WHERE (SELECT true FROM accounts a WHERE a.id = w.id) IS NULL
    );
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'what was occupied names what is not there'
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = missing;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER held AFTER INSERT ON occupied REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION hold_occupied();
"""


def upgrade() -> None:
    """Give up the keys, and hold the rows by statement."""
    driver: Any = op.get_bind().connection.driver_connection
    driver.execute(_SQL)
