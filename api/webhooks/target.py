"""Where events may be sent: to names that lead to public addresses only, and to the very address that was looked at.

A URL is somebody else's word. It must not lead into our own network, neither as an address, however written, nor by a
name that leads there, nor by one that led elsewhere when it was looked at (rebinding): so the connection is opened to
an address that was checked, and the name goes along for TLS and Host.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import httpx2

from registry.errors import Invalid

MAX_URL_CHARS: Final = 500
PORTS: Final = frozenset({443, 8443})
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""Gives the addresses of a name; raises OSError."""
_GLOBAL_UNICAST: Final = ipaddress.ip_network("2000::/3")
_NOT_PUBLIC: Final = tuple(
    map(
        ipaddress.ip_network,
        (
            *("192.88.99.0/24", "192.0.0.0/24", "198.18.0.0/15"),  # 6to4 relays, protocol assignments, benchmarking
            *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),  # Teredo and others, documentation, 6to4
        ),
    )
)
"""Beside what is no public unicast by itself. IPv4 inside IPv6 (mapped, compatible, NAT64) is none of 2000::/3."""


class NotAllowed(Exception):
    """The URL leads to no address, or to one that nothing is sent to. It is not told which of the two."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL as it is used: the name for TLS and Host, and the rest of it."""

    url: httpx2.URL

    @property
    def host(self) -> str:
        """The name, in ASCII."""
        return self.url.raw_host.decode("ascii").strip("[]")

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.url.port or (443 if self.url.scheme == "https" else 80)

    @property
    def authority(self) -> str:
        """What the Host header says."""
        return self.url.netloc.decode("ascii")

    def at(self, address: Address) -> httpx2.URL:
        """Give the URL that opens its connection to an address."""
        return self.url.copy_with(host=str(address), port=self.port)


def read_target(text: str, *, in_development: bool) -> Target:
    """Read a URL that events are to be sent to. Raises `Invalid` for one that nothing is ever sent to.

    In development it may lead to this machine, by `http` and at any port.
    """
    if not 0 < len(text) <= MAX_URL_CHARS or not text.isascii() or not text.isprintable() or " " in text:
        raise Invalid(f"A URL has at most {MAX_URL_CHARS} printable ASCII characters; write a name in xn-- form.")
    try:
        target = Target(httpx2.URL(text))
        port, host = target.port, target.host
    except (httpx2.InvalidURL, ValueError):
        raise Invalid("This is no URL.") from None
    if target.url.scheme not in {"https", "http"} or not host or target.url.userinfo or target.url.fragment:
        raise Invalid("A webhook is https://HOST/PATH, with no name or password in it, and no fragment.")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if in_development and (host == "localhost" or (address is not None and address.is_loopback)):
        return target
    if target.url.scheme != "https" or port not in PORTS:
        raise Invalid(f"A webhook is reached by https, at port {' or '.join(map(str, sorted(PORTS)))}.")
    if address is not None and not is_public(address):
        raise Invalid("Nothing is sent to this address: it is not a public one.")
    return target


def address_of(target: Target, resolve: Resolve, *, in_development: bool) -> Address:
    """Give the address that a connection may be opened to. Raises `NotAllowed` where not all of the name's are so."""
    try:
        found = [ipaddress.ip_address(one) for one in resolve(target.host, target.port)]
    except (OSError, ValueError):
        raise NotAllowed from None
    is_local = in_development and all(address.is_loopback for address in found)
    if not found or not (is_local or (target.url.scheme == "https" and all(map(is_public, found)))):
        raise NotAllowed
    return found[0]


def is_public(address: Address) -> bool:
    """Whether an address is one machine's on the open internet, and says so in no other way than by itself."""
    if isinstance(address, ipaddress.IPv6Address) and (address.scope_id or address not in _GLOBAL_UNICAST):
        return False
    inside = any(address.version == net.version and address in net for net in _NOT_PUBLIC)
    return address.is_global and not (address.is_multicast or address.is_reserved or inside)


def look_up(host: str, port: int) -> list[str]:
    """Ask the system for all addresses of a name."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
