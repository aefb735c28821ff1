"""JSON-RPC over HTTP to an endpoint that is not trusted: a limit on size and time, and no redirects.

Three things can go wrong, and a sender of transactions must tell them apart: nothing was sent (`Unreachable`), or
something may have been (`Lost`, which is one), or the endpoint answered with an error of its own (not this module's).
"""

import json
import re
from typing import Any
from urllib.parse import urlsplit

import httpx2

from anchoring.deadline import Deadline
from anchoring.errors import Malformed, Unreachable

CONNECT_SECONDS = 3
READ_SECONDS = 10
MAX_ANSWER_BYTES = 8 << 20
_BUSY = (429, 503)
_TOO_OFTEN = re.compile(r"\btoo many requests\b|\brate.?limit", re.IGNORECASE)
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Lost(Unreachable):
    """The request may have been carried out, but no usable answer came back."""


class Busy(Unreachable):
    """The endpoint has too much to do just now, and did nothing; `wait_s` is how long it asks to be left alone."""

    def __init__(self, message: str, wait_s: float | None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class Endpoint:
    """One endpoint. `shown` is how errors name it: without path and password, which may be secrets."""

    def __init__(
        self,
        url: str,
        read_seconds: float = READ_SECONDS,
        transport: httpx2.BaseTransport | None = None,
        *,
        name: str = "chain",
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        """`transport` is a wire of the caller's own, `name` what errors call the endpoint.

        Raises Malformed for what is no http or https URL.
        """
        self._name, self._max_bytes = name, max_bytes
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise Malformed(f"The {name}'s address is no URL: {error}.") from error
        if parts.scheme not in ("http", "https") or not host:
            raise Malformed(f"The {name}'s address must be an http or https URL.")
        self.shown = f"{parts.scheme}://{host}" + ("" if port is None else f":{port}")
        self._url = url
        self._seconds = read_seconds
        self._http = httpx2.Client(
            timeout=httpx2.Timeout(read_seconds, connect=CONNECT_SECONDS),
            transport=transport,
            # A proxy from the environment does not know our loopback, nor where a wire of one's own leads.
            trust_env=transport is None and host not in _LOOPBACK,
        )
        self._deadline = Deadline(self._http)

    def post(self, body: bytes) -> dict[str, Any]:
        """The JSON-RPC response, with either `result` or `error`. Raises Unreachable, or Lost."""
        try:
            with (
                self._deadline.within(self._seconds),
                self._http.stream(
                    "POST", self._url, content=body, headers={"Content-Type": "application/json"}
                ) as response,
            ):
                if response.status_code in _BUSY:
                    raise self._busy(response)
                return self._calm(self._read(self._bounded(response), response.status_code))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol) as error:
            raise Unreachable(f"The {self._name} at {self.shown} cannot be reached: {error or 'no answer'}.") from error
        except httpx2.TimeoutException as error:
            raise self._slow() from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Lost(f"The {self._name} at {self.shown} broke off: {error}.") from error

    def _bounded(self, response: httpx2.Response) -> bytes:
        received = bytearray()
        for chunk in response.iter_bytes():
            received += chunk
            if len(received) > self._max_bytes:
                raise Lost(f"The {self._name} at {self.shown} answers with more than {self._max_bytes} bytes.")
        return bytes(received)

    def _read(self, text: bytes, status: int) -> dict[str, Any]:
        try:
            answer = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Lost(f"The {self._name} at {self.shown} answers with no JSON (HTTP {status}).") from error
        if isinstance(answer, dict) and answer.get("error") is None:
            answer.pop("error", None)  # some nodes send both, one of them null
        if not isinstance(answer, dict) or not ("result" in answer or _is_error(answer.get("error"))):
            raise Lost(f"The {self._name} at {self.shown} answers with JSON that is no JSON-RPC (HTTP {status}).")
        return answer

    def _busy(self, response: httpx2.Response) -> Busy:
        given = response.headers.get("Retry-After", "")
        wait_s = float(given) if given.isascii() and given.isdecimal() and len(given) < 6 else None
        return Busy(f"The {self._name} at {self.shown} has too much to do (HTTP {response.status_code}).", wait_s)

    def _calm(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Refuse an error that only says: not so often. Some say it with HTTP 200."""
        error = answer.get("error")
        if error is not None and (error["code"] in _BUSY or _TOO_OFTEN.search(error["message"])):
            raise Busy(f"The {self._name} at {self.shown} has too much to do.", None)
        return answer

    def _slow(self) -> Lost:
        return Lost(f"The {self._name} at {self.shown} does not answer within {self._seconds:g} seconds.")

    def close(self) -> None:
        self._http.close()


def _is_error(error: Any) -> bool:
    return isinstance(error, dict) and isinstance(error.get("code"), int) and isinstance(error.get("message"), str)
