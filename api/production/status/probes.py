"""The parts of the status: each asks one thing, and says why where it gets no answer."""

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
    reachable: bool | None = Field(None, description="Null: not known, or not asked.")
    reason: str | None = Field(None, description="Why what is null is null.")


class Database(Part):
    version: str | None = None
    size_bytes: int | None = None
    jobs: dict[str, int] | None = Field(None, description="By status.")
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
    """`why` says why this engine would render the next shot that asks for none."""

    name: str | None = None
    version: str | None = None
    why: str | None = None
    installed: dict[str, str] = Field(examples=[{"animatic": "1.0.0"}], description="The version of each, by name.")
    broken: dict[str, str] = Field(description="Why each other engine that is declared here cannot be loaded.")


class ComfyUI(Part):
    url: str | None = None
    version: str | None = None


def database(sessions: Sessions) -> Database:
    try:
        with sessions() as session:
            found = database_figures(session)
    except (OperationalError, PoolTimeoutError) as silent:
        return Database(reachable=False, reason=str(silent).splitlines()[0])
    return Database(
        reachable=True, version=found.version, size_bytes=found.size_bytes, jobs=found.jobs, projects=found.projects
    )


def prefect_server(prefect: PrefectClient) -> PrefectServer:
    try:
        return PrefectServer(reachable=True, version=prefect.version(), url=prefect.url)
    except UnavailableError as silent:
        return PrefectServer(reachable=False, url=prefect.url, reason=silent.message)


def workers(prefect: PrefectClient) -> Workers:
    try:
        seen = {
            pool: [
                Worker(name=worker.name, status=worker.status, last_heartbeat=worker.last_heartbeat)
                for worker in prefect.workers(pool)
            ]
            for pool in POOLS
        }
    except UnavailableError as silent:
        return Workers(reachable=False, reason=silent.message)
    return Workers(reachable=True, pools=seen)


def engine(sessions: Sessions, settings: Settings) -> Engine:
    there = _installed()
    try:
        with sessions() as session:
            chosen = chosen_by_pool(session, AUTO, settings)
    except UnavailableError as none:
        return Engine(reachable=False, reason=none.message, **there)
    except (OperationalError, PoolTimeoutError) as silent:
        return Engine(reason=f"the workers are not known: {str(silent).splitlines()[0]}", **there)
    why = _why(settings, chosen.name)
    return Engine(reachable=True, name=chosen.name, version=chosen.version, why=why, **there)


def comfyui(settings: Settings) -> ComfyUI:
    url = settings.comfyui_url
    if url is None:
        return ComfyUI(reason="no TOWER_COMFYUI_URL")
    try:
        answer = httpx.get(f"{url.rstrip('/')}/system_stats", timeout=COMFYUI_TIMEOUT_S, trust_env=False)
        answer.raise_for_status()
        return ComfyUI(reachable=True, url=url, version=answer.json()["system"]["comfyui_version"])
    except (httpx.HTTPError, httpx.InvalidURL) as silent:
        return ComfyUI(reachable=False, url=url, reason=str(silent) or type(silent).__name__)
    except (ValueError, KeyError, TypeError):
        return ComfyUI(
            reachable=False, url=url, reason="what answers there is no ComfyUI: /system_stats has no version"
        )


def _installed() -> dict[str, dict[str, str]]:
    found = installed()
    return {"installed": {name: one.version for name, one in found.entries.items()}, "broken": dict(found.broken)}


def _why(settings: Settings, name: str) -> str:
    if settings.engine != AUTO:
        return f"TOWER_ENGINE={settings.engine}"
    if name == STAND_IN:
        return "TOWER_ENGINE=auto and no TOWER_COMFYUI_URL, nor a worker that has one"
    return "TOWER_COMFYUI_URL is set" if settings.comfyui_url else "a gpu worker has a ComfyUI"
