"""What a caller may be. A role is granted here, in the registry, and never taken from what a token claims."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """Powers are separate (R2): each role is a word of its own, and nobody is everything."""

    HOLDER = "holder"
    """Acts for an account: a person for their own, an institution's people and systems for the institution's."""
    APPLICANT = "applicant"
    """Applies for sources in the name of an institution."""
    PLATFORM = "platform"
    """A scenario's system, for the institution that runs it: acts within consents, never with anybody's grams."""
    PROVIDER = "provider"
    """A benefit provider's system: refunds and returns what the institution collected."""
    TRADER = "trader"
    """Trades what an account holds, by its holder's mandate."""
    EXPERT = "expert"
    """Of the expert pool (专家库): gives opinions that it is asked for, and is a number in public."""
    SERVICE_BODY = "service-body"
    """A technical service body (技术服务机构): the same as an institution, whose name is public."""
    CENTRE = "centre"
    EXCHANGE = "exchange"
    BUREAU = "bureau"
    DISTRICT_BUREAU = "district-bureau"


OF_ACCOUNTS: Final = frozenset({Role.HOLDER, Role.APPLICANT, Role.PLATFORM, Role.PROVIDER, Role.TRADER})
"""Roles that are of one account each."""
AUTHORITIES: Final = frozenset({Role.CENTRE, Role.EXCHANGE, Role.BUREAU, Role.DISTRICT_BUREAU})
"""Roles that officers have, each with a number."""
OF_INSTITUTIONS: Final = frozenset({Role.APPLICANT, Role.PLATFORM, Role.PROVIDER})
"""Roles that only an institution's account can give work to."""
POOL: Final = frozenset({Role.EXPERT, Role.SERVICE_BODY})
"""Roles of those who give opinions, each with a number."""
NUMBERED: Final = AUTHORITIES | POOL
"""Roles that have a number, one subject's for good: what is decided or opined names it."""
