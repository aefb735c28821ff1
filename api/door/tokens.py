"""Bearer tokens (JWT) of the identity service: read, verified, and remembered while its key stands.

A token says who asks, and nothing of what he may: roles are granted in the registry (`registry.identity`).
"""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

import jwt
from jwt.algorithms import OKPAlgorithm
from jwt.types import Options
from jwt.utils import base64url_decode

from api.door import strict_json
from api.door.issuer import ALGORITHMS, Issuer, Key
from registry.clock import Clock
from registry.errors import (
    Invalid,
    TokenAlgorithm,
    TokenExpired,
    TokenMalformed,
    TokenNotYet,
    TokenOfOthers,
    TokenTooLarge,
    TokenUnverified,
)
from registry.identity.subjects import Subject

LEEWAY_S: Final = 10
"""How far an identity service's clock may be from ours."""
MAX_LIFE_S: Final = 3600
"""However long a token says that it lives: a stolen one is useless an hour later at most."""
MAX_BYTES: Final = 8192
"""Looked at before anything of it is read."""
MAX_REMEMBERED: Final = 4096
"""Tokens that verified, in one process: less than a megabyte."""
TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})
READ_ANEW: Final = "Get a new one."


@dataclass(frozen=True, slots=True)
class Verified:
    """Who asks, the key that says so, and until when (Unix seconds)."""

    subject: Subject
    key: Key
    expires_s: float


class _Jwt(jwt.PyJWT):
    """Tokens whose claims are read like everything else from outside."""

    def _decode_payload(self, decoded: dict[str, Any]) -> dict[str, Any]:
        claims = strict_json.read(decoded["payload"])
        if not isinstance(claims, dict):
            raise jwt.DecodeError("claims are an object")
        return claims


_JWT: Final = _Jwt()
_JWT._jws.register_algorithm("Ed25519", OKPAlgorithm())  # noqa: SLF001  (PyJWT knows it by its older name alone)


def claims_of(token: str, issuer: Issuer, audience: str, now_s: float) -> tuple[dict[str, Any], Key, float]:
    """Verify a token; gives its claims, the key, and until when it is good (Unix seconds).

    Raises an `Unauthenticated` that says what is wrong, and never anything of the token itself, or `IssuerUnreachable`.
    """
    if len(token) > MAX_BYTES:
        raise TokenTooLarge(f"A token has {MAX_BYTES} bytes at most.")
    algorithm, name = _head(token)
    key = issuer.keyset(lacking=name).find(name, algorithm)
    try:
        claims = _JWT.decode(token, key.public, algorithms=[algorithm], options=_UNCHECKED)
    except jwt.InvalidSignatureError:
        raise TokenUnverified(f"The token's signature does not hold under the issuer's key. {READ_ANEW}") from None
    except (jwt.InvalidTokenError, strict_json.NotStrict, ValueError, RecursionError, OverflowError):
        raise TokenMalformed(f"This is no JSON Web Token that two readers would read alike. {READ_ANEW}") from None
    heard = claims.get("aud")
    if claims.get("iss") != issuer.url or audience not in (heard if isinstance(heard, list) else [heard]):
        raise TokenOfOthers(f"The token is not by {issuer.url} for the audience {audience}. {READ_ANEW}")
    return claims, key, _until(claims, now_s)


_UNCHECKED: Final[Options] = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_iss": False,
    "verify_aud": False,
}
"""By the library: they are checked here, by the clock that everything goes by."""


def _head(token: str) -> tuple[str, str | None]:
    """Read by which algorithm and key a token is signed."""
    try:
        head = strict_json.read(base64url_decode(token.encode("ascii").partition(b".")[0]))
    except (ValueError, RecursionError):
        head = None
    if not isinstance(head, dict) or "crit" in head or token.count(".") != 2:
        raise TokenMalformed(f"This is no JSON Web Token that this registry reads. {READ_ANEW}")
    algorithm, name, kind = head.get("alg"), head.get("kid"), head.get("typ", "JWT")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise TokenAlgorithm(f"A token is signed by one of {', '.join(sorted(ALGORITHMS))}. {READ_ANEW}")
    if not (name is None or isinstance(name, str)) or not isinstance(kind, str) or kind.lower() not in TYPES:
        raise TokenMalformed(f"This is no access token that this registry reads. {READ_ANEW}")
    return algorithm, name


def _until(claims: dict[str, Any], now_s: float) -> float:
    """Hold a token's times against the clock; gives until when it is good."""
    times = {name: claims.get(name) for name in ("exp", "iat", "nbf") if name != "nbf" or name in claims}
    for name, time in times.items():
        if type(time) not in {int, float} or not 0 <= time < 1e11:  # type: ignore[operator]
            raise TokenMalformed(f"The token's {name} is no time, in seconds since 1970. {READ_ANEW}")
    expires = float(min(times["exp"], times["iat"] + MAX_LIFE_S))  # type: ignore[type-var,operator,arg-type]
    begins = float(max(times["iat"], times.get("nbf", 0)))  # type: ignore[type-var,arg-type]
    if begins > now_s + LEEWAY_S:
        raise TokenNotYet("The token is of a time to come: the issuer's clock or this one is off.")
    if expires <= now_s - LEEWAY_S:
        raise TokenExpired(f"The token has expired; a token is good for an hour at most. {READ_ANEW}")
    return expires


def subject_of(claims: dict[str, Any], issuer_name: str) -> Subject:
    """Read whom a token names: a text, and nothing that could be written as one. Raises `Invalid`."""
    name = claims.get("sub")
    return Subject(issuer_name, name if isinstance(name, str) else "")


class Tokens:
    """Verifies access tokens, and remembers those that verified: a holder asks many things with one token.

    What is kept is the SHA-256 of a token's own bytes, who it says is asking, the key and when it expires, which are
    looked at each time. A token that does not verify is not remembered.
    """

    def __init__(self, issuer: Issuer, issuer_name: str, audience: str, clock: Clock) -> None:
        """Take whose tokens are taken, by which name the registry knows its subjects, and for which audience."""
        self._issuer, self._name, self._audience, self._clock = issuer, issuer_name, audience, clock
        self._known: OrderedDict[bytes, Verified] = OrderedDict()
        self._lock = threading.Lock()

    def remembered(self, token: str) -> Verified | None:
        """Give what a token said that verified a moment ago; None when somebody has to be asked."""
        return self._recall(_digest(token)) if self._issuer.is_fresh else None

    def verify(self, token: str) -> Verified:
        """Say who asks. It may wait for the issuer. Raises `Unauthenticated`, `IssuerUnreachable`."""
        digest = _digest(token)
        self._issuer.keyset()
        known = self._recall(digest)
        if known is not None:
            return known
        claims, key, expires_s = claims_of(token, self._issuer, self._audience, self._clock() / 1000)
        try:
            subject = subject_of(claims, self._name)
        except Invalid:
            raise TokenMalformed(f"The token names no subject that can be kept. {READ_ANEW}") from None
        with self._lock:
            self._known[digest] = found = Verified(subject, key, expires_s)
            while len(self._known) > MAX_REMEMBERED:
                self._known.popitem(last=False)
        return found

    def _recall(self, digest: bytes) -> Verified | None:
        with self._lock:
            found = self._known.get(digest)
            if found is None:
                return None
            stands = found.key.digest in self._issuer.digests
            if not stands or found.expires_s <= self._clock() / 1000 - LEEWAY_S:
                del self._known[digest]
                return None
            self._known.move_to_end(digest)
            return found


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
