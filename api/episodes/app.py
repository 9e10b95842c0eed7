"""The episodes API: `uvicorn --factory api.episodes.app:create_app`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api import app as frame
from api.episodes import (
    cut_lists,
    cuts,
    exports,
    films,
    health,
    posters,
    publications,
    routes,
    staleness,
    subtitles,
    trailers,
    videos,
)
from api.episodes.dependencies import EpisodesCollaborators
from db.engine import open_engine, read_session_factory, session_factory
from tower import logs
from tower.engines.comfyui.servers import ComfyUIServers
from tower.rendering.studio import Studio
from tower.settings import Settings

ROUTER_MODULES = (
    health,
    routes,
    cuts,
    cut_lists,
    subtitles,
    publications,
    staleness,
    films,
    videos,
    trailers,
    posters,
    exports,
)
SERVICE = "episodes-api"
POOL_SIZE = 5  # connections, and as many more under load
POOL_WAIT_S = 5  # a request waits this long for a free connection, then answers 503


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the service. Without `settings`, read them from the environment and configure the logs.

    Raises StackError if no database is named.
    """
    if settings is None:
        settings = Settings()
        logs.configure_logging(settings)
    return frame.create_app(
        title="Tower episodes API",
        settings=settings,
        routers=[part.router for part in ROUTER_MODULES],
        lifespan=_lifespan_on(frame.require_database_url(settings)),
    )


def _lifespan_on(database_url: str) -> frame.Lifespan:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[EpisodesCollaborators]:
        engine = open_engine(database_url, pool_size=POOL_SIZE, application=SERVICE, wait_s=POOL_WAIT_S)
        studio = Studio(app.state.settings, ComfyUIServers())
        yield EpisodesCollaborators(
            settings=app.state.settings,
            service=SERVICE,
            sessions=session_factory(engine),
            reading=read_session_factory(engine),
            studio=studio,
        )
        studio.servers.close()
        engine.dispose()

    return lifespan
