"""The rules in SQL say what the rules in Python say, pair by pair."""

import itertools

import psycopg

from registry.ledger.rules import broken_rule
from tests.support import pairs

COLUMNS = (
    "id, act_id, kind, form, flags, purpose, first_g, last_g, parent_id, at_ms, until_ms, from_tag, to_tag, evidence"
)


def row(number, movement):
    values = movement.kind, movement.form, movement.flags, movement.purpose, movement.first, movement.last
    times_and_tags = movement.at, movement.until, movement.from_tag, movement.to_tag
    return (number, 0, *values, movement.parent, *times_and_tags, movement.evidence)


def lawful_in_sql(database, of):
    """Numbers of the pairs that the database's function `lawful` accepts, all evaluated by one query."""
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        for side, table in enumerate(("children", "parents")):
            cursor.execute(f"CREATE TEMP TABLE {table} (LIKE movements)")
            with cursor.copy(f"COPY {table} ({COLUMNS}) FROM STDIN") as copy:
                for number, pair in enumerate(of):
                    copy.write_row(row(number, pair[side]))
        cursor.execute(
            "SELECT c.id, lawful(ROW(c.*)::movements, ROW(p.*)::movements) FROM children c JOIN parents p USING (id)"
        )
        verdicts = dict(cursor.fetchall())
    assert set(verdicts.values()) == {True, False}, "a verdict is never NULL"
    return {number for number, verdict in verdicts.items() if verdict}


def test_the_database_has_the_same_rules(database):
    systematic = itertools.chain(
        pairs.by_flags(), pairs.by_tags(), pairs.by_times(), pairs.by_ranges(), pairs.by_forms_and_purposes()
    )
    sample = itertools.chain(itertools.islice(systematic, 0, None, 7), pairs.departures(7, 8_000))
    of = [
        (child, parent)
        for child, parent in sample
        if 2 <= child.kind <= 11 and max(child.first, child.last, parent.first, parent.last) < 2**63
    ]
    expected = {number for number, (child, parent) in enumerate(of) if broken_rule(child, parent) is None}
    assert len(of) > 20_000
    assert len(expected) > 500
    wrong = lawful_in_sql(database, of) ^ expected
    assert [(number in expected, of[number]) for number in sorted(wrong)[:5]] == []
