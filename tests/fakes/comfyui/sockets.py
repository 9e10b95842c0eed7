"""The clients of /ws and the messages that each receives."""

from __future__ import annotations

import asyncio
import json
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.fakes.comfyui.misbehaviour import ActiveMisbehaviours, SilentSocket, SocketRefused

LEGACY_PREVIEW, PREVIEW_WITH_METADATA = 1, 4
JPEG = 1
FEATURES = {
    "supports_preview_metadata": True,
    "supports_model_type_tags": True,
    "max_upload_size": 104857600,
    "extension": {"manager": {"supports_v4": True}},
    "node_replacements": True,
    "assets": False,
}


@dataclass
class ClientSocket:
    peer: tuple[str, int]
    silent_after: int | None
    metadata: bool = False
    sent: int = 0
    outbox: asyncio.Queue[str | bytes] = field(default_factory=asyncio.Queue)

    def push(self, message: str | bytes) -> None:
        if self.silent_after is None or self.sent < self.silent_after:
            self.sent += 1
            self.outbox.put_nowait(message)


class SocketHub:
    """`send` and `send_preview` may be called from any thread; messages arrive in the order of the calls."""

    def __init__(self, misbehaviours: ActiveMisbehaviours, abort: Callable[[tuple[str, int]], None]) -> None:
        self._misbehaviours, self._abort = misbehaviours, abort
        self._sockets: dict[str, ClientSocket] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self.remaining: Callable[[], int] = lambda: 0
        self.client_id: str | None = None  # client of the running or last prompt
        self.node: str | None = None  # the running node

    def send(self, event: str, data: dict[str, Any], client_id: str | None = None) -> None:
        """Send to one client or, with None, to all."""
        text = json.dumps({"type": event, "data": data})

        def push() -> None:
            for socket in self._to(client_id):
                socket.push(text)

        self._later(push)

    def send_status(self) -> None:
        self.send("status", self._status())

    def send_preview(self, picture: bytes, metadata: dict[str, Any], *, with_metadata: bool) -> None:
        """Send a JPEG to the client of the running prompt, if it uses this form of preview."""
        document = json.dumps({**metadata, "image_type": "image/jpeg"}).encode()
        new = struct.pack(">II", PREVIEW_WITH_METADATA, len(document)) + document + picture
        old = struct.pack(">II", LEGACY_PREVIEW, JPEG) + picture
        client_id = self.client_id

        def push() -> None:
            for socket in self._to(client_id):
                if socket.metadata == with_metadata:
                    socket.push(new if with_metadata else old)

        self._later(push)

    def drop(self) -> None:
        """Break the socket of the client whose prompt runs, without a closing frame."""
        client_id = self.client_id
        self._later(lambda: [self._abort(socket.peer) for socket in self._to(client_id)])

    async def serve(self, connection: WebSocket) -> None:
        if self._misbehaviours.take(SocketRefused):
            await connection.close()
            return
        self._loop = asyncio.get_running_loop()
        await connection.accept()
        client = connection.client
        silent = self._misbehaviours.take(SilentSocket)
        socket = ClientSocket(
            (client.host, client.port) if client else ("", 0), silent.after_messages if silent else None
        )
        client_id_text = connection.query_params.get("clientId", "")
        sid = client_id_text or uuid.uuid4().hex
        self._sockets[sid] = socket  # an older socket with this id receives nothing more
        self._welcome(socket, sid)
        writer = asyncio.create_task(_write(connection, socket))
        try:
            await self._listen(connection, socket)
        except WebSocketDisconnect:
            pass
        finally:
            writer.cancel()
            self._sockets.pop(sid, None)  # even if a second socket has the id: that one becomes silent

    def _welcome(self, socket: ClientSocket, sid: str) -> None:
        socket.push(json.dumps({"type": "status", "data": {**self._status(), "sid": sid}}))
        if self.client_id == sid and self.node is not None:
            socket.push(json.dumps({"type": "executing", "data": {"node": self.node}}))

    async def _listen(self, connection: WebSocket, socket: ClientSocket) -> None:
        first = True
        while True:
            document = _json(await connection.receive_text())
            if first and document.get("type") == "feature_flags":
                socket.metadata = bool(document.get("data", {}).get("supports_preview_metadata"))
                socket.push(json.dumps({"type": "feature_flags", "data": FEATURES}))
            first = False

    def _status(self) -> dict[str, Any]:
        return {"status": {"exec_info": {"queue_remaining": self.remaining()}}}

    def _to(self, client_id: str | None) -> list[ClientSocket]:
        if client_id is None:
            return list(self._sockets.values())
        return [self._sockets[client_id]] if client_id in self._sockets else []

    def _later(self, push: Callable[[], Any]) -> None:
        """Run `push` in the event loop. Before the first socket opens there is none."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(push)


async def _write(connection: WebSocket, socket: ClientSocket) -> None:
    while True:
        message = await socket.outbox.get()
        try:
            if isinstance(message, str):
                await connection.send_text(message)
            else:
                await connection.send_bytes(message)
        except (WebSocketDisconnect, RuntimeError):  # RuntimeError: the other task saw the end first
            return


def _json(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
