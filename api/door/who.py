"""Who may: declared on each route as the type of its caller, checked before its body is looked at, and described.

A route that declares nobody is for anyone; a test lists those.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Final
from urllib.parse import unquote

from fastapi import Depends, Header, Request
from fastapi.dependencies.models import Dependant

from api.door.aside import aside
from api.door.caller import Caller, Principal
from api.door.numbers import AccountId
from registry.errors import Forbidden, Invalid, NoRole, PurposeMissing, RegistryError
from registry.identity.reads import note_read
from registry.identity.roles import AUTHORITIES, Role

if TYPE_CHECKING:
    from api.installation.site import Site

READERS: Final = frozenset({Role.CENTRE, Role.BUREAU})
"""Officers who may read any account: the centre manages them, the bureau supervises."""
READING: Final = frozenset({Role.HOLDER, Role.PROVIDER, Role.TRADER, Role.APPLICANT})
"""Who may read an account that they act for. A platform is none of them: it has a way of its own, by consent."""
_HOLDER: Final = frozenset({Role.HOLDER})


@dataclass(frozen=True)
class Holding:
    """Lets those pass who have one of some roles of the account in the path, and officers of some authorities."""

    of: frozenset[Role] = _HOLDER
    roles: frozenset[Role] = frozenset()
    raises: ClassVar[tuple[type[RegistryError], ...]] = (Forbidden, NoRole)

    async def __call__(self, account_id: AccountId, caller: Caller) -> Principal:
        """Give the caller. Raises `Forbidden`, `NoRole`."""
        if account_id in caller.accounts(*self.of) or caller.has(*self.roles):
            return caller
        raise _no_entry(caller, "This account is not yours to read or to act for.")

    def __str__(self) -> str:
        """Name who passes."""
        return ", ".join([f"the account's {' or '.join(sorted(self.of))}", *sorted(self.roles)])


Purpose = Annotated[
    str | None,
    Header(
        description="What an officer reads this for, in ASCII or percent-encoded UTF-8; who it is about sees it.",
        examples=["complaint 2026-118"],
        max_length=1000,
    ),
]


@dataclass(frozen=True)
class Looking(Holding):
    """Lets those pass who read an account; of an officer it is noted first that he does, and what for (R5)."""

    raises: ClassVar[tuple[type[RegistryError], ...]] = (*Holding.raises, PurposeMissing, Invalid)

    async def __call__(  # type: ignore[override]  # it asks for more
        self, account_id: AccountId, caller: Caller, request: Request, purpose: Purpose = None
    ) -> Principal:
        """Give the caller. Raises `Forbidden`, `NoRole`, `PurposeMissing`."""
        await super().__call__(account_id, caller)
        if account_id not in caller.accounts(*self.of):
            await aside(note, request, caller, frozenset({account_id}), purpose, *self.roles)
        return caller


def note(request: Request, caller: Principal, accounts: frozenset[int], purpose: str | None, *roles: Role) -> None:
    """Note that an officer of one of these authorities reads what is of some accounts. Raises `PurposeMissing`."""
    if purpose is None:
        raise PurposeMissing("Send a Purpose header: what you read this for. Who it is about sees it.")
    officers = [officer for role in sorted(roles) if (officer := caller.officer(role)) is not None]
    site: Site = request.app.state.site
    with site.database.transaction() as tx:
        what = f"{request.method} {request.scope['route'].path}"
        note_read(tx, site.ledger.vault, accounts, str(officers[0]), what, unquote(purpose), site.ledger.clock())


@dataclass(frozen=True)
class Being:
    """Lets some roles pass; with `parties`, whoever reads an account, of whom the route asks whether it is theirs."""

    roles: frozenset[Role]
    parties: bool = False
    raises: ClassVar[tuple[type[RegistryError], ...]] = Holding.raises

    async def __call__(self, caller: Caller) -> Principal:
        """Give the caller. Raises `Forbidden`, `NoRole`."""
        if caller.has(*self.roles) or (self.parties and caller.accounts(*READING)):
            return caller
        raise _no_entry(caller, f"This is for: {self}.")

    def __str__(self) -> str:
        """Name who passes."""
        return ", ".join([*(["those whose it is"] if self.parties else []), *sorted(self.roles)])


@dataclass(frozen=True)
class Anybody:
    """Lets whoever signed in pass, with a role or without."""

    async def __call__(self, caller: Caller) -> Principal:
        """Give the caller."""
        return caller

    def __str__(self) -> str:
        """Name who passes."""
        return "whoever signed in"


May = Holding | Being | Anybody


def _no_entry(caller: Principal, sentence: str) -> RegistryError:
    if caller.grants:
        return Forbidden(sentence)
    return NoRole(
        "You are signed in, and have no role here. The centre opens accounts; authorities name their officers."
    )


HOLDER: Final = Holding()
TRADING: Final = Holding(frozenset({Role.HOLDER, Role.TRADER}))
PROVIDING: Final = Holding(frozenset({Role.HOLDER, Role.PROVIDER}))
PROVIDING_OR_CENTRE: Final = Holding(frozenset({Role.HOLDER, Role.PROVIDER}), frozenset({Role.CENTRE}))
BUNDLING: Final = Holding(frozenset({Role.HOLDER, Role.PROVIDER, Role.TRADER}))
READER, PARTY_OR_READER = Looking(READING, READERS), Being(READERS, parties=True)
CENTRE: Final = Being(frozenset({Role.CENTRE}))
SIGNED_IN: Final = Anybody()

ForHolder, ForHolderOrReader = Depends(HOLDER), Depends(READER)
"""For routes that need not know which of them it is."""
AnOfficer = Annotated[Principal, Depends(Being(AUTHORITIES))]
HolderOrReader = Annotated[Principal, Depends(READER)]
PartyOrReader = Annotated[Principal, Depends(PARTY_OR_READER)]
SignedIn = Annotated[Principal, Depends(SIGNED_IN)]


def who_may(dependant: Dependant) -> Iterator[May]:
    """Give what a route declares, however deep."""
    for inner in dependant.dependencies:
        if isinstance(inner.call, May):
            yield inner.call
        else:
            yield from who_may(inner)


def described(declared: Iterable[May]) -> str | None:
    """Say who may, for the interface's description; None for anyone."""
    return "; ".join(map(str, declared)) or None
