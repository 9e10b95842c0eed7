"""Database sessions for a command that does not use the APIs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from db.engine import Sessions
    from tower.settings import Settings


@contextmanager
def sessions(settings: Settings, application: str) -> Iterator[Sessions]:
    """Sessions on TOWER_DATABASE_URL, the running stack, or a temporarily started PostgreSQL. Raises StackError."""
    from db.engine import connect
    from db.engine import sessions as sessions_of
    from deployments.database import opened

    with opened(settings) as url:
        engine = connect(url, pool_size=1, application=application)
        try:
            yield sessions_of(engine)
        finally:
            engine.dispose()
