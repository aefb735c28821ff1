"""What an erasure takes away: each capability declares it beside its own tables, `registry.upkeep.erasure` has it done.

A test holds the declarations to every column of every table, so that a new one cannot be forgotten.
"""

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class Erased:
    """An account that is being erased, and whether a person holds it."""

    number: int
    is_individual: bool


Erasing = Callable[[sa.Connection, Erased], None]
"""Takes away what one capability keeps of an account, in the erasure's transaction."""


def rows_go(table: sa.Table) -> Erasing:
    """Delete the account's rows."""
    query = sa.delete(table).where(table.c.account_id == sa.bindparam("of_account"))
    return lambda tx, account: _run(tx, query, account)


def columns_go(
    table: sa.Table, *columns: str, of_persons: tuple[str, ...] = (), account: str = "account_id"
) -> Erasing:
    """Empty columns of the account's rows, which its column `account` tells; some only where a person holds it."""
    mine = table.c[account] == sa.bindparam("of_account")
    institution, person = (
        sa.update(table).where(mine).values(dict.fromkeys(names, sa.null()))
        for names in (columns, (*columns, *of_persons))
    )
    return lambda tx, erased: _run(tx, person if erased.is_individual else institution, erased)


def _run(tx: sa.Connection, query: sa.UpdateBase, account: Erased) -> None:
    tx.execute(query, {"of_account": account.number})
