"""The protocol between a pool and its processes: JSON after its length, together with open files."""

from __future__ import annotations

import json
import socket
from typing import Any

LENGTH_BYTES = 8  # bytes before each message


def send_message(connection: socket.socket, message: dict[str, Any], *descriptors: int) -> None:
    body = json.dumps(message).encode()
    socket.send_fds(connection, [len(body).to_bytes(LENGTH_BYTES)], descriptors)
    connection.sendall(body)


def receive_bytes(connection: socket.socket, size: int) -> bytes:
    """Receive exactly `size` bytes. Raises EOFError if the other side closed the connection."""
    body = bytearray()
    while len(body) < size:
        piece = connection.recv(min(size - len(body), 1 << 20))
        if not piece:
            raise EOFError
        body += piece
    return bytes(body)
