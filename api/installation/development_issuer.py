"""A small OpenID Connect issuer for development: whoever says who he is, is believed. Production refuses it.

Discovery, keys (Ed25519), authorization code with PKCE for people, client credentials for systems. It listens on the
loopback alone, at the same port again at the next start, so that the tokens that it gave stay good.
"""

import base64
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from anchoring.bounded_server import BoundedHandler, BoundedServer
from anchoring.connections import Limits
from registry.errors import Invalid, Unavailable
from registry.identity.subjects import MAX_SUBJECT_CHARS
from registry.words import checked_words

NAME: Final = "development"
"""By which the registry knows the subjects of this issuer, whatever its port."""
LIFE_S: Final = 3600
CODE_LIFE_S: Final = 60
MAX_CODES: Final = 1000
MAX_FORM: Final = 16 * 1024
SECRET: Final = "development"  # noqa: S105  (it is in the README, and good on this machine alone)
"""The secret of every system's client."""
PAGES: Final = "gramledger-pages"
"""The client that the registry's own pages are; it has no secret."""
_FORM: Final = "application/x-www-form-urlencoded"
_PAGE: Final = """<!doctype html>
<html lang="zh-Hans"><head><meta charset="utf-8"><title>开发用登录 Development sign-in</title></head>
<body><main><h1>开发用登录 <span lang="en">Development sign-in</span></h1>
<p>此处不验证身份：填谁就是谁。 <span lang="en">Nobody is verified here: you are who you say.</span></p>
<form method="post" action="/authorize"><input type="hidden" name="asked" value="{asked}">
<label>主体 <span lang="en">Subject</span>
<input name="subject" value="{hint}" required maxlength="255" autofocus></label>
<button>登录 <span lang="en">Sign in</span></button></form></main></body></html>
"""


@dataclass(frozen=True, slots=True)
class DevelopmentIssuer:
    """The issuer's name and key; `key` is the 32 bytes of an Ed25519 key."""

    url: str
    audience: str
    key: bytes

    @property
    def _signer(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.key)

    def token(self, subject: str, now_s: int, **more: object) -> str:
        """Give an access token, good for an hour."""
        return self._signed({"aud": self.audience, "sub": subject, **more}, now_s, "at+jwt")

    def id_token(self, subject: str, now_s: int, client: str, nonce: str | None) -> str:
        """Say to a client who signed in."""
        said = {"aud": client, "sub": subject} | ({} if nonce is None else {"nonce": nonce})
        return self._signed(said, now_s, "JWT")

    def _signed(self, claims: Mapping[str, Any], now_s: int, kind: str) -> str:
        times = {"iss": self.url, "iat": now_s, "exp": now_s + LIFE_S}
        head = {"kid": self._jwk["kid"], "typ": kind}
        return jwt.encode({**times, **claims}, self._signer, algorithm="EdDSA", headers=head)

    @property
    def _jwk(self) -> dict[str, str]:
        raw = self._signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "x": x, "kid": f"development-{x[:8]}"}

    def keys(self) -> dict[str, Any]:
        """Give its keys (RFC 7517)."""
        return {"keys": [self._jwk]}

    def metadata(self) -> dict[str, Any]:
        """Say where it is asked for what (OpenID Connect Discovery 1.0)."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA"],
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        }


@dataclass(frozen=True, slots=True)
class _Code:
    subject: str
    asked: Mapping[str, str]
    ends_s: float


class _Handler(BoundedHandler):
    server_version = "gramledger-development-issuer"
    server: "IssuerServer"

    def get(self) -> None:
        path, query = urlsplit(self.path).path, urlsplit(self.path).query
        issuer = self.server.issuer
        if path == "/.well-known/openid-configuration":
            self._json(issuer.metadata())
        elif path == "/keys":
            self._json(issuer.keys())
        elif path == "/authorize":
            self._ask(query)
        else:
            self._nothing()

    def post(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal() and int(length) <= MAX_FORM):
            self._nothing()
            return
        form = dict(parse_qsl(self.rfile.read(int(length)).decode("utf-8", "replace"), keep_blank_values=True))
        if self.path == "/authorize":
            self._sign_in(form)
        elif self.path == "/token":
            self._token(form)
        else:
            self._nothing()

    def _ask(self, query: str) -> None:
        asked = dict(parse_qsl(query))
        why = _flaw(asked)
        if why is not None:
            self._json({"error": "invalid_request", "error_description": why}, HTTPStatus.BAD_REQUEST)
            return
        page = _PAGE.format(asked=html.escape(query), hint=html.escape(asked.get("login_hint", "")))
        self.send(HTTPStatus.OK, "text/html; charset=utf-8", page.encode(), _PAGE_HEADERS)

    def _sign_in(self, form: Mapping[str, str]) -> None:
        asked = dict(parse_qsl(form.get("asked", "")))
        try:
            subject = checked_words(form.get("subject", ""), "A subject", MAX_SUBJECT_CHARS)
        except Invalid:
            subject = ""
        if _flaw(asked) is not None or not subject:
            self._json({"error": "invalid_request"}, HTTPStatus.BAD_REQUEST)
            return
        said = {"code": self.server.remember(subject, asked), "iss": self.server.issuer.url}
        said |= {"state": asked["state"]} if "state" in asked else {}
        back = asked["redirect_uri"]
        where = f"{back}{'&' if '?' in back else '?'}{urlencode(said)}"
        self.send(HTTPStatus.SEE_OTHER, "text/plain; charset=utf-8", b"", {"Location": where})

    def _token(self, form: Mapping[str, str]) -> None:
        client, secret = self._client(form)
        issuer, now = self.server.issuer, int(time.time())
        if form.get("grant_type") == "client_credentials" and client and secret == SECRET:
            token = issuer.token(client, now, client_id=client)
            self._json({"access_token": token, "token_type": "Bearer", "expires_in": LIFE_S})
            return
        code = self.server.take(form.get("code", "")) if form.get("grant_type") == "authorization_code" else None
        if code is None or not _is_asked(code, client, form):
            self._json({"error": "invalid_grant"}, HTTPStatus.BAD_REQUEST)
            return
        said = {"access_token": issuer.token(code.subject, now, client_id=client), "token_type": "Bearer"}
        said["id_token"] = issuer.id_token(code.subject, now, client, code.asked.get("nonce"))
        self._json({**said, "expires_in": LIFE_S})

    def _client(self, form: Mapping[str, str]) -> tuple[str, str]:
        scheme, _, credentials = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return form.get("client_id", ""), form.get("client_secret", "")
        try:
            client, _, secret = base64.b64decode(credentials).decode().partition(":")
        except ValueError:
            return "", ""
        return client, secret

    def _json(self, value: object, status: int = HTTPStatus.OK) -> None:
        self.send(status, "application/json", json.dumps(value).encode(), {"Cache-Control": "no-store"})


_PAGE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


def _flaw(asked: Mapping[str, str]) -> str | None:
    """Say what is wrong with a question for a code."""
    back = urlsplit(asked.get("redirect_uri", ""))
    if asked.get("response_type") != "code" or not asked.get("client_id"):
        return "response_type is code, and client_id names a client"
    if back.scheme not in {"http", "https"} or back.hostname not in {"127.0.0.1", "localhost", "::1"}:
        return "redirect_uri is on this machine"
    if asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
        return "a code_challenge is needed, by S256"
    return None


def _is_asked(code: _Code, client: str, form: Mapping[str, str]) -> bool:
    """Whether a code is taken by whom, and for what, it was given."""
    made = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(made).rstrip(b"=").decode()
    same = (code.asked["client_id"], code.asked["redirect_uri"], code.asked["code_challenge"])
    return same == (client, form.get("redirect_uri"), challenge)


class IssuerServer(BoundedServer):
    """The issuer on the loopback."""

    daemon_threads = True

    def __init__(self, audience: str, key: bytes, port: int) -> None:
        """Listen; port 0 takes a free one. Raises OSError."""
        super().__init__(("127.0.0.1", port), _Handler, Limits(64, 64))
        self.issuer = DevelopmentIssuer(self.url, audience, key)
        self._codes: dict[str, _Code] = {}
        self._codes_lock = threading.Lock()

    def remember(self, subject: str, asked: Mapping[str, str]) -> str:
        """Give a code for who signed in."""
        code = secrets.token_urlsafe(32)
        with self._codes_lock:
            self._codes[code] = _Code(subject, asked, time.time() + CODE_LIFE_S)
            while len(self._codes) > MAX_CODES:
                del self._codes[next(iter(self._codes))]
        return code

    def take(self, code: str) -> _Code | None:
        """Take a code, once, within its minute."""
        with self._codes_lock:
            found = self._codes.pop(code, None)
        return found if found is not None and found.ends_s > time.time() else None


@contextmanager
def issuing(address: Path, audience: str, key: bytes) -> Iterator[DevelopmentIssuer]:
    """Run the issuer until the block ends, at the port that the file `address` has, or at another that it gets."""
    try:
        server = IssuerServer(audience, key, _port(address))
    except OSError:
        try:
            server = IssuerServer(audience, key, 0)
        except OSError as error:
            raise Unavailable(f"The development issuer finds no port: {error.strerror}.") from error
    address.write_text(server.issuer.url, encoding="ascii")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def known_issuer(address: Path, audience: str, key: bytes) -> DevelopmentIssuer:
    """Give the issuer as it ran last, to sign in its name. Raises `Unavailable` when it never did."""
    if not _port(address):
        raise Unavailable("The development issuer did not run here yet: `gram serve` starts it.")
    return DevelopmentIssuer(address.read_text(encoding="ascii"), audience, key)


def _port(address: Path) -> int:
    try:
        return urlsplit(address.read_text(encoding="ascii")).port or 0
    except (OSError, ValueError):
        return 0
