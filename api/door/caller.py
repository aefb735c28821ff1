"""Who asks: a bearer token that verified, and what the registry granted its subject. Deny by default."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.door.aside import aside
from api.door.causes import below, raising
from api.door.tokens import Tokens
from registry.accounts.vault import Vault
from registry.clock import Clock
from registry.database.engine import Database
from registry.errors import IssuerUnreachable, Unauthenticated
from registry.identity.grants import Grant, officer_of, standing_of
from registry.identity.roles import Role
from registry.procedure.decision import Officer

if TYPE_CHECKING:
    from registry.identity.subjects import Subject

FRESH_MS: Final = 2_000
"""So long a subject's grants are believed in a process: what is revoked is so in all of them within two seconds."""
MAX_REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: a subject that is known by its digest, and what it may."""

    digest: bytes
    grants: tuple[Grant, ...]

    @property
    def id(self) -> str:
        """Under this name idempotency keys are kept apart."""
        return self.digest.hex()

    def has(self, *roles: Role) -> bool:
        """Whether it has one of some roles."""
        return any(one.role in roles for one in self.grants)

    def accounts(self, *roles: Role) -> frozenset[int]:
        """Give the accounts of which it has one of some roles."""
        return frozenset(one.account for one in self.grants if one.account is not None and one.role in roles)

    def officer(self, authority: Role) -> Officer | None:
        """Give the officer of an authority that it is."""
        return officer_of(self.grants, authority)

    @property
    def officers(self) -> tuple[Officer, ...]:
        """Give the officers, experts and service bodies that it is: one at most, since nobody is two of them."""
        return tuple(Officer(str(one.role), one.officer) for one in self.grants if one.officer is not None)

    @property
    def district(self) -> str | None:
        """The district whose bureau's officer it is."""
        return next((one.district for one in self.grants if one.district is not None), None)


class Callers:
    """Tells who asks. What was asked of issuer and database a moment ago is not asked again."""

    def __init__(
        self, tokens: Tokens, database: Callable[[], Database], vault: Callable[[], Vault], clock: Clock
    ) -> None:
        """Take what verifies tokens, and where grants are; the latter two are opened when they are first needed."""
        self._tokens, self._database, self._vault, self._clock = tokens, database, vault, clock
        self._digests: OrderedDict[Subject, bytes] = OrderedDict()
        self._grants: OrderedDict[bytes, tuple[int, tuple[Grant, ...]]] = OrderedDict()
        self._came: set[bytes] = set()
        self._lock = threading.Lock()

    def remembered(self, token: str) -> Principal | None:
        """Tell who asks, when nobody has to be asked for it."""
        verified = self._tokens.remembered(token)
        digest = None if verified is None else self._digests.get(verified.subject)
        return None if digest is None else self._recall(digest)

    def ask(self, token: str) -> Principal:
        """Tell who asks. It may wait. Raises `Unauthenticated`, `Unavailable`."""
        subject = self._tokens.verify(token).subject
        digest = subject.digest(self._vault())
        with self._lock:
            self._digests[subject] = digest
            while len(self._digests) > MAX_REMEMBERED:
                self._digests.popitem(last=False)
        return self.known(digest)

    def known(self, digest: bytes) -> Principal:
        """Tell what a subject may, by its digest. It may wait for the database.

        Who has to be asked for is asked for together with all who came since somebody last had to be: so of a crowd one
        waits in two seconds, and not each of it.
        """
        found = self._recall(digest)
        if found is not None:
            return found
        with self._lock:
            others, self._came = self._came, set()
        at = self._clock()
        with self._database().reading() as tx:
            may = standing_of(tx, {digest, *others}, at)
        with self._lock:  # who has no grant waits for his first, and should have it at once: he is not remembered
            for one, grants in may.items():
                self._grants[one] = at, grants
                self._grants.move_to_end(one)
            while len(self._grants) > MAX_REMEMBERED:
                self._grants.popitem(last=False)
        return Principal(digest, may.get(digest, ()))

    def forget(self, digest: bytes) -> None:
        """Ask anew what a subject may: it was changed here."""
        with self._lock:
            self._grants.pop(digest, None)

    def _recall(self, digest: bytes) -> Principal | None:
        at, grants = self._grants.get(digest, (None, ()))
        if at is None or not 0 <= self._clock() - at < FRESH_MS:
            return None
        self._came.add(digest)
        return Principal(digest, grants)


_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT")


@raising(*below(Unauthenticated), IssuerUnreachable)
async def authenticate(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal:
    """Tell who sent the bearer token. Raises `Unauthenticated`."""
    if credentials is None:
        raise Unauthenticated("Send a bearer token: Authorization: Bearer <token>.")
    callers: Callers = request.app.state.callers
    known = callers.remembered(credentials.credentials)
    return await aside(callers.ask, credentials.credentials) if known is None else known


Caller = Annotated[Principal, Depends(authenticate)]
