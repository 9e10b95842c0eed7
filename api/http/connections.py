"""Limits of a connection that uvicorn does not set, and the error envelope for what is no request yet."""

from __future__ import annotations

import uuid
from asyncio import BaseTransport, Handle, Transport
from http import HTTPStatus
from typing import ClassVar, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.errors import REQUEST_ID, error_response
from tower.errors import TowerError, UnavailableError
from tower.errors.codes import ErrorCode


class MalformedRequestError(TowerError):
    code = ErrorCode.BAD_REQUEST
    status = 400


class RequestTimeoutError(TowerError):
    code = ErrorCode.REQUEST_TIMEOUT
    status = 408


class HeadTooLargeError(TowerError):
    code = ErrorCode.HEAD_TOO_LARGE
    status = 431


class TooManyConnectionsError(UnavailableError):
    code = ErrorCode.TOO_MANY_CONNECTIONS


class BoundedConnection(HttpToolsProtocol):
    """A connection whose requests must arrive in time, with a bounded head and one Host.

    A body may take BODY_GRACE_S, and a second more for each BODY_BYTES_PER_S bytes of it. While the application does
    not read, no time passes.
    """

    MAX_CONNECTIONS: ClassVar[int] = 500  # of one process, which may have 1024 files open by default
    MAX_HEAD_BYTES: ClassVar[int] = 2**16
    HEAD_S: ClassVar[float] = 10.0
    BODY_GRACE_S: ClassVar[float] = 20.0
    BODY_BYTES_PER_S: ClassVar[float] = 500.0

    _timer: Handle | None = None
    _deadline_s = 0.0  # of the event loop's clock
    _head_bytes = 0
    _is_in_head = True
    _refusal: TowerError | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(cast("Transport", transport))
        if len(self.connections) > self.MAX_CONNECTIONS:
            self._refuse(TooManyConnectionsError("Too many connections are open: close some, or try again later"))
            return
        self._expect_more(self.HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._is_in_head and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > self.MAX_HEAD_BYTES:
                self._refuse(self._head_too_large())
        if self._timer is None and self._is_idle():  # empty lines between requests are no request
            self._expect_more(self.HEAD_S)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head, self._head_bytes = True, 0
        self._expect_more(self.HEAD_S)

    def on_headers_complete(self) -> None:
        self._refusal = self._judge_head()
        if self._refusal is not None:
            raise self._refusal  # the parser passes it on as an error of its own, which send_400_response() answers
        super().on_headers_complete()
        self._is_in_head = False
        self._expect_more(self.BODY_GRACE_S)

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._deadline_s += len(body) / self.BODY_BYTES_PER_S

    def on_message_complete(self) -> None:
        self._expect_nothing()
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._expect_nothing()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._refusal or MalformedRequestError(msg))

    def _judge_head(self) -> TowerError | None:
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > self.MAX_HEAD_BYTES:
            return self._head_too_large()
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            return MalformedRequestError("A request has one Host header")
        return None

    def _head_too_large(self) -> TowerError:
        return HeadTooLargeError(f"The address and the headers are larger than {self.MAX_HEAD_BYTES} bytes")

    def _expect_more(self, within_s: float) -> None:
        self._expect_nothing()
        self._deadline_s = self.loop.time() + within_s
        self._timer = self.loop.call_at(self._deadline_s, self._check_arrival)

    def _expect_nothing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check_arrival(self) -> None:
        """End the connection if its time is over and nothing of ours is the reason."""
        if self._is_waiting_for_us():
            self._expect_more(self.HEAD_S if self._is_in_head else self.BODY_GRACE_S)
        elif self.loop.time() < self._deadline_s:
            self._timer = self.loop.call_at(self._deadline_s, self._check_arrival)
        else:
            part = "head" if self._is_in_head else "body"
            self._refuse(RequestTimeoutError(f"The {part} of the request did not arrive in time"))

    def _is_idle(self) -> bool:
        is_open = not self.transport.is_closing() and self.transport.get_protocol() is self
        return is_open and (self.cycle is None or self.cycle.response_complete)

    def _is_waiting_for_us(self) -> bool:
        """Whether an earlier request is still being answered, or the application does not ask for the body yet."""
        if self._is_in_head:
            return self.cycle is not None and not self.cycle.response_complete
        return self.flow.read_paused or bool(self.pipeline) or self.cycle.waiting_for_100_continue

    def _refuse(self, error: TowerError) -> None:
        """Answer in the envelope, unless another answer is on its way, and close the connection."""
        self._expect_nothing()
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(_answer(error))
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()


def _answer(error: TowerError) -> bytes:
    request_id = f"req_{uuid.uuid4().hex[:16]}"
    response = error_response(
        {REQUEST_ID: request_id}, error, headers={"Connection": "close", "X-Request-ID": request_id}
    )
    status = HTTPStatus(response.status_code)
    head = b"".join(name + b": " + value + b"\r\n" for name, value in response.raw_headers)
    return b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (status, status.phrase.encode(), head, response.body)
