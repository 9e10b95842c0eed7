"""The settings and clients of a process. Tasks fetch them here; plain functions take them as arguments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache

from db.engine import SessionFactory, open_engine, session_factory
from tower import logs
from tower.addresses import used_form
from tower.clients.prefect import PrefectClient
from tower.engines.comfyui.servers import ComfyUIServers
from tower.errors import StackError
from tower.rendering.studio import Studio
from tower.settings import Settings


@dataclass(frozen=True)
class Resources:
    """The settings, the database sessions and the Prefect client of a process."""

    settings: Settings
    sessions: SessionFactory
    prefect: PrefectClient


@cache
def resources() -> Resources:
    """Create the resources once from the environment. Raises StackError if it names no database."""
    settings = Settings()
    if settings.database_url is None:
        raise StackError("TOWER_DATABASE_URL is not set: start the stack with `tower up`, or set the URL of a database")
    logs.configure_logging(settings)
    engine = open_engine(used_form(settings.database_url), pool_size=2, application="tower-run")
    prefect = PrefectClient(settings.prefect_url, auth_string=settings.prefect_api_auth_string)
    return Resources(settings, session_factory(engine), prefect)


@contextmanager
def open_studio() -> Iterator[Studio]:
    """The machines that render for the process's database."""
    with closing(Studio(resources().settings, ComfyUIServers())) as studio:
        yield studio
