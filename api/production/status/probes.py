"""The parts of the status. Each probe checks one part and gives the reason if it gets no answer."""

from __future__ import annotations

import logging
from datetime import datetime

from pydantic import BaseModel, Field
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from db.engine import SessionFactory
from db.figures import load_figures
from tower.clients.comfyui.errors import ComfyUIError
from tower.clients.comfyui.http import ComfyUIHttp
from tower.clients.prefect import PrefectClient
from tower.engines.choice import FALLBACK_ENGINE
from tower.engines.installed import installed_engines
from tower.errors import UnavailableError
from tower.errors.foreign import reason_of
from tower.rendering.engine_choice import choose_for_pool
from tower.rendering.studio import Studio
from tower.settings import AUTO_ENGINE, Settings

WORK_POOLS = ("cpu", "gpu")
COMFYUI_TIMEOUT_S = 1.0
log = logging.getLogger(__name__)


class PartStatus(BaseModel):
    reachable: bool | None = Field(None, description="Null if not known or not checked.")
    reason: str | None = Field(None, description="Why fields are null.")


class DatabaseStatus(PartStatus):
    version: str | None = None
    size_bytes: int | None = None
    jobs: dict[str, int] | None = Field(None, description="Number of jobs by status.")
    projects: int | None = None


class PrefectStatus(PartStatus):
    version: str | None = None
    url: str | None = None


class PrefectWorker(BaseModel):
    name: str
    status: str
    last_heartbeat: datetime | None


class WorkersStatus(PartStatus):
    pools: dict[str, list[PrefectWorker]] | None = None


class EngineStatus(PartStatus):
    """The engine for shots that request none, and `why`."""

    name: str | None = None
    version: str | None = None
    why: str | None = None
    installed: dict[str, str] | None = Field(
        None, examples=[{"animatic": "1.1.0"}], description="Version of each installed engine, by name."
    )
    broken: dict[str, str] | None = Field(None, description="Why each other declared engine cannot be loaded.")


class ReadinessStatus(PartStatus):
    """Whether the default workflows of this studio would run now. `reachable` is true if some worker can render them.

    `note` says what the pictures are, if they are not ComfyUI's. `workers` has a reason for each worker that cannot.
    """

    engine: str | None = None
    note: str | None = None
    workers: dict[str, str | None] | None = None


class ComfyUIStatus(PartStatus):
    url: str | None = None
    version: str | None = None


def check_database(sessions: SessionFactory) -> DatabaseStatus:
    try:
        with sessions() as session:
            found = load_figures(session)
    except (OperationalError, PoolTimeoutError) as error:
        return DatabaseStatus(reachable=False, reason=_database_reason(error))
    return DatabaseStatus(
        reachable=True, version=found.version, size_bytes=found.size_bytes, jobs=found.jobs, projects=found.projects
    )


def check_prefect(prefect: PrefectClient) -> PrefectStatus:
    try:
        return PrefectStatus(reachable=True, version=prefect.get_version(), url=prefect.url)
    except UnavailableError as error:
        return PrefectStatus(reachable=False, url=prefect.url, reason=error.message)


def check_workers(prefect: PrefectClient) -> WorkersStatus:
    try:
        seen = {
            pool: [
                PrefectWorker(name=worker.name, status=worker.status, last_heartbeat=worker.last_heartbeat)
                for worker in prefect.list_workers(pool)
            ]
            for pool in WORK_POOLS
        }
    except UnavailableError as error:
        return WorkersStatus(reachable=False, reason=error.message)
    return WorkersStatus(reachable=True, pools=seen)


def check_engine(sessions: SessionFactory, settings: Settings) -> EngineStatus:
    engines = _installed_engines()
    try:
        with sessions() as session:
            chosen = choose_for_pool(session, AUTO_ENGINE, settings)
    except UnavailableError as error:
        return EngineStatus(reachable=False, reason=error.message, **engines)
    except (OperationalError, PoolTimeoutError) as error:
        return EngineStatus(reason=f"the workers cannot be listed: {_database_reason(error)}", **engines)
    why = _engine_reason(settings, chosen.name)
    return EngineStatus(reachable=True, name=chosen.name, version=chosen.version, why=why, **engines)


def check_readiness(sessions: SessionFactory, studio: Studio) -> ReadinessStatus:
    try:
        with sessions() as session:
            found = studio.assess(session)
    except (OperationalError, PoolTimeoutError) as error:
        return ReadinessStatus(reason=f"the workers cannot be listed: {_database_reason(error)}")
    workers = {worker.name: worker.reason for worker in found.workers}
    return ReadinessStatus(
        reachable=found.is_ready, reason=found.reason, engine=found.engine, note=found.note, workers=workers
    )


def check_comfyui(settings: Settings) -> ComfyUIStatus:
    if settings.comfyui is None:
        return ComfyUIStatus(reason="TOWER_COMFYUI_URL is not set")
    http = ComfyUIHttp(settings.comfyui, timeout_s=COMFYUI_TIMEOUT_S)
    try:
        version = http.json("GET", "/system_stats")["system"]["comfyui_version"]
        return ComfyUIStatus(reachable=True, url=http.url, version=version)
    except ComfyUIError as error:
        return ComfyUIStatus(reachable=False, url=http.url, reason=error.message)
    except (KeyError, TypeError):
        reason = "the server is not ComfyUI: /system_stats has no version"
        return ComfyUIStatus(reachable=False, url=http.url, reason=reason)
    finally:
        http.close()


def _database_reason(error: OperationalError | PoolTimeoutError) -> str:
    """The driver's own text names addresses and ports, and belongs into the log."""
    log.warning("The database cannot be read for the status", exc_info=error)
    if isinstance(error, PoolTimeoutError):
        return "all database connections are in use"
    return reason_of(error)


def _installed_engines() -> dict[str, dict[str, str]]:
    found = installed_engines()
    return {"installed": {name: entry.version for name, entry in found.entries.items()}, "broken": dict(found.broken)}


def _engine_reason(settings: Settings, name: str) -> str:
    if settings.engine != AUTO_ENGINE:
        return f"TOWER_ENGINE={settings.engine}"
    if name == FALLBACK_ENGINE:
        return "TOWER_ENGINE=auto, and neither TOWER_COMFYUI_URL nor a worker with ComfyUI"
    return "TOWER_COMFYUI_URL is set" if settings.comfyui_url else "a gpu worker has a ComfyUI"
