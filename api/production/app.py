"""The production API: `uvicorn --factory api.production.app:create_app`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api import app as frame
from api.production import (
    appearances,
    archives,
    assets,
    bible_characters,
    bibles,
    characters,
    configuration,
    culture,
    director,
    fast_generation,
    generation,
    health,
    history,
    models,
    preferences,
    project_generation,
    projects,
    queue,
    review,
    scene_audio,
    scenes,
    schedule,
    search,
    staleness,
    status,
    story_arcs,
    styles,
    timelines,
    versions,
    video,
    workers,
    workflows,
)
from db.engine import connect, reading
from db.engine import sessions as sessions_of
from tower import logs
from tower.beats.pool import AnalyserPool
from tower.clients.prefect import PrefectClient
from tower.errors import StackError
from tower.model_hashes import ModelHashes
from tower.reconciler import Reconciler
from tower.settings import Settings

GENERATION = (
    health,
    status,
    generation,
    fast_generation,
    project_generation,
    director,
    video,
    configuration,
    models,
    workflows,
    workers,
    queue,
    staleness,
)
CREATION = (
    archives,
    projects,
    characters,
    appearances,
    scenes,
    scene_audio,
    bibles,
    bible_characters,
    styles,
    story_arcs,
    versions,
    history,
    search,
)
STUDIO = (timelines, assets, review, preferences, schedule, culture)
PARTS = (*GENERATION, *CREATION, *STUDIO)
SERVICE = "tower-anime-production"
POOL_SIZE = 10  # and as many more at need; half of the threads that serve
RECONCILED_S = 2.0  # as often jobs are held against Prefect's runs, beside each time that one is opened here
SPARE_S = 30.0  # the same in a process that does not lead
POOL_WAIT_S = 5  # for a connection while all are in use, then 503


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service; without `settings` it is a process of its own, which reads them and sets up its logs.

    Raises StackError if no database is named.
    """
    if settings is None:
        settings = Settings()
        logs.configure(settings)
    return frame.create_app(
        title="Tower production API",
        service=SERVICE,
        settings=settings,
        routers=[part.router for part in PARTS],
        lifespan=_lifespan_on(_database_url(settings)),
        larger_bodies={archives.IMPORT_PATH: settings.archive_max_bytes},
    )


def _lifespan_on(database_url: str) -> frame.Lifespan:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        settings: Settings = app.state.settings
        engine = connect(database_url, pool_size=POOL_SIZE, application=SERVICE, wait_s=POOL_WAIT_S)
        sessions = sessions_of(engine)
        prefect = PrefectClient(settings.prefect_url)
        reconciler = Reconciler(sessions, prefect, every_s=RECONCILED_S if app.state.leads else SPARE_S)
        app.state.sessions, app.state.reading = sessions, reading(engine)
        app.state.prefect, app.state.reconciler = prefect, reconciler
        app.state.status_threads = ThreadPoolExecutor(max_workers=10, thread_name_prefix="status")
        app.state.model_hashes = ModelHashes(sessions)
        app.state.beats = AnalyserPool(1)  # its process starts with the first scene that is given music
        reconciler.start()
        yield
        reconciler.stop()
        app.state.beats.stop()
        app.state.model_hashes.stop()
        app.state.status_threads.shutdown(wait=False, cancel_futures=True)
        prefect.close()
        engine.dispose()

    return lifespan


def _database_url(settings: Settings) -> str:
    if settings.database_url is None:
        raise StackError("TOWER_DATABASE_URL is not set: start the stack with `tower up`, or name a database")
    return settings.database_url
