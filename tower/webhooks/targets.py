"""Which addresses may be called. A webhook must not reach the servers behind the firewall unless that is allowed.

The name is resolved once for each call, every address that it has is checked, and one of those is connected to: a name
that has another address a moment later gains nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from tower.errors import ForbiddenError, InvalidError

EXPECTED_URL = "an http or https address without a user, a password and a fragment, of at most 2000 characters"
MAX_URL_LENGTH = 2000
DEFAULT_PORTS = {"http": 80, "https": 443}
IP = IPv4Address | IPv6Address
_NAT64 = ip_network("64:ff9b::/96")
_SHARED = ip_network("100.64.0.0/10")  # of providers, and of some private networks


@dataclass(frozen=True)
class Target:
    """A URL and the checked address to connect to."""

    url: str
    host: str
    ip: IP

    @property
    def connect_url(self) -> str:
        """The URL with the address in place of the name."""
        parts = urlsplit(self.url)
        shown = f"[{self.ip}]" if self.ip.version == 6 else str(self.ip)
        return parts._replace(netloc=shown if parts.port is None else f"{shown}:{parts.port}").geturl()

    @property
    def host_header(self) -> str:
        return urlsplit(self.url).netloc


def check_url(url: str, *, allow_private: bool) -> str:
    """The URL, if a webhook may have it. Its name is resolved later. Raises InvalidError."""
    parts = _split(url)
    is_plain = parts is not None and not (parts.username or parts.password or parts.fragment) and url.isprintable()
    if parts is None or not is_plain or len(url) > MAX_URL_LENGTH or any(letter in url for letter in " \\"):
        raise InvalidError.field("url", url[:200], EXPECTED_URL)
    address = _literal(str(parts.hostname))
    if address is not None:
        refusal = explain_refusal(address, allow_private=allow_private)
        if refusal:
            raise InvalidError.field("url", url[:200], f"an address outside of this network: {refusal}")
    return url


def resolve(url: str, *, allow_private: bool) -> Target:
    """Look the name up, and check every address that it has. Raises OSError if it has none, ForbiddenError."""
    parts = _split(url)
    if parts is None:
        raise ForbiddenError("The address is not valid")
    host = str(parts.hostname)
    found = socket.getaddrinfo(host, parts.port or DEFAULT_PORTS[parts.scheme], type=socket.SOCK_STREAM)
    return choose_target(url, host, [str(entry[4][0]) for entry in found], allow_private=allow_private)


def choose_target(url: str, host: str, addresses: Sequence[str], *, allow_private: bool) -> Target:
    """The first address, if all may be called. Raises ForbiddenError."""
    parsed = [ip_address(address.partition("%")[0]) for address in addresses]
    for address in parsed:
        refusal = explain_refusal(address, allow_private=allow_private)
        if refusal:
            raise ForbiddenError(f"{host} may not be called: {refusal}")
    return Target(url, host, parsed[0])


def explain_refusal(address: IP, *, allow_private: bool) -> str | None:
    """Why an address may not be called; None if it may."""
    inner = _inner(address)
    if inner is not None:
        return explain_refusal(inner, allow_private=allow_private)
    is_own_network = address.is_loopback or address.is_private or (address.version == 4 and address in _SHARED)
    if address.is_multicast or address.is_unspecified or address.is_link_local or address == IPv4Address(2**32 - 1):
        return "it is not the address of one server"
    if address.is_reserved and not address.is_loopback:
        return "it is reserved"
    if is_own_network and not allow_private:
        return "it is in a private network; set TOWER_WEBHOOK_PRIVATE=true to allow that"
    return None


def _inner(address: IP) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None


def _split(url: str) -> SplitResult | None:
    """The parts of the URL; None if it is not valid."""
    try:
        parts = urlsplit(url)
        is_valid = parts.scheme in DEFAULT_PORTS and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if is_valid else None


def _literal(host: str) -> IP | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None
