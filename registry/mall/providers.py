"""Benefit providers (权益提供主体) apply with a form; the exchange decides, each step on record (第十条, R27).

The form is the provider's and the exchange's alone. Once it is taken up, its case `B-` is decided by the life cycle in
force, and whoever reads the log sees how it stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import rfc8785
import sqlalchemy as sa

from registry.accounts.accounts import INSTITUTION, account_row, name_in, open_row
from registry.accounts.vault import Vault
from registry.database.personal import Erased
from registry.database.schema import providers
from registry.decisions.motions import Choose, Motion, approver, end_of_case, move
from registry.decisions.recording import By, Pending, Step, number_of, open_case, prepare
from registry.errors import Conflict, DecisionRefused, Invalid, NotFound, Unsettled
from registry.integrity.findings import refuse_barred
from registry.integrity.recorded import Party
from registry.ledger.ledger import Ledger
from registry.ledger.movement import Form
from registry.ledger.taking import grams_in
from registry.procedure import table
from registry.procedure.decision import LIVE, PREFIXES, Officer, Record

HANDED_IN: Final = "handed-in"
"""The state of an application before the exchange takes it up."""
ENDED: Final = ("refused", "withdrawn", "left")
"""States after which an institution may apply again."""
LEAVES: Final = "leave"
_FORM: Final = "provider/form"


@dataclass(frozen=True, slots=True)
class Provider:
    """An institution's application, or its case; times are Unix milliseconds. `form` is None once it was erased."""

    id: int
    account: int
    state: str
    made_ms: int
    changed_ms: int
    form: Mapping[str, Any] | None = field(repr=False)

    @property
    def case(self) -> str | None:
        """The number of its case, once the exchange took it up."""
        return None if self.state in {HANDED_IN, "withdrawn"} else f"{PREFIXES[Record.PROVIDER]}{self.id}"


def apply(tx: sa.Connection, ledger: Ledger, account: int, form: Mapping[str, Any]) -> int:
    """Hand an application in; gives its number. Raises `Invalid` for a person, `Conflict` beside another, `Barred`."""
    if open_row(tx, account).kind != INSTITUTION:
        raise Invalid("An institution provides benefits, not a person.")
    tx.execute(_ONE, {"account": account})
    at = ledger.clock()
    refuse_barred(tx, Party(account=account), at)
    if latest_of(tx, ledger.vault, account, but=ENDED) is not None:
        raise Conflict("This account has an application, or is a provider, already.")
    row = {"account_id": account, "state": HANDED_IN, "made_ms": at, "changed_ms": at}
    sealed = ledger.vault.seal_words(_FORM, rfc8785.dumps(dict(form)))
    return int(tx.execute(sa.insert(providers).values(row | {"form": sealed}).returning(providers.c.id)).scalar_one())


def withdraw(tx: sa.Connection, ledger: Ledger, account: int) -> None:
    """Take an application back before the exchange takes it up; its form goes. Raises `NotFound`."""
    values = {"state": "withdrawn", "form": None, "changed_ms": ledger.clock()}
    mine = providers.c.account_id == account, providers.c.state == HANDED_IN
    if not tx.execute(sa.update(providers).where(*mine).values(values)).rowcount:
        raise NotFound("No application of this account waits to be taken up.")


def take_up(tx: sa.Connection, ledger: Ledger, number: int, by: By) -> str:
    """Take an application up: its case begins; gives its number. Raises `NotFound`, `Conflict`, `DecisionRefused`."""
    found = get_provider(tx, ledger.vault, number, lock=True)
    if found.state != HANDED_IN:
        raise Conflict(f"Application {number} is {found.state}: it was taken up already, or taken back.")
    case = open_case(tx, Record.PROVIDER, number)
    _take(tx, ledger, prepare(tx, ledger, Record.PROVIDER, case), found, "apply", "applied", by)
    return case


def decide_or_move(
    tx: sa.Connection, ledger: Ledger, case: str, decision: str, choose: Choose, reason: str | None
) -> tuple[str | None, int | None]:
    """Take a decision, or move it: gives the state that it leads to, or the number of the motion.

    Raises `NotFound`, `DecisionRefused`, `Conflict`, `Unsettled` for who leaves with something open, and what `choose`
    raises.
    """
    pending, found, step = _next(tx, ledger, case, decision)
    mover = choose(step.by)
    if decision == LEAVES:
        _refuse_unsettled(tx, found.account)
    if step.second:
        return None, move(tx, case, decision, mover, ledger.clock(), reason)
    _take(tx, ledger, pending, found, decision, step.to_state, By(mover, reason=reason))
    end_of_case(tx, case, mover, ledger.clock())
    return step.to_state, None


def approve_moved(tx: sa.Connection, ledger: Ledger, moved: Motion, choose: Choose) -> tuple[str, Officer]:
    """Take a decision that was moved; gives the state that it leads to, and who approved it. Raises the same."""
    pending, found, step = _next(tx, ledger, moved.case, moved.decision)
    second = approver(tx, choose, step.second, moved.mover)
    _take(tx, ledger, pending, found, moved.decision, step.to_state, moved.by(second))
    return step.to_state, second


def get_provider(tx: sa.Connection, vault: Vault, number: int, *, lock: bool = False) -> Provider:
    """Read an application or provider by its number. Raises `NotFound`."""
    query = sa.select(providers).where(providers.c.id == number)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(f"There is no provider {number}.")
    return _provider(vault, row)


def latest_of(tx: sa.Connection, vault: Vault, account: int, *, but: tuple[str, ...] = ()) -> Provider | None:
    """Give the latest application of an account, passing over some states; None without."""
    mine = providers.c.account_id == account, providers.c.state.not_in(but)
    row = tx.execute(sa.select(providers).where(*mine).order_by(providers.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _provider(vault, row)


def list_providers(tx: sa.Connection, vault: Vault, states: tuple[str, ...]) -> list[Provider]:
    """Give those in some states, oldest first, at most 1,000."""
    query = sa.select(providers).where(providers.c.state.in_(states)).order_by(providers.c.id).limit(1_000)
    return [_provider(vault, row) for row in tx.execute(query)]


def name_of(tx: sa.Connection, vault: Vault, account: int) -> str | None:
    """Give what a provider is called; None when its account was erased."""
    return name_in(vault, account_row(tx, account))


def must_be_live(tx: sa.Connection, account: int) -> None:
    """Hold a provider as it is until the transaction ends. Raises `Conflict` unless it is live."""
    if tx.execute(_HOLD, {"account": account, "live": LIVE}).first() is None:
        raise Conflict("This account is no benefit provider that is live.")


def is_live(account: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Say in a query whether the account in a column is a provider that is live."""
    return sa.exists().where(providers.c.account_id == account, providers.c.state == LIVE)


def _next(tx: sa.Connection, ledger: Ledger, case: str, decision: str) -> tuple[Pending, Provider, table.Step]:
    found = get_provider(tx, ledger.vault, number_of(case, Record.PROVIDER), lock=True)
    pending = prepare(tx, ledger, Record.PROVIDER, case)
    stands = pending.before
    if stands is not None and stands.state != found.state:  # since a recovery the number may be another's application
        raise DecisionRefused(f"Case {case} stands at {stands.state}, and what is known of its provider does not.")
    return pending, found, pending.next_step(decision)


def _take(
    tx: sa.Connection, ledger: Ledger, pending: Pending, found: Provider, decision: str, to_state: str, by: By
) -> None:
    if decision == LEAVES:
        _refuse_unsettled(tx, found.account)
    name = name_of(tx, ledger.vault, found.account)
    shown = {} if name is None else {"provider_name": name}
    step = Step(decision, to_state, by, shown=shown, withheld={"provider_id": str(found.account)})
    at = pending.take(tx, step).at
    values = {"state": to_state, "changed_ms": at}
    tx.execute(sa.update(providers).where(providers.c.id == found.id).values(values))


def _refuse_unsettled(tx: sa.Connection, account: int) -> None:
    """Let nobody leave who owes somebody something, or holds points that were collected and can be returned."""
    is_open = account_row(tx, account).erased_ms is None
    points = grams_in(tx, account, Form.POINTS) if is_open else 0
    orders = _open_orders(tx, account)
    if points or orders:
        raise Unsettled(
            f"{orders} orders are open, and {points} collected points are not returned. A provider leaves when "
            "everything is settled."
        )


def _open_orders(tx: sa.Connection, account: int) -> int:
    return int(tx.execute(_OPEN_ORDERS, {"account": account}).scalar_one())


def _provider(vault: Vault, row: sa.Row[Any]) -> Provider:
    form = None if row.form is None else vault.open_json(_FORM, bytes(row.form))
    return Provider(row.id, row.account_id, row.state, row.made_ms, row.changed_ms, form)


def _leave(tx: sa.Connection, account: Erased) -> None:
    """Take the form away; that there was a case the log says for good. Nobody goes who owes somebody something."""
    if orders := _open_orders(tx, account.number):
        raise Unsettled(
            f"{orders} orders that this account was paid for are open. Send the goods or give the points back, and "
            "answer complaints; then erase."
        )
    mine = providers.c.account_id == account.number
    tx.execute(sa.update(providers).where(mine).values(form=None))


_ONE = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('gramledger/provider/' || :account, 0))")
_HOLD = sa.text("SELECT id FROM providers WHERE account_id = :account AND state = :live FOR SHARE")
# Goods are owed as long as it is known where to: not to a buyer who was erased, nor long after they were sent.
_OPEN_ORDERS = sa.text("""
    SELECT count(*) FROM orders WHERE provider_id = :account
        AND ((state IN ('paid', 'shipped') AND delivery IS NOT NULL) OR has_complaint)
""")
ERASING = (_leave,)
