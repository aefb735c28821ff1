"""People sign in at the identity service: authorization code with PKCE (RFC 7636; OpenID Connect Core, section 3.1).

What one sign-in must remember until its visitor comes back is sealed in a cookie of theirs, so that nobody fills our
tables by beginning many.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

from api.door.issuer import Issuer
from api.door.tokens import claims_of, subject_of
from registry.accounts.vault import Vault
from registry.clock import Clock
from registry.errors import Invalid, SignInRefused, Unauthenticated, Unavailable
from registry.identity.subjects import Subject

LIFE_MS: Final = 600_000
"""A sign-in takes ten minutes at most."""
MAX_COOKIE: Final = 4096
_BOUND: Final = "sign-in"
AGAIN: Final = "Begin again at /sign-in."


@dataclass(frozen=True, slots=True)
class Begun:
    """Where a visitor is sent, and what their browser keeps meanwhile."""

    location: str
    cookie: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who came back, and to which of our pages they go."""

    subject: Subject
    path: str


class RelyingParty:
    """The registry's pages, as a client of the identity service."""

    def __init__(
        self, issuer: Issuer, issuer_name: str, client: tuple[str, str | None], vault: Callable[[], Vault], clock: Clock
    ) -> None:
        """Take the issuer, what its subjects are known by, the client's id and secret, and what seals the cookie."""
        self._issuer, self._name, self._client = issuer, issuer_name, client
        self._vault, self._clock = vault, clock

    def begin(self, back: str, path: str) -> Begun:
        """Send a visitor to sign in; `back` is where they are sent back to, `path` the page they go to then.

        Raises `IssuerUnreachable`.
        """
        kept = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
        challenge = base64.urlsafe_b64encode(hashlib.sha256(kept["verifier"].encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self._client[0],
            "redirect_uri": back,
            "scope": "openid",
            "state": kept["state"],
            "nonce": kept["nonce"],
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        endpoint = self._issuer.metadata().authorization_endpoint
        sealed = self._vault().seal_words(_BOUND, json.dumps({**kept, "path": path, "at": self._clock()}).encode())
        location = f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"
        return Begun(location, base64.urlsafe_b64encode(sealed).rstrip(b"=").decode())

    def finish(self, back: str, query: Mapping[str, str], cookie: str | None) -> SignedIn:
        """Say who came back from the identity service. Raises `SignInRefused`, `IssuerUnreachable`."""
        kept = self._kept(cookie)
        if not hmac.compare_digest(query.get("state", "").encode(), kept["state"].encode()):
            raise SignInRefused(f"This sign-in was not begun in this browser, or it is the older of two. {AGAIN}")
        if query.get("iss", self._issuer.url) != self._issuer.url:  # RFC 9207
            raise SignInRefused(f"Another identity service answered than the one that was asked. {AGAIN}")
        if "code" not in query:
            raise SignInRefused(f"The identity service did not let you in. {AGAIN}")
        claims = self._claims(back, query["code"], kept["verifier"])
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), kept["nonce"].encode()):
            raise SignInRefused(f"The identity service answers about another sign-in. {AGAIN}")
        try:
            return SignedIn(subject_of(claims, self._name), kept["path"])
        except Invalid:
            raise SignInRefused("The identity service names nobody who can be kept.") from None

    def _kept(self, cookie: str | None) -> dict[str, Any]:
        try:
            sealed = base64.urlsafe_b64decode((cookie or "")[:MAX_COOKIE] + "==")
            kept: dict[str, Any] = json.loads(self._vault().open_words(_BOUND, sealed))
        except (ValueError, Unavailable):
            raise SignInRefused(f"This sign-in was not begun in this browser. {AGAIN}") from None
        if not 0 <= self._clock() - kept["at"] < LIFE_MS:
            raise SignInRefused(f"This sign-in took longer than ten minutes. {AGAIN}")
        return kept

    def _claims(self, back: str, code: str, verifier: str) -> dict[str, Any]:
        name, secret = self._client
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier}
        # Both parts are written as in a form (RFC 6749, section 2.3.1).
        basic = None if secret is None else (quote_plus(name), quote_plus(secret))
        form |= {"client_id": name} if secret is None else {}
        said = self._issuer.ask(self._issuer.metadata().token_endpoint, form, basic)
        token = said.get("id_token") if isinstance(said, dict) else None
        if not isinstance(token, str):
            raise SignInRefused(f"The identity service does not take the code that it gave: it is used or old. {AGAIN}")
        try:
            claims, _, _ = claims_of(token, self._issuer, name, self._clock() / 1000)
        except Unauthenticated as error:
            raise SignInRefused(f"What the identity service says of you does not hold: {error}") from None
        return claims
