"""Which engine renders a job, given what this machine and the workers have."""

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
    """An engine as a shot's fingerprint knows it."""

    name: str
    version: str


def chosen_by_pool(session: Session, asked: str, settings: Settings) -> EngineName:
    """What a job is rendered with: as tower.engines.choice has it, and what a worker has counts as if it were here.

    Raises InvalidError for an engine that is not installed, UnavailableError for one that no machine can render with.
    """
    elsewhere = engines_of_workers(session)
    found = chosen(asked, settings, elsewhere=elsewhere)
    lacks = None if found.name in elsewhere else lack_of(found, settings)
    if lacks is not None:
        raise UnavailableError(lacks, code=found.unavailable_code)
    return EngineName(found.name, found.version)


def engines_of_workers(session: Session) -> frozenset[str]:
    """What the workers that were seen lately can render with."""
    there = (Worker.state != WorkerState.STOPPED, Worker.seen_at > func.now() - SEEN_LATELY)
    rows = session.execute(select(Worker.engine, Worker.engines).where(*there))
    return frozenset(name for engine, engines in rows for name in (engine, *engines))


def as_installed(name: str, *, was: EngineName | None = None) -> EngineName:
    """The engine with its version of today; one that cannot be loaded here is as it `was`."""
    found = installed().entries.get(name)
    if found is not None:
        return EngineName(name, found.version)
    return was if was is not None and was.name == name else EngineName(name, UNKNOWN)


def with_graphs() -> frozenset[str]:
    """The installed engines whose shots come with a ComfyUI graph."""
    return frozenset(name for name, found in installed().entries.items() if found.draws_graphs)
