"""What one process works with, made once from the environment: tasks fetch it, plain functions are given it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from db.engine import Sessions, connect, sessions
from tower import logs
from tower.clients.prefect import PrefectClient
from tower.errors import StackError
from tower.settings import Settings


@dataclass(frozen=True)
class Resources:
    settings: Settings
    sessions: Sessions
    prefect: PrefectClient


@cache
def resources() -> Resources:
    """Raises StackError where the environment names no database."""
    settings = Settings()
    if settings.database_url is None:
        raise StackError("TOWER_DATABASE_URL is not set: start the stack with `tower up`, or name a database")
    logs.configure(settings)
    engine = connect(settings.database_url, pool_size=2, application="tower-run")
    return Resources(settings, sessions(engine), PrefectClient(settings.prefect_url))
