"""A service with a few endpoints that require keys, and requests to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from fastapi import FastAPI, WebSocket
from fastapi.testclient import TestClient

from api.app import create_app
from api.http.collaborators import Collaborators
from api.http.strict_routes import strict_router
from api.middleware.key_check import ADMIN, OPEN
from db.engine import SessionFactory, read_session_factory
from db.models.keys import Scope
from tower import api_keys
from tower.settings import Settings

router = strict_router(prefix="/api", tags=["scenes"])


@router.get("/health", openapi_extra=OPEN)
def health() -> str:
    return "well"


@router.get("/workflows/{name}")
def scene(name: str) -> str:
    return name


@router.post("/scenes")
def make_scene() -> str:
    return "made"


@router.post("/pause", dependencies=[ADMIN])
def pause() -> str:
    return "paused"


@router.get("/boom")
def boom() -> str:
    raise RuntimeError("unexpected")


@router.websocket("/live")
async def live(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


@contextmanager
def serve_guarded(sessions: SessionFactory, *, peer: str = "127.0.0.1", **changes: Any) -> Iterator[TestClient]:
    """The service with the database behind `sessions`; `changes` are settings, `peer` is the client's address."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[Collaborators]:
        yield Collaborators(
            settings=settings, service="guarded", sessions=sessions, reading=read_session_factory(sessions.kw["bind"])
        )

    url = sessions.kw["bind"].url.render_as_string(hide_password=False)
    settings = Settings.model_validate({"database_url": url, **changes})
    app = create_app(title="Guarded", settings=settings, routers=[router], lifespan=lifespan)
    with TestClient(app, client=(peer, 50_000), base_url="http://localhost:8328") as client:
        yield client


def create_key(sessions: SessionFactory, *scopes: Scope, name: str = "laptop") -> str:
    with sessions.begin() as session:
        return api_keys.create_key(session, name, scopes).token


def bearer_headers(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"}
