"""The rules of the mall by the policy in force."""

import sqlalchemy as sa

from registry.errors import NotFound, OfferClosed
from registry.ledger.ledger import Ledger
from registry.policies.mall import MALL, MallRules
from registry.policies.policies import in_force


def rules_at(tx: sa.Connection, ledger: Ledger, at: int) -> MallRules:
    """Give the rules in force at `at` (Unix milliseconds). Raises `OfferClosed` where no policy opens a mall."""
    try:
        return MallRules.of(dict(in_force(tx, ledger, MALL, at).value))
    except NotFound:
        raise OfferClosed("No policy opens a mall here.") from None
