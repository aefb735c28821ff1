"""The frontier: where the number line of grams goes on. Every number is given once, by an ISSUE or a BUNDLE."""

import sqlalchemy as sa

from registry.database.schema import frontier


def next_numbers(tx: sa.Connection, quantity_g: int) -> tuple[int, int]:
    """Take the next `quantity_g` numbers, `[first, last)`. Whoever else takes some waits until this is committed."""
    query = sa.update(frontier).values(next_g=frontier.c.next_g + quantity_g).returning(frontier.c.next_g)
    last = int(tx.execute(query).scalar_one())
    return last - quantity_g, last


def frontier_now(tx: sa.Connection) -> int:
    """Give the number that comes next as things are committed: lots and bundles since have theirs from it on."""
    return int(tx.execute(sa.select(frontier.c.next_g)).scalar_one())
