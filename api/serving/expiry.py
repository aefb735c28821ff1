"""Points past their expiry come to their end (R22): each account's by an act of its own."""

import threading

import structlog

from api.installation.site import Site
from registry.errors import RegistryError
from registry.points.points import expire, holders_of_expired_points

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
        try:
            with site.database.transaction() as tx:
                expire(tx, site.ledger, account)
        except RegistryError as error:
            log.error("will be tried again", work="expire points", account=account, detail=str(error))  # noqa: TRY400
