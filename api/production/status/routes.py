"""The current status of each part of the stack. The fields of a part that does not answer are null, with a reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel, Field

from api.http.dependencies import CurrentSettings, DatabaseSessions, ServiceName
from api.http.docs_page import list_endpoints
from api.http.strict_routes import strict_router
from api.production.dependencies import CurrentStudio, Prefect, StatusThreads
from api.production.status import probes

NEEDED_PARTS = ("database", "prefect", "readiness")
TIMEOUT_S = 2.0  # for all parts together, which are checked in parallel

router = strict_router(prefix="/api/anime", tags=["health"])
Probes = Mapping[str, tuple[type[probes.PartStatus], Callable[[], probes.PartStatus]]]


class SystemStatus(BaseModel):
    status: str = Field(description="healthy, or degraded with a `reason`.")
    reason: str | None = Field(description="Why it is degraded.")
    service: str
    version: str
    timestamp: datetime
    database: probes.DatabaseStatus
    prefect: probes.PrefectStatus
    workers: probes.WorkersStatus
    engine: probes.EngineStatus
    readiness: probes.ReadinessStatus
    comfyui: probes.ComfyUIStatus
    endpoints: list[str]


async def _questions(
    settings: CurrentSettings, sessions: DatabaseSessions, prefect: Prefect, studio: CurrentStudio
) -> Probes:
    return {
        "database": (probes.DatabaseStatus, lambda: probes.check_database(sessions)),
        "prefect": (probes.PrefectStatus, lambda: probes.check_prefect(prefect)),
        "workers": (probes.WorkersStatus, lambda: probes.check_workers(prefect)),
        "engine": (probes.EngineStatus, lambda: probes.check_engine(sessions, settings)),
        "readiness": (probes.ReadinessStatus, lambda: probes.check_readiness(sessions, studio)),
        "comfyui": (probes.ComfyUIStatus, lambda: probes.check_comfyui(settings)),
    }


@router.get("/status")
def system_status(
    request: Request,
    service: ServiceName,
    part_probes: Annotated[Probes, Depends(_questions)],
    threads: StatusThreads,
) -> SystemStatus:
    """Status of database, Prefect, workers, engine and ComfyUI.

    `degraded` if database or Prefect does not answer, or if no worker could render a shot of the default workflows now.
    """
    parts = _probe_all(threads, part_probes)
    reason = "; ".join(f"{name}: {parts[name].reason}" for name in NEEDED_PARTS if not parts[name].reachable) or None
    return SystemStatus(
        status="healthy" if reason is None else "degraded",
        reason=reason,
        service=service,
        version=request.app.version,
        timestamp=datetime.now(UTC),
        endpoints=[f"{method} {path}" for method, path, _ in list_endpoints(request.app)],
        **parts,
    )


def _probe_all(threads: ThreadPoolExecutor, questions: Probes) -> dict[str, Any]:
    """The status of each part by name. A part that does not answer in time has only a reason."""
    answers = {name: threads.submit(copy_context().run, ask) for name, (_, ask) in questions.items()}
    wait(answers.values(), timeout=TIMEOUT_S)
    return {
        name: answer.result() if answer.done() else questions[name][0](reason=f"no answer within {TIMEOUT_S:g} s")
        for name, answer in answers.items()
    }
