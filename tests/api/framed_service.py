"""A service with a few endpoints in the common frame, and a parser of its errors."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from httpx import Response
from pydantic import Field
from sqlalchemy.exc import OperationalError

from api.app import create_app
from api.http.strict_routes import Body, strict_router
from tower.errors import ConflictError, UnavailableError
from tower.settings import Settings

router = strict_router(prefix="/api")


class NestedBody(Body):
    count: int


class SceneBody(Body):
    name: str
    number: int = 1
    length_s: float = 1
    inner: NestedBody | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)


@router.post("/scenes")
def make_scene(scene: SceneBody) -> dict[str, Any]:
    return scene.model_dump()


@router.get("/scenes")
def list_scenes(limit: int = 3) -> list[int]:
    return list(range(limit))


@router.get("/scenes/{name}")
def scene(name: str) -> str:
    return name


@router.get("/conflict")
def conflict() -> None:
    raise ConflictError("Both changed the coat", details={"path": "characters.kai.coat"})


@router.get("/silent")
def silent() -> None:
    raise UnavailableError("Prefect does not answer")


@router.get("/database")
def database() -> None:
    raise OperationalError("select 1", {}, Exception("connection to 10.1.2.3 refused"))


@router.get("/boom")
def boom() -> None:
    raise RuntimeError("the secret is 1234")


@router.get("/half")
def half() -> StreamingResponse:
    def parts() -> Iterator[bytes]:
        yield b"a part"
        raise RuntimeError("in the middle")

    return StreamingResponse(parts())


def build_service() -> FastAPI:
    return create_app(title="Frame", settings=Settings(), routers=[router])


def read_error(answer: Response) -> dict[str, Any]:
    """The content of the error envelope, checked for completeness."""
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error"}
    error: dict[str, Any] = body["error"]
    assert set(error) == {"code", "message", "details", "timestamp", "request_id"}
    assert error["timestamp"].endswith("Z")
    assert abs((datetime.now(UTC) - datetime.fromisoformat(error["timestamp"])).total_seconds()) < 5
    assert error["request_id"] == answer.headers["X-Request-ID"]
    return error
