"""Chooses the engine of a job from the engines of this machine and of the workers."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models.workers import Worker, WorkerState
from tower.engines.choice import chosen
from tower.engines.installed import installed, lack_of
from tower.errors import UnavailableError
from tower.rendering.workers import SEEN_LATELY
from tower.settings import Settings

UNKNOWN = "unknown"


@dataclass(frozen=True)
class EngineName:
    """The name and version of an engine, as they enter a shot's fingerprint."""

    name: str
    version: str


def chosen_by_pool(session: Session, asked: str, settings: Settings) -> EngineName:
    """Choose the engine of a job as tower.engines.choice does; an engine of a worker counts as usable here.

    Raises InvalidError for an engine that is not installed, UnavailableError for one that no machine can render with.
    """
    elsewhere = engines_of_workers(session)
    engine = chosen(asked, settings, elsewhere=elsewhere)
    reason = None if engine.name in elsewhere else lack_of(engine, settings)
    if reason is not None:
        raise UnavailableError(reason, code=engine.unavailable_code)
    return EngineName(engine.name, engine.version)


def engines_of_workers(session: Session) -> frozenset[str]:
    """The engines of the workers that reported recently."""
    is_alive = (Worker.state != WorkerState.STOPPED, Worker.seen_at > func.now() - SEEN_LATELY)
    rows = session.execute(select(Worker.engine, Worker.engines).where(*is_alive))
    return frozenset(name for engine, engines in rows for name in (engine, *engines))


def as_installed(name: str, *, was: EngineName | None = None) -> EngineName:
    """The engine with its installed version. For one that cannot be loaded here, `was` gives the version."""
    found = installed().entries.get(name)
    if found is not None:
        return EngineName(name, found.version)
    return was if was is not None and was.name == name else EngineName(name, UNKNOWN)


def with_graphs() -> frozenset[str]:
    """The installed engines whose shots come with a ComfyUI graph."""
    return frozenset(name for name, found in installed().entries.items() if found.draws_graphs)
