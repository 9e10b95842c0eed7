"""The music API: `uvicorn --factory api.music.app:create_app`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anyio import CapacityLimiter
from fastapi import FastAPI
from sqlalchemy import Engine

from api import app as frame
from api.music import catalogue, health, library, playlists, search, sync, tracks
from api.music.beats import routes as bpm
from api.music.dependencies import MusicCollaborators
from db.engine import open_engine, read_session_factory, session_factory
from tower import logs
from tower.beats.pool import AnalyserPool
from tower.beats.trial import LibraryTrial
from tower.clients.apple_music import LazyAppleMusic
from tower.library.monitor import QualityMonitor
from tower.library.playing import OpusCache
from tower.library.roots import library_roots
from tower.library.scans import LibraryScans
from tower.settings import Settings

ROUTER_MODULES = (health, bpm, sync, search, tracks, playlists, library, catalogue)
SERVICE = "tower-apple-music"
WARM_AFTER_S = 2.0  # the rest of the stack starts first
POOL_SIZE = 10  # connections, and as many more under load; half of the threads that serve requests


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the service. Without `settings`, read them from the environment and configure the logs.

    Raises StackError if no database is named.
    """
    if settings is None:
        settings = Settings()
        logs.configure_logging(settings)
    return frame.create_app(
        title="Tower music API",
        settings=settings,
        routers=[part.router for part in ROUTER_MODULES],
        lifespan=_lifespan_on(frame.require_database_url(settings)),
    )


def _lifespan_on(database_url: str) -> frame.Lifespan:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[MusicCollaborators]:
        engine = open_engine(database_url, pool_size=POOL_SIZE, application=SERVICE)
        made = _collaborators(app.state.settings, engine)
        made.scans.end_interrupted()
        made.monitor.start()
        made.beats.warm_up(after_s=WARM_AFTER_S)
        yield made
        made.scans.stop()
        made.monitor.stop()
        made.copies.stop()
        made.beats.stop()
        made.trial.stop()
        engine.dispose()

    return lifespan


def _collaborators(settings: Settings, engine: Engine) -> MusicCollaborators:
    settings.media.mkdir(parents=True, exist_ok=True)
    roots = library_roots(settings)
    return MusicCollaborators(
        settings=settings,
        service=SERVICE,
        sessions=session_factory(engine),
        reading=read_session_factory(engine),
        scans=LibraryScans(engine, roots),
        monitor=QualityMonitor(session_factory(engine), roots),
        copies=OpusCache(settings.data / "cache" / "streams"),
        beats=AnalyserPool(settings.beat_processes),
        trial=LibraryTrial(),
        beat_threads=CapacityLimiter(bpm.MAX_WAITING_THREADS),
        apple_music=LazyAppleMusic(settings),
    )
