"""What the stack is made of and how each part is, asked now; what does not answer is null, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from datetime import UTC, datetime
from typing import Annotated, Any, cast

from fastapi import Depends, Request
from pydantic import BaseModel

from api.collaborators import CurrentSettings, DatabaseSessions, Prefect, ServiceName
from api.production import status_parts as parts
from api.reference import endpoints
from api.strict import strict_router

PATIENCE_S = 2.0  # for all parts together: they are asked at once

router = strict_router(prefix="/api/anime", tags=["health"])
Questions = Mapping[str, tuple[type[parts.Part], Callable[[], parts.Part]]]


class SystemStatus(BaseModel):
    status: str
    service: str
    version: str
    timestamp: datetime
    database: parts.Database
    prefect: parts.PrefectServer
    workers: parts.Workers
    engine: parts.Engine
    comfyui: parts.ComfyUI
    endpoints: list[str]


async def _threads(request: Request) -> ThreadPoolExecutor:
    return cast(ThreadPoolExecutor, request.app.state.status_threads)


async def _questions(settings: CurrentSettings, sessions: DatabaseSessions, prefect: Prefect) -> Questions:
    return {
        "database": (parts.Database, lambda: parts.database(sessions)),
        "prefect": (parts.PrefectServer, lambda: parts.prefect_server(prefect)),
        "workers": (parts.Workers, lambda: parts.workers(prefect)),
        "engine": (parts.Engine, lambda: parts.engine(sessions, settings)),
        "comfyui": (parts.ComfyUI, lambda: parts.comfyui(settings)),
    }


@router.get("/status")
def system_status(
    request: Request,
    service: ServiceName,
    questions: Annotated[Questions, Depends(_questions)],
    threads: Annotated[ThreadPoolExecutor, Depends(_threads)],
) -> SystemStatus:
    """Real figures of database, Prefect, workers, engine, ComfyUI. `degraded`: database or Prefect is silent."""
    found = _ask_all(threads, questions)
    return SystemStatus(
        status="healthy" if found["database"].reachable and found["prefect"].reachable else "degraded",
        service=service,
        version=request.app.version,
        timestamp=datetime.now(UTC),
        endpoints=[f"{method} {path}" for method, path, _ in endpoints(request.app)],
        **found,
    )


def _ask_all(threads: ThreadPoolExecutor, questions: Questions) -> dict[str, Any]:
    """Each part by its name; one that is still silent when the patience ends is empty but for the reason."""
    answers = {name: threads.submit(copy_context().run, ask) for name, (_, ask) in questions.items()}
    wait(answers.values(), timeout=PATIENCE_S)
    return {
        name: answer.result() if answer.done() else questions[name][0](reason=f"no answer within {PATIENCE_S:g} s")
        for name, answer in answers.items()
    }
