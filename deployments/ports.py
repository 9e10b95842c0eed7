"""The ports of the stack: all on loopback, all shifted together."""

from __future__ import annotations

import socket

from tower.errors import StackError
from tower.settings import LOOPBACK_HOST


def is_free(port: int) -> bool:
    """Whether a server can listen on `port` of loopback now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK_HOST, port))
        except OSError:
            return False
    return True


def require_free(port: int, owner: str) -> None:
    """Raise StackError if another program listens on `port`, which `owner` needs."""
    if not is_free(port):
        raise StackError(
            f"Port {port}, which {owner} needs, is in use by another program: stop that program, or set "
            "TOWER_PORT_OFFSET (for example 100) to move all of Tower's ports."
        )
