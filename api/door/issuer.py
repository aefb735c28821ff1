"""The identity service (OpenID Connect): what it says of itself, and its keys, asked for anew every few seconds.

It is somebody else's server: bounded in time and in bytes, no redirects. A key that it no longer publishes is none from
then on.
"""

import hashlib
import ssl
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import InvalidKeyError

from api.door import strict_json
from registry.clock import Clock
from registry.errors import IssuerUnreachable, TokenKeyUnknown

FRESH_MS: Final = 2_500
"""After so long keys are asked for before one is used again: with `TIMEOUT_S`, a key that is gone is gone in 5 s."""
KEPT_MS: Final = 600_000
"""So long the keys that are known stand when the issuer does not answer."""
AGAIN_MS: Final = 500
"""An unknown key's name asks the issuer no sooner again, whatever strangers send."""
TIMEOUT_S: Final = 2.0
MAX_BYTES: Final = 256 * 1024
MIN_RSA_BITS: Final = 2048
DISCOVERY: Final = "/.well-known/openid-configuration"
ED25519: Final = frozenset({"EdDSA", "Ed25519"})
"""Two names of one algorithm (RFC 8037, RFC 9864)."""
ALGORITHMS: Final = ED25519 | {"ES256", "RS256", "PS256"}
Public = Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where an issuer is asked for what (OpenID Connect Discovery 1.0, section 3)."""

    jwks_uri: str
    authorization_endpoint: str
    token_endpoint: str


@dataclass(frozen=True, slots=True)
class Key:
    """A key that an issuer publishes, and the SHA-256 by which it is told from others."""

    digest: bytes
    public: Public = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Keyset:
    """The keys that an issuer publishes, by their names; a name that two different keys have names none."""

    keys: Mapping[str | None, Key]
    digests: frozenset[bytes]

    def find(self, name: str | None, algorithm: str) -> Key:
        """Give the key for a token; one without a name takes the only key that there is. Raises `TokenKeyUnknown`."""
        key = self.keys.get(name)
        if key is None and name is None and len(self.keys) == 1:
            (key,) = self.keys.values()
        if key is None or not _fits(key.public, algorithm):
            raise TokenKeyUnknown("The issuer publishes no such key, or more than one. Get a new token.")
        return key


class Issuer:
    """An issuer as its tokens name it, asked over HTTP."""

    def __init__(self, url: str, clock: Clock, *, by_proxy: bool = True) -> None:
        """Take its URL; nothing is asked yet. Without `by_proxy`, the environment's proxies are left aside."""
        self.url = url
        self._clock, self._by_proxy = clock, by_proxy
        self._lock = threading.Lock()
        self._known: tuple[Metadata, Keyset] | None = None
        self._asked_ms = self._answered_ms = self._failed_ms = -KEPT_MS

    @property
    def is_fresh(self) -> bool:
        """Whether its keys were asked for a moment ago."""
        now = self._clock()
        if self._known is None or not 0 <= now - self._answered_ms < KEPT_MS:
            return False
        return now - max(self._answered_ms, self._failed_ms) < FRESH_MS

    @property
    def digests(self) -> frozenset[bytes]:
        """Give the digests of the keys that are known now; nobody is asked."""
        return frozenset() if self._known is None else self._known[1].digests

    def keyset(self, *, lacking: str | None = None) -> Keyset:
        """Give its keys, asked for now unless that was a moment ago; while others ask, those that are known.

        `lacking` names a key: when it is not among those known, it is looked for once more. Raises `IssuerUnreachable`.
        """
        return self._now(lacking)[1]

    def metadata(self) -> Metadata:
        """Say where it is asked for what. Raises `IssuerUnreachable`."""
        return self._now(None)[0]

    def ask(self, url: str, form: Mapping[str, str] | None = None, secret: tuple[str, str] | None = None) -> Any:
        """Ask one of its addresses, by POST with a form; gives the JSON that it answers. Raises `IssuerUnreachable`."""
        try:
            with httpx2.Client(verify=self._tls, timeout=TIMEOUT_S, trust_env=self._by_proxy) as client:
                how: dict[str, Any] = {} if form is None else {"data": dict(form)}
                method, credentials = "GET" if form is None else "POST", secret and httpx2.BasicAuth(*secret)
                with client.stream(method, url, auth=credentials, **how) as answer:
                    body = b""
                    for piece in answer.iter_bytes():
                        body += piece
                        if len(body) > MAX_BYTES:
                            raise IssuerUnreachable(f"{_who(url)} answers with more than {MAX_BYTES} bytes.")
                    if answer.status_code != httpx2.codes.OK and form is None:
                        raise IssuerUnreachable(f"{_who(url)} answers with status {answer.status_code}.")
            return strict_json.read(body)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise IssuerUnreachable(
                f"{_who(url)} does not answer: {type(error).__name__}. Try again shortly."
            ) from None
        except strict_json.NotStrict as error:
            raise IssuerUnreachable(f"{_who(url)} answers with what is no JSON: {error}.") from None

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Whose certificates are believed, read once: it takes as long as a hundred requests, every few seconds."""
        return httpx2.create_ssl_context(trust_env=self._by_proxy)

    def _now(self, lacking: str | None) -> tuple[Metadata, Keyset]:
        known = self._known
        if known is not None and not self._is_due(lacking):
            return known
        is_kept = known is not None and 0 <= self._clock() - self._answered_ms < KEPT_MS
        if not self._lock.acquire(blocking=not is_kept or lacking is not None):
            assert known is not None  # noqa: S101  (it would have waited)
            return known
        try:
            if self._known is None or self._is_due(lacking):
                self._ask(is_kept=is_kept)
        finally:
            self._lock.release()
        assert self._known is not None  # noqa: S101  (it raised otherwise)
        return self._known

    def _is_due(self, lacking: str | None) -> bool:
        if not self.is_fresh:
            return True
        is_lacking = lacking is not None and self._known is not None and lacking not in self._known[1].keys
        return is_lacking and self._clock() - self._asked_ms >= AGAIN_MS

    def _ask(self, *, is_kept: bool) -> None:
        self._asked_ms = self._clock()
        try:
            metadata = _metadata(self.url, self.ask(self.url.rstrip("/") + DISCOVERY))
            self._known = metadata, _keyset(self.ask(metadata.jwks_uri))
        except IssuerUnreachable:
            self._failed_ms = self._clock()
            if not is_kept:
                raise
        else:
            self._answered_ms = self._clock()


def _metadata(url: str, said: Any) -> Metadata:
    members = said if isinstance(said, dict) else {}
    if members.get("issuer") != url:
        raise IssuerUnreachable(f"{_who(url)} calls itself another issuer than GRAMLEDGER_ISSUER says.")
    found = [members.get(name) for name in Metadata.__dataclass_fields__]
    for one in found:
        # Keys and codes go no less safely than the issuer itself is reached.
        if not isinstance(one, str) or urlsplit(one).scheme not in {"https", urlsplit(url).scheme}:
            raise IssuerUnreachable(f"{_who(url)} does not say where its keys, its sign-in and its tokens are.")
    return Metadata(*map(str, found))


def _keyset(said: Any) -> Keyset:
    listed = said.get("keys") if isinstance(said, dict) else None
    if not isinstance(listed, list):
        raise IssuerUnreachable("The issuer's keys cannot be read: they are no JWK Set (RFC 7517).")
    found = [one for one in map(_key, listed) if one is not None]
    times = Counter(name for name, _ in {(name, key.digest) for name, key in found})
    keys = {name: key for name, key in found if times[name] == 1}
    return Keyset(keys, frozenset(key.digest for key in keys.values()))


def _key(jwk: Any) -> tuple[str | None, Key] | None:
    """Read one key; None for what is no public key that signs, or one that is too weak."""
    if not isinstance(jwk, dict) or jwk.get("use", "sig") != "sig" or "d" in jwk:
        return None
    name, kind = jwk.get("kid"), jwk.get("kty")
    reader = _READERS.get(str(kind))
    if reader is None or not (name is None or isinstance(name, str)):
        return None
    try:
        public: Any = reader.from_jwk(jwk)
    except (
        InvalidKeyError,
        UnsupportedAlgorithm,
        ValueError,
        TypeError,
        AttributeError,
    ):  # of another type than a JWK's
        return None
    if not any(_fits(public, algorithm) for algorithm in ALGORITHMS):
        return None
    written = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return name, Key(hashlib.sha256(written).digest(), public)


_READERS: Final[Mapping[str, type[OKPAlgorithm | ECAlgorithm | RSAAlgorithm]]] = {
    "OKP": OKPAlgorithm,
    "EC": ECAlgorithm,
    "RSA": RSAAlgorithm,
}


def _fits(key: Public, algorithm: str) -> bool:
    """Whether a key is of an algorithm's kind, and strong enough."""
    if isinstance(key, Ed25519PublicKey):
        return algorithm in ED25519
    if isinstance(key, EllipticCurvePublicKey):
        return algorithm == "ES256" and isinstance(key.curve, SECP256R1)
    return isinstance(key, RSAPublicKey) and algorithm in {"RS256", "PS256"} and key.key_size >= MIN_RSA_BITS


def _who(url: str) -> str:
    return f"The identity service at {urlsplit(url).netloc}"
