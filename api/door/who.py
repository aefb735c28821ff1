"""Who may: declared on each route as the type of its caller, checked before its body is looked at, and described.

A route that declares nobody is for anyone; a test lists those.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from fastapi.dependencies.models import Dependant

from api.door.auth import READERS, Caller, Principal, Role
from api.door.numbers import AccountId
from registry.errors import Forbidden


@dataclass(frozen=True)
class Holding:
    """Lets the holder of the account in the path pass, and some roles."""

    roles: frozenset[Role] = frozenset()

    async def __call__(self, account_id: AccountId, caller: Caller) -> Principal:
        """Give the caller. Raises `Forbidden`."""
        is_holder = caller.role == Role.HOLDER and caller.account == account_id
        if not is_holder and caller.role not in self.roles:
            raise Forbidden("This account is not yours to read or to act for.")
        return caller

    def __str__(self) -> str:
        """Name who passes."""
        return ", ".join(["the account's holder", *sorted(self.roles)])


@dataclass(frozen=True)
class Being:
    """Lets some roles pass; with `parties`, holders too, of whom the route itself asks whether it is theirs."""

    roles: frozenset[Role]
    parties: bool = False

    async def __call__(self, caller: Caller) -> Principal:
        """Give the caller. Raises `Forbidden`."""
        if caller.role not in self.roles and not (self.parties and caller.role == Role.HOLDER):
            raise Forbidden(f"This is for: {self}.")
        return caller

    def __str__(self) -> str:
        """Name who passes."""
        return ", ".join([*(["holders whose it is"] if self.parties else []), *sorted(self.roles)])


HOLDER, HOLDER_OR_CENTRE = Holding(), Holding(frozenset({Role.CENTRE}))
HOLDER_OR_READER, PARTY_OR_READER = Holding(READERS), Being(READERS, parties=True)
CENTRE = Being(frozenset({Role.CENTRE}))

ForHolder, ForHolderOrReader = Depends(HOLDER), Depends(HOLDER_OR_READER)
"""For routes that need not know which of them it is."""
HolderOrReader = Annotated[Principal, Depends(HOLDER_OR_READER)]
PartyOrReader = Annotated[Principal, Depends(PARTY_OR_READER)]


def who_may(dependant: Dependant) -> Iterator[Holding | Being]:
    """Give what a route declares, however deep."""
    for inner in dependant.dependencies:
        if isinstance(inner.call, Holding | Being):
            yield inner.call
        else:
            yield from who_may(inner)


def described(declared: Iterable[Holding | Being]) -> str | None:
    """Say who may, for the interface's description; None for anyone."""
    return "; ".join(map(str, declared)) or None
