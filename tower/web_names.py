"""Whose web page sends a request: the names of this machine, and the origins that a server knows as its own."""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import ip_address

HOST_PATTERN = re.compile(
    r"(?:\[([0-9A-Fa-f:.]+)\]|([^:/@\[\]]*))(?::\d*)?"
)  # a name or an address, with an optional port


def is_local_name(host: str, *, also: Collection[str] = ()) -> bool:
    """Whether a Host header names this machine. A name without a dot is local: no one can register one on the web.

    A web page can point its own name at this machine (DNS rebinding), which the header reveals.
    """
    name = host_name(host)
    if name is None:
        return False
    return "." not in name or name in also or name.endswith(".localhost") or is_address(name)


def is_foreign_origin(origin: str | None, *, host: str, own: Collection[str]) -> bool:
    """Whether a browser sends the request for a page of another server. Programs send no Origin header."""
    return origin is not None and origin not in own and host_of(origin) != host


def host_of(origin: str) -> str:
    return origin.partition("://")[2]


def host_name(host: str) -> str | None:
    """The host without its port, or None if it is not valid."""
    match = HOST_PATTERN.fullmatch(host)
    return (match[1] or match[2]).lower() if match else None


def is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a server that listens at `host` can be reached by this machine only."""
    return ip_address(host).is_loopback if is_address(host) else host == "localhost"
