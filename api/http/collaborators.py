"""The objects that a service makes when it starts, kept in one typed place on its app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from fastapi import FastAPI
from sqlalchemy.orm import sessionmaker

from db.engine import ReadSession, SessionFactory
from tower.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Collaborators:
    """Every service has these. A service with more of them has a subclass."""

    settings: Settings
    service: str
    sessions: SessionFactory
    reading: sessionmaker[ReadSession]


Kind = TypeVar("Kind", bound=Collaborators)


def store_collaborators(app: FastAPI, collaborators: Collaborators) -> None:
    app.state.collaborators = collaborators


def collaborators_of(app: FastAPI, kind: type[Kind]) -> Kind:
    """Raises TypeError if the service of `app` has other collaborators, RuntimeError if it has not started."""
    found = getattr(app.state, "collaborators", None)
    if found is None:
        raise RuntimeError(f"{app.title} has no collaborators: its lifespan has not started")
    if not isinstance(found, kind):
        raise TypeError(f"{app.title} has {type(found).__name__}, not {kind.__name__}")
    return found
