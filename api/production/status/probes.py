"""The parts of the status. Each probe checks one part and gives the reason if it gets no answer."""

from __future__ import annotations

from datetime import datetime

import httpx
from pydantic import BaseModel, Field
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from db.engine import Sessions
from db.figures import database_figures
from tower.clients.prefect import PrefectClient
from tower.engines.choice import STAND_IN
from tower.engines.installed import installed
from tower.errors import UnavailableError
from tower.rendering.engine_choice import chosen_by_pool
from tower.settings import AUTO, Settings

POOLS = ("cpu", "gpu")
COMFYUI_TIMEOUT_S = 1.0


class Part(BaseModel):
    reachable: bool | None = Field(None, description="Null if not known or not checked.")
    reason: str | None = Field(None, description="Why fields are null.")


class Database(Part):
    version: str | None = None
    size_bytes: int | None = None
    jobs: dict[str, int] | None = Field(None, description="Number of jobs by status.")
    projects: int | None = None


class PrefectServer(Part):
    version: str | None = None
    url: str | None = None


class Worker(BaseModel):
    name: str
    status: str
    last_heartbeat: datetime | None


class Workers(Part):
    pools: dict[str, list[Worker]] | None = None


class Engine(Part):
    """The engine for shots that request none, and `why`."""

    name: str | None = None
    version: str | None = None
    why: str | None = None
    installed: dict[str, str] = Field(
        examples=[{"animatic": "1.0.0"}], description="Version of each installed engine, by name."
    )
    broken: dict[str, str] = Field(description="Why each other declared engine cannot be loaded.")


class ComfyUI(Part):
    url: str | None = None
    version: str | None = None


def database(sessions: Sessions) -> Database:
    try:
        with sessions() as session:
            found = database_figures(session)
    except (OperationalError, PoolTimeoutError) as error:
        return Database(reachable=False, reason=str(error).splitlines()[0])
    return Database(
        reachable=True, version=found.version, size_bytes=found.size_bytes, jobs=found.jobs, projects=found.projects
    )


def prefect_server(prefect: PrefectClient) -> PrefectServer:
    try:
        return PrefectServer(reachable=True, version=prefect.version(), url=prefect.url)
    except UnavailableError as error:
        return PrefectServer(reachable=False, url=prefect.url, reason=error.message)


def workers(prefect: PrefectClient) -> Workers:
    try:
        seen = {
            pool: [
                Worker(name=worker.name, status=worker.status, last_heartbeat=worker.last_heartbeat)
                for worker in prefect.workers(pool)
            ]
            for pool in POOLS
        }
    except UnavailableError as error:
        return Workers(reachable=False, reason=error.message)
    return Workers(reachable=True, pools=seen)


def engine(sessions: Sessions, settings: Settings) -> Engine:
    engines = _installed_engines()
    try:
        with sessions() as session:
            chosen = chosen_by_pool(session, AUTO, settings)
    except UnavailableError as error:
        return Engine(reachable=False, reason=error.message, **engines)
    except (OperationalError, PoolTimeoutError) as error:
        return Engine(reason=f"the workers cannot be listed: {str(error).splitlines()[0]}", **engines)
    why = _engine_reason(settings, chosen.name)
    return Engine(reachable=True, name=chosen.name, version=chosen.version, why=why, **engines)


def comfyui(settings: Settings) -> ComfyUI:
    url = settings.comfyui_url
    if url is None:
        return ComfyUI(reason="TOWER_COMFYUI_URL is not set")
    try:
        answer = httpx.get(f"{url.rstrip('/')}/system_stats", timeout=COMFYUI_TIMEOUT_S, trust_env=False)
        answer.raise_for_status()
        return ComfyUI(reachable=True, url=url, version=answer.json()["system"]["comfyui_version"])
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return ComfyUI(reachable=False, url=url, reason=str(error) or type(error).__name__)
    except (ValueError, KeyError, TypeError):
        return ComfyUI(reachable=False, url=url, reason="the server is not ComfyUI: /system_stats has no version")


def _installed_engines() -> dict[str, dict[str, str]]:
    found = installed()
    return {"installed": {name: entry.version for name, entry in found.entries.items()}, "broken": dict(found.broken)}


def _engine_reason(settings: Settings, name: str) -> str:
    if settings.engine != AUTO:
        return f"TOWER_ENGINE={settings.engine}"
    if name == STAND_IN:
        return "TOWER_ENGINE=auto, and neither TOWER_COMFYUI_URL nor a worker with ComfyUI"
    return "TOWER_COMFYUI_URL is set" if settings.comfyui_url else "a gpu worker has a ComfyUI"
