"""How a pool speaks to its processes: JSON with its length before it, and open files beside it."""

from __future__ import annotations

import json
import socket
from typing import Any

LENGTH = 8  # bytes before each message


def send(connection: socket.socket, message: dict[str, Any], *descriptors: int) -> None:
    body = json.dumps(message).encode()
    socket.send_fds(connection, [len(body).to_bytes(LENGTH)], descriptors)
    connection.sendall(body)


def received(connection: socket.socket, size: int) -> bytes:
    """Exactly so many bytes. EOFError if the other side is gone."""
    body = bytearray()
    while len(body) < size:
        piece = connection.recv(min(size - len(body), 1 << 20))
        if not piece:
            raise EOFError
        body += piece
    return bytes(body)
