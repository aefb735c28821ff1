"""Policies that the bureau enters, finance of institutions, which the centre approves; what fits a source.

A support fits by what it declares: kinds, districts, methodologies, and how many grams were issued under the source.
What it does not declare it does not ask.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from registry.accounts.accounts import INSTITUTION, MAX_NAME_CHARS, open_row
from registry.database.personal import rows_go
from registry.database.schema import supports
from registry.errors import Conflict, Invalid, NotFound
from registry.procedure.decision import SOURCE_KINDS, Officer
from registry.sources.public import PublicSource
from registry.sources.sources import checked_district
from registry.words import checked_words

POLICY: Final = "policy"
FINANCE: Final = "finance"
KINDS: Final = (POLICY, FINANCE)
MOST_OPEN: Final = 50
"""That stand or wait, of one who offers."""
MOST: Final = 1_000
"""That stand or wait in all: each is held against each source that is shown."""
MOST_NAMED: Final = 100
"""Districts, or methodologies, of one support."""
MAX_TEXT_CHARS: Final = 2_000
MAX_CODE_CHARS: Final = 64
OVER: Final = frozenset({"refused", "excluded", "ended"})
"""States of a source that nothing fits any more."""


class State(StrEnum):
    """How a support stands."""

    ENTERED = "entered"
    """It waits for the centre."""
    STANDING = "standing"
    REFUSED = "refused"
    ENDED = "ended"


OPEN: Final = (State.ENTERED, State.STANDING)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a support says, in both languages, and which sources it fits; None asks nothing. Times are Unix ms."""

    title_zh: str
    title_en: str
    text_zh: str
    text_en: str
    kinds: Sequence[str] | None = None
    districts: Sequence[str] | None = None
    methodologies: Sequence[str] | None = None
    least_g: int | None = None
    most_g: int | None = None
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Support:
    """A support: `account` and `by_name` are None of a policy, which the bureau entered."""

    id: int
    what: str
    account: int | None
    by_name: str | None
    terms: Terms
    state: State
    entered_ms: int
    decided_by: str | None
    decided_ms: int | None

    def stands(self, at: int) -> bool:
        """Whether it is open at a time, Unix milliseconds."""
        return self.state is State.STANDING and (self.terms.until_ms is None or at < self.terms.until_ms)

    def fits(self, source: PublicSource) -> bool:
        """Whether a source is what it declares."""
        of = self.terms
        return (
            source.state not in OVER
            and (of.kinds is None or source.kind in of.kinds)
            and (of.districts is None or source.district in of.districts)
            and (of.methodologies is None or source.methodology_code in of.methodologies)
            and (of.least_g is None or source.issued_g >= of.least_g)
            and (of.most_g is None or source.issued_g <= of.most_g)
        )


def enter_policy(tx: sa.Connection, terms: Terms, by: Officer, at: int) -> int:
    """Enter a policy or support of an authority; it stands at once. Raises `Invalid`, `Conflict` beside too many."""
    _must_have_room(tx, None)
    return _enter(tx, terms, {"what": POLICY, "entered_by": str(by), "state": State.STANDING}, at)


def enter_finance(tx: sa.Connection, account: int, name: str, terms: Terms, at: int) -> int:
    """Enter a financial support of an institution; it waits for the centre.

    Raises `Invalid`, also for a person, `NotFound`, `AccountErased`, `Conflict` beside too many.
    """
    if open_row(tx, account).kind != INSTITUTION:
        raise Invalid("An institution offers finance, not a person.")
    checked_words(name, "The name of who offers", MAX_NAME_CHARS)
    _must_have_room(tx, account)
    return _enter(tx, terms, {"what": FINANCE, "account_id": account, "by_name": name, "state": State.ENTERED}, at)


def decide(tx: sa.Connection, number: int, by: Officer, at: int, *, approved: bool) -> Support:
    """Approve or refuse what an institution entered. Raises `NotFound`, `Conflict` unless it waits."""
    found = get_support(tx, number, lock=True)
    if found.state is not State.ENTERED:
        raise Conflict(f"Support {number} is {found.state}; this is for one that waits.")
    return _change(tx, found, State.STANDING if approved else State.REFUSED, str(by), at)


def end(tx: sa.Connection, number: int, at: int, *, by: Officer | None = None, account: int | None = None) -> Support:
    """End a support, by an officer or for the account that made it. Raises `NotFound`, `Conflict` once it is over."""
    found = get_support(tx, number, lock=True)
    if account is not None and found.account != account:
        raise NotFound(f"There is no support {number} of account {account}.")
    if found.state not in OPEN:
        raise Conflict(f"Support {number} is {found.state} already.")
    return _change(tx, found, State.ENDED, None if by is None else str(by), at)


def get_support(tx: sa.Connection, number: int, *, lock: bool = False) -> Support:
    """Read a support. Raises `NotFound`."""
    query = sa.select(supports).where(supports.c.id == number)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"There is no support {number}.")
    return _support(row)


def list_standing(tx: sa.Connection, at: int) -> list[Support]:
    """Give what is on offer at a time, Unix milliseconds, newest first."""
    in_time = sa.or_(supports.c.until_ms.is_(None), supports.c.until_ms > at)
    query = (
        sa.select(supports)
        .where(supports.c.state == State.STANDING, in_time)
        .order_by(supports.c.id.desc())
        .limit(MOST)
    )
    return [_support(row) for row in tx.execute(query)]


def list_waiting(tx: sa.Connection) -> list[Support]:
    """Give what waits for the centre, oldest first."""
    query = sa.select(supports).where(supports.c.state == State.ENTERED).order_by(supports.c.id).limit(MOST)
    return [_support(row) for row in tx.execute(query)]


def list_own(tx: sa.Connection, account: int) -> list[Support]:
    """Give what an account offered, newest first."""
    query = sa.select(supports).where(supports.c.account_id == account).order_by(supports.c.id.desc()).limit(MOST)
    return [_support(row) for row in tx.execute(query)]


def fitting(on_offer: Iterable[Support], source: PublicSource) -> list[Support]:
    """Pick what fits a source."""
    return [one for one in on_offer if one.fits(source)]


def is_financier(tx: sa.Connection, account: int, at: int) -> bool:
    """Whether an account has a financial support that the centre approved and that is open at a time, Unix ms."""
    in_time = sa.or_(supports.c.until_ms.is_(None), supports.c.until_ms > at)
    mine = supports.c.account_id == account, supports.c.state == State.STANDING, in_time
    return tx.execute(sa.select(supports.c.id).where(*mine).limit(1)).first() is not None


def _checked(terms: Terms, at: int) -> dict[str, Any]:
    for title in (terms.title_zh, terms.title_en):
        checked_words(title, "A support's title", MAX_NAME_CHARS)
    for text in (terms.text_zh, terms.text_en):
        checked_words(text, "What a support says", MAX_TEXT_CHARS)
    _check_lists(terms)
    if (terms.least_g or 0) > (terms.most_g if terms.most_g is not None else terms.least_g or 0):
        raise Invalid("`least_g` is not above `most_g`.")
    if terms.until_ms is not None and terms.until_ms <= at:
        raise Invalid("A support ends after now.")
    lists = {name: None if of is None else list(of) for name, of in _lists(terms).items()}
    return {name: getattr(terms, name) for name in _SAID} | lists


def _check_lists(terms: Terms) -> None:
    for what, of in _lists(terms).items():
        if of is not None and not 0 < len(set(of)) == len(of) <= MOST_NAMED:
            raise Invalid(f"`{what}` names 1 to {MOST_NAMED}, each once. Leave it out to ask for none.")
    for kind in terms.kinds or ():
        if kind not in SOURCE_KINDS:
            raise Invalid(f"A source is one of: {', '.join(SOURCE_KINDS)}.")
    for district in terms.districts or ():
        checked_district(district)
    for code in terms.methodologies or ():
        checked_words(code, "A methodology's code", MAX_CODE_CHARS)


def _lists(terms: Terms) -> dict[str, Sequence[str] | None]:
    return {"kinds": terms.kinds, "districts": terms.districts, "methodologies": terms.methodologies}


def _must_have_room(tx: sa.Connection, account: int | None) -> None:
    tx.execute(_ONE_ENTERS)
    mine = supports.c.account_id.is_(None) if account is None else supports.c.account_id == account
    of_one, in_all = (
        tx.execute(sa.select(sa.func.count()).where(supports.c.state.in_(OPEN), *more)).scalar_one()
        for more in ((mine,), ())
    )
    if (account is not None and of_one >= MOST_OPEN) or in_all >= MOST:
        raise Conflict(f"At most {MOST_OPEN} supports of one institution are open, {MOST} in all. End one first.")


def _enter(tx: sa.Connection, terms: Terms, values: dict[str, Any], at: int) -> int:
    row = _checked(terms, at) | values | {"entered_ms": at}
    return int(tx.execute(sa.insert(supports).values(row).returning(supports.c.id)).scalar_one())


def _change(tx: sa.Connection, found: Support, state: State, by: str | None, at: int) -> Support:
    values = {"state": state, "decided_by": by, "decided_ms": max(at, found.entered_ms)}
    query = sa.update(supports).where(supports.c.id == found.id).values(values).returning(supports)
    return _support(tx.execute(query).one())


def _support(row: sa.Row[Any]) -> Support:
    terms = Terms(**{name: getattr(row, name) for name in (*_SAID, "kinds", "districts", "methodologies")})
    return Support(
        row.id, row.what, row.account_id, row.by_name, terms, State(row.state), row.entered_ms, row.decided_by,
        row.decided_ms,
    )  # fmt: skip


_SAID: Final = ("title_zh", "title_en", "text_zh", "text_en", "least_g", "most_g", "until_ms")
_ONE_ENTERS = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('gramledger/supports', 0))")
ERASING = (rows_go(supports),)
