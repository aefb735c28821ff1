"""What becomes of people's points by itself: credit by standing order, notices before an expiry, the end (R22, R59)."""

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa
import structlog

from api.installation.site import Site
from registry.clock import in_shanghai
from registry.errors import RegistryError
from registry.jobs.jobs import refuse_beside
from registry.mall.orders import forget_deliveries
from registry.points.notices import forget_notices, give_notices
from registry.points.points import expire, holders_of_expired_points
from registry.points.standing_orders import (
    accounts_ordering,
    accounts_to_convert,
    convert_by_order,
    newest_lot,
    newest_order,
)

if TYPE_CHECKING:
    from datetime import date

log = structlog.get_logger()


def expire_points(site: Site, stop: threading.Event) -> None:
    """End the points that are past their expiry now, account by account, until `stop`.

    What is left of an account with very many blocks is for the next time. Raises `RegistryError` when the accounts
    cannot be listed; one account that fails keeps no other from its turn.
    """
    with site.database.reading() as tx:
        accounts = holders_of_expired_points(tx, site.ledger)
    for account in accounts:
        if stop.is_set():
            return
        _done(site, "expire points", account, partial(_expire, site, account))


def tell_of_expiry(site: Site, stop: threading.Event) -> None:
    """Give the notices that are due, and forget what is over, until `stop`: old notices, and where goods went."""
    for work in (give_notices, forget_notices, forget_deliveries):
        made = 1
        while made and not stop.is_set():
            with site.database.transaction() as tx:
                made = work(tx, site.ledger)


def _expire(site: Site, account: int, tx: sa.Connection) -> None:
    expire(tx, site.ledger, account)


class StandingOrders:
    """Converts by standing order what was issued since it last looked, and for whom an order is new, what they have.

    Once a day, and first of all, it looks at everything.
    """

    def __init__(self, site: Site) -> None:
        """Begin with a look at everything: what an earlier process left is found so."""
        self._site = site
        self._day: date | None = None
        self._through = 0
        self._orders = 0, 0
        """The newest order at the look before the last, and at the last: one may be committed after a later one."""
        self._again: set[int] = set()

    def round(self, stop: threading.Event) -> None:
        """Convert what is there to convert, account by account, until `stop`; who failed has another turn."""
        site, today = self._site, in_shanghai(self._site.ledger.clock()).date()
        if today != self._day:
            self._through = 0
        with site.database.reading() as tx:
            newest, order = newest_lot(tx), newest_order(tx)
            accounts = accounts_to_convert(tx, self._through) if newest > self._through else []
            given = [] if self._day is None else accounts_ordering(tx, self._orders[0])
        failed = set()
        for account in sorted({*accounts, *given, *self._again}):
            if stop.is_set():
                return  # the next process begins with everything
            if not self._convert(account):
                failed.add(account)
        before = order if self._day is None else self._orders[1]
        self._day, self._through, self._orders, self._again = today, newest, (before, order), failed

    def _convert(self, account: int) -> bool:
        left = True

        def act(tx: sa.Connection) -> None:
            nonlocal left
            refuse_beside(tx, account)
            left = convert_by_order(tx, self._site.ledger, account) is not None

        while left:
            if not _done(self._site, "convert by standing order", account, act):
                return False
        return True


def _done(site: Site, work: str, account: int, act: Callable[[sa.Connection], object]) -> bool:
    """Do an act of an account in a transaction of its own; tell whether it was done. A failure is logged."""
    try:
        with site.database.transaction() as tx:
            act(tx)
    except RegistryError as error:
        log.error("will be tried again", work=work, account=account, detail=str(error))  # noqa: TRY400
        return False
    return True
