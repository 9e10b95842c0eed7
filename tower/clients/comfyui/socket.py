"""ComfyUI's websocket. It may be silent, break or never open, so a caller never waits longer than it asks for."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

from tower.addresses import Address

OPEN_S, CLOSE_S = 2.0, 1.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 5.0
LARGEST_MESSAGE_BYTES = 1 << 26  # fits previews and the states of graphs with thousands of nodes


class ComfyUISocket:
    """The socket of one client id. It opens on entry, and `receive` reopens it.

    The server sends the progress of a prompt only to the client id it was submitted with, and only while the socket is
    open. Enter the socket before submitting the prompt.
    """

    def __init__(self, address: Address, client_id: str) -> None:
        query = urlencode({**address.query, "clientId": client_id})
        self._url = f"{address.base_url.replace('http', 'ws', 1)}/ws?{query}"
        self._headers = address.headers
        self._connection: ClientConnection | None = None
        self._next_try, self._pause_s = 0.0, FIRST_PAUSE_S

    def __enter__(self) -> ComfyUISocket:
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def receive(self, wait_s: float) -> dict[str, Any] | None:
        """The next message, or None after `wait_s` or for anything but a JSON message, such as a preview picture."""
        connection = self._connection or self._open()
        if connection is None:
            time.sleep(wait_s)
            return None
        try:
            return _message(connection.recv(timeout=wait_s))
        except TimeoutError:
            return None
        except ConnectionClosed:
            self.close()
            return None

    def close(self) -> None:
        """Close the socket. The next `receive` reopens it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> ClientConnection | None:
        if time.monotonic() < self._next_try:
            return None
        try:
            self._connection = connect(
                self._url,
                additional_headers=self._headers,
                open_timeout=OPEN_S,
                close_timeout=CLOSE_S,
                max_size=LARGEST_MESSAGE_BYTES,
                compression=None,
                proxy=None,
            )
        except (OSError, WebSocketException):  # requests over HTTP report a server that is away
            self._next_try = time.monotonic() + self._pause_s
            self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2)
            return None
        self._pause_s = FIRST_PAUSE_S
        return self._connection


def _message(received: str | bytes) -> dict[str, Any] | None:
    if isinstance(received, bytes):
        return None
    try:
        message = json.loads(received)
    except ValueError:
        return None
    return message if isinstance(message, dict) and isinstance(message.get("data"), dict) else None
