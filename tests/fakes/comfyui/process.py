"""One lifetime of the server process: its queue, sockets and threads. A restart creates a new one."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import uvicorn

from tests.fakes.comfyui.gate import RequestGate
from tests.fakes.comfyui.http import create_application
from tests.fakes.comfyui.queue import PromptQueue
from tests.fakes.comfyui.setup import FakeSetup
from tests.fakes.comfyui.sockets import SocketHub
from tests.fakes.comfyui.worker import PromptWorker

HOST = "127.0.0.1"
START_TIMEOUT_S = 60.0


class ServerProcess:
    def __init__(self, setup: FakeSetup, port: int, *, host: str = HOST) -> None:
        self._dying = threading.Event()
        hub = SocketHub(setup.misbehaviours, self._abort)
        self._queue = PromptQueue(hub.send_status)
        hub.remaining = self._queue.remaining
        self._worker = PromptWorker(setup, self._queue, hub, self._dying)
        app = RequestGate(create_application(setup, self._queue, hub, self._worker, self._dying), setup, self._dying)
        self._server = _Server(_config(app))
        self._socket = _listening(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="fake ComfyUI")

    def start(self) -> None:
        """Start, and return when the server answers."""
        self._worker.start()
        self._thread.start()
        until = time.monotonic() + START_TIMEOUT_S
        while not self._server.started:
            if time.monotonic() > until or not self._thread.is_alive():
                raise RuntimeError(f"the fake ComfyUI did not start on port {self.port}")
            time.sleep(0.002)

    def kill(self) -> None:
        """End as with kill -9: the port closes, and every connection breaks."""
        self._dying.set()
        self._queue.wake()
        self._server.cut()
        self._thread.join()
        self._worker.join()

    def _abort(self, peer: tuple[str, int]) -> None:
        self._server.break_connections(lambda connection: getattr(connection, "client", None) == peer)


class _Server(uvicorn.Server):
    """Ends at once without closing connections in order, unlike uvicorn."""

    _ended: asyncio.Event
    _loop: asyncio.AbstractEventLoop

    async def main_loop(self) -> None:
        await self.on_tick(0)  # sets the default headers of answers
        await self._ended.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._ended, self._loop = asyncio.Event(), asyncio.get_running_loop()
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listening in sockets or []:
            listening.close()
        self.break_connections(lambda _: True)

    def cut(self) -> None:
        """End the main loop; call this from another thread."""
        self._loop.call_soon_threadsafe(self._ended.set)

    def break_connections(self, which: Callable[[Any], bool]) -> None:
        """Abort connections without a closing frame."""
        connections: list[Any] = list(self.server_state.connections)
        for connection in filter(which, connections):
            connection.transport.abort()


def _config(app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_level="critical",
        access_log=False,
        lifespan="off",
        ws="websockets-sansio",
        ws_ping_interval=None,
        timeout_keep_alive=75,
    )


def _listening(host: str, port: int) -> socket.socket:
    listener = socket.socket(
        proto=socket.IPPROTO_TCP
    )  # without an explicit proto asyncio keeps Nagle on: 40 ms per answer
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(128)
    return listener
