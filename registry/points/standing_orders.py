"""A standing order (长期委托): whatever is issued to a person becomes points without being asked for again (R21, R59).

It is its holder's alone to give and to end: a platform never moves what a person has.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from registry.accounts.accounts import INDIVIDUAL, open_row
from registry.database.personal import rows_go
from registry.database.schema import standing_orders
from registry.errors import Insufficient, Invalid, NotFound
from registry.ledger.ledger import Ledger
from registry.ledger.movement import Form
from registry.ledger.posting import Posted
from registry.ledger.taking import flags_of
from registry.points.points import CONVERTS_WITH, CONVERTS_WITHOUT, convert


def give_order(tx: sa.Connection, ledger: Ledger, account: int) -> None:
    """Let everything that may become points do so from now on; given twice it is one.

    Raises `Invalid` for no person's account.
    """
    if open_row(tx, account).kind != INDIVIDUAL:
        raise Invalid("Only a person's reductions convert to points, so only a person's account has such an order.")
    tx.execute(_GIVE, {"account": account, "at": ledger.clock()})


def end_order(tx: sa.Connection, ledger: Ledger, account: int) -> None:
    """End it: what is issued from now on stays as reductions. Raises `NotFound` when none stands."""
    if not tx.execute(_END, {"account": account, "at": ledger.clock()}).rowcount:
        raise NotFound("No standing order stands for this account.")


def order_since(tx: sa.Connection, account: int) -> int | None:
    """Give since when (Unix milliseconds) an order stands; None where none does."""
    given: int | None = tx.execute(_SINCE, {"account": account}).scalar_one_or_none()
    return given


def newest_lot(tx: sa.Connection) -> int:
    """Give the number of the lot that was issued last, 0 before the first."""
    return int(tx.execute(_NEWEST).scalar_one())


def accounts_to_convert(tx: sa.Connection, after_lot: int) -> list[int]:
    """List the accounts whose order stands and that hold what can become points, of lots behind `after_lot`."""
    flags = flags_of(CONVERTS_WITH, CONVERTS_WITHOUT)
    wanted = {"after": after_lot, "form": int(Form.REDUCTION), "flags": flags}
    return list(tx.execute(_TO_CONVERT, wanted).scalars())


def newest_order(tx: sa.Connection) -> int:
    """Give the number of the order that was given last, 0 before the first."""
    return int(tx.execute(_NEWEST_ORDER).scalar_one())


def accounts_ordering(tx: sa.Connection, after_order: int) -> list[int]:
    """List the accounts whose order stands and has a number behind `after_order`, whatever they hold."""
    return list(tx.execute(_ORDERING, {"after": after_order}).scalars())


def convert_by_order(tx: sa.Connection, ledger: Ledger, account: int) -> Posted | None:
    """Convert what an account's order lets be converted, an act's worth of blocks; None when nothing is left of it.

    Raises what `convert` raises but for what is not there.
    """
    if tx.execute(_HOLD, {"account": account}).scalar_one_or_none() is None:
        return None
    try:
        return convert(tx, ledger, account, None, in_parts=True)
    except Insufficient:
        return None


_GIVE = sa.text("""
    INSERT INTO standing_orders (account_id, given_ms) VALUES (:account, :at)
    ON CONFLICT (account_id) WHERE ended_ms IS NULL DO NOTHING
""")
_END = sa.text("""
    UPDATE standing_orders SET ended_ms = greatest(:at, given_ms) WHERE account_id = :account AND ended_ms IS NULL
""")
_SINCE = sa.text("SELECT given_ms FROM standing_orders WHERE account_id = :account AND ended_ms IS NULL")
_HOLD = sa.text("SELECT id FROM standing_orders WHERE account_id = :account AND ended_ms IS NULL FOR SHARE")
_NEWEST = sa.text("SELECT coalesce(max(id), 0) FROM lots")
_NEWEST_ORDER = sa.text("SELECT coalesce(max(id), 0) FROM standing_orders")
_ORDERING = sa.text("SELECT account_id FROM standing_orders WHERE id > :after AND ended_ms IS NULL")
_TO_CONVERT = sa.text("""
    SELECT o.account_id FROM standing_orders o WHERE o.ended_ms IS NULL AND EXISTS (
        SELECT FROM blocks b WHERE b.account_id = o.account_id AND b.form = :form AND b.flags = ANY (:flags)
            AND coalesce(b.lot_id, 0) > :after
            AND NOT EXISTS (SELECT FROM set_aside s WHERE s.movement_id = b.movement_id)
    ) ORDER BY o.account_id
""").bindparams(sa.bindparam("flags", type_=ARRAY(sa.SmallInteger)))
ERASING = (rows_go(standing_orders),)
