"""Database sessions for a command that does not use the APIs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from db.engine import SessionFactory
    from tower.settings import Settings


@contextmanager
def open_sessions(settings: Settings, application: str) -> Iterator[SessionFactory]:
    """Sessions on TOWER_DATABASE_URL, the running stack, or a temporarily started PostgreSQL. Raises StackError."""
    from db.engine import open_engine
    from db.engine import session_factory as sessions_of
    from deployments.database import open_database

    with open_database(settings) as url:
        engine = open_engine(url, pool_size=1, application=application)
        try:
            yield sessions_of(engine)
        finally:
            engine.dispose()
