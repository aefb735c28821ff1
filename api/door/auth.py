"""Who asks: bearer tokens (JWT, EdDSA) with a role and, for holders, an account. Deny by default."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from jwt.utils import base64url_decode

from api.door import strict_json
from api.door.numbers import MAX_EXACT
from api.installation.keys import read_secret
from api.installation.settings import Settings
from api.installation.site import Site, is_production
from registry.clock import Clock
from registry.errors import Forbidden, Invalid, Unauthenticated
from registry.words import checked_words

ISSUER = "gramledger-development"
AUDIENCE = "gramledger"
LEEWAY_S = 10
"""How far an identity service's clock may be from ours: for `iat` and `nbf`, and for `exp` as well."""
MAX_SUBJECT_CHARS = 255
"""As OpenID Connect bounds a subject; it is part of the key that keeps an act from being done twice."""
MAX_DEVELOPMENT_TOKEN_S = 30 * 86_400
MAX_REMEMBERED = 4096
"""Tokens that verified, in one process: less than a megabyte."""


class Role(StrEnum):
    """What a caller is. Authorities have separate powers (R2)."""

    HOLDER = "holder"
    CENTRE = "centre"
    EXCHANGE = "exchange"
    BUREAU = "bureau"


READERS = frozenset({Role.CENTRE, Role.BUREAU})
"""Roles that may read any account: the centre manages them, the bureau supervises."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose token verified."""

    subject: str
    role: Role
    account: int | None

    @property
    def id(self) -> str:
        """Under this name idempotency keys are kept apart."""
        return f"{self.role}:{self.subject}"


class _Jwt(jwt.PyJWT):
    """Tokens whose header and claims are read like everything else from outside."""

    def decode_complete(self, jwt: str | bytes, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Decode a token. Raises what PyJWT raises, and `NotStrict` for JSON that two readers may understand apart."""
        found = super().decode_complete(jwt, *args, **kwargs)
        head = jwt.encode() if isinstance(jwt, str) else jwt
        strict_json.read(base64url_decode(head.partition(b".")[0]))
        return found

    def _decode_payload(self, decoded: dict[str, Any]) -> dict[str, Any]:
        claims = strict_json.read(decoded["payload"])
        if not isinstance(claims, dict):
            raise jwt.DecodeError("claims are an object")
        return claims


_JWT = _Jwt()
_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT")
UNVERIFIED = "The token does not verify, or has expired. Get a new one."


class Tokens:
    """Verifies tokens under one key, and remembers those that verified: a holder asks many things with one token.

    What is kept is the SHA-256 of a token's own bytes, who it says is asking, and when it expires, which is looked at
    each time. A token that does not verify is not remembered.
    """

    def __init__(self, key: Any, clock: Clock) -> None:
        """Take the key that tokens verify under."""
        self._key, self._clock = key, clock
        self._known: OrderedDict[bytes, tuple[Principal, int]] = OrderedDict()

    def principal(self, token: str) -> Principal:
        """Tell who asks. Raises `Unauthenticated`, and never says anything of the token itself."""
        digest = hashlib.sha256(token.encode()).digest()
        if digest not in self._known:
            self._known[digest] = self._verified(token)
            if len(self._known) > MAX_REMEMBERED:
                self._known.popitem(last=False)
        self._known.move_to_end(digest)
        principal, expires_s = self._known[digest]
        if expires_s <= self._clock() / 1000 - LEEWAY_S:
            del self._known[digest]
            raise Unauthenticated(UNVERIFIED)
        return principal

    def _verified(self, token: str) -> tuple[Principal, int]:
        try:
            claims = _JWT.decode(
                token,
                self._key,
                algorithms=["EdDSA"],
                audience=AUDIENCE,
                leeway=LEEWAY_S,
                options={"require": ["exp", "sub", "role"]},
            )
            return _principal(claims), int(claims["exp"])
        except (
            jwt.InvalidTokenError,
            Invalid,
            ValueError,
            RecursionError,
            OverflowError,
        ):  # its header is read before it verifies
            raise Unauthenticated(UNVERIFIED) from None


async def authenticate(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Principal:
    """Verify the bearer token. Raises `Unauthenticated`."""
    if credentials is None:
        raise Unauthenticated("Send a bearer token: Authorization: Bearer <token>.")
    tokens: Tokens = request.app.state.tokens
    return tokens.principal(credentials.credentials)


Caller = Annotated[Principal, Depends(authenticate)]


def _principal(claims: dict[str, Any]) -> Principal:
    role = Role(claims["role"])
    account = claims.get("account")
    if role == Role.HOLDER and (type(account) is not int or not 0 < account <= MAX_EXACT):
        raise ValueError("a holder's token names its account")
    return Principal(
        checked_words(claims["sub"], "A subject", MAX_SUBJECT_CHARS), role, account if role == Role.HOLDER else None
    )


def token_key(site: Site) -> Any:
    """Give the key that tokens verify under: the identity service's, or the development key's public half."""
    configured = site.settings.token_public_key
    return configured or _development_key(site).public_key()


def _development_key(site: Site) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(read_secret(site.folder.keys, "token.key"))


def refuse_in_production(settings: Settings) -> None:
    """Raise `Forbidden` where the identity service alone makes tokens."""
    if is_production(settings):
        raise Forbidden("Production takes tokens from the identity service only.")


def development_token(
    settings: Settings, key: bytes, *, role: str, account: int | None, now_s: int, life_s: int
) -> str:
    """Make a token for trying things. Raises `Forbidden` in production and `Invalid` for a role that is none."""
    refuse_in_production(settings)
    if role not in set(Role):
        raise Invalid(f"A role is one of: {', '.join(Role)}.")
    if (role == Role.HOLDER) != (account is not None):
        raise Invalid("A holder's token names its account, and only a holder's does.")
    if not 0 < life_s <= MAX_DEVELOPMENT_TOKEN_S:
        raise Invalid(f"A development token lives 1 to {MAX_DEVELOPMENT_TOKEN_S} seconds.")
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": f"account-{account}" if account is not None else role,
        "role": role,
        "iat": now_s,
        "exp": now_s + life_s,
    }
    if account is not None:
        claims["account"] = account
    return jwt.encode(claims, Ed25519PrivateKey.from_private_bytes(key), algorithm="EdDSA")
