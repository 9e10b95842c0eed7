"""Chooses the engine of a job from the engines of this machine and of the workers."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models.workers import Worker, WorkerState
from tower.engines.choice import choose_engine
from tower.engines.installed import installed_engines, reason_unavailable
from tower.errors import UnavailableError
from tower.rendering.failure_limits import SEEN_RECENTLY
from tower.settings import Settings

UNKNOWN_VERSION = "unknown"


@dataclass(frozen=True)
class EngineVersion:
    """The name and version of an engine, as they enter a shot's fingerprint."""

    name: str
    version: str


def choose_for_pool(session: Session, requested: str, settings: Settings) -> EngineVersion:
    """Choose the engine of a job as tower.engines.choice does; an engine of a worker counts as usable here.

    Raises InvalidError for an engine that is not installed, UnavailableError for one that no machine can render with.
    """
    elsewhere = list_worker_engines(session)
    engine = choose_engine(requested, settings, elsewhere=elsewhere)
    reason = None if engine.name in elsewhere else reason_unavailable(engine, settings)
    if reason is not None:
        raise UnavailableError(reason, code=engine.unavailable_code)
    return EngineVersion(engine.name, engine.version)


def list_worker_engines(session: Session) -> frozenset[str]:
    """The engines of the workers that reported recently."""
    is_alive = (Worker.state != WorkerState.STOPPED, Worker.seen_at > func.now() - SEEN_RECENTLY)
    rows = session.execute(select(Worker.engine, Worker.engines).where(*is_alive))
    return frozenset(name for engine, engines in rows for name in (engine, *engines))


def installed_version(name: str, *, fallback: EngineVersion | None = None) -> EngineVersion:
    """The engine with its installed version. For one that cannot be loaded here, `fallback` gives the version."""
    found = installed_engines().entries.get(name)
    if found is not None:
        return EngineVersion(name, found.version)
    return fallback if fallback is not None and fallback.name == name else EngineVersion(name, UNKNOWN_VERSION)


def graph_engine_names() -> frozenset[str]:
    """The installed engines whose shots come with a ComfyUI graph."""
    return frozenset(name for name, found in installed_engines().entries.items() if found.draws_graphs)
