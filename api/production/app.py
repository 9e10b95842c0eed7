"""The production API: `uvicorn --factory api.production.app:create_app`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from fastapi import FastAPI
from sqlalchemy import Engine

from api import app as frame
from api.production import (
    archives,
    batches,
    models,
    moods,
    presets,
    staleness,
    storage,
    sync,
    uploads,
    webhooks,
    workflows,
)
from api.production.dependencies import ProductionCollaborators
from api.production.director import routes as director
from api.production.generation import (
    fast,
    integrated,
    video,
)
from api.production.generation import (
    routes as generation,
)
from api.production.rendering import queue, workers
from api.production.review import appearances, feedback
from api.production.status import health
from api.production.status import routes as status
from api.production.story import (
    arcs,
    bible_characters,
    bibles,
    characters,
    glossary,
    projects,
    scenes,
    schedule,
    search,
    styles,
    timelines,
    window,
)
from api.production.versions import history
from api.production.versions import routes as versions
from db.engine import open_engine, read_session_factory
from db.engine import session_factory as sessions_of
from tower import logs
from tower.archives.transit import remove_abandoned_folders
from tower.batches.batch_runs import BatchRuns
from tower.batches.deployment_schedule import ScheduleAlignment
from tower.batches.scheduled_runs import ScheduledRuns
from tower.beats.pool import AnalyserPool
from tower.clients.prefect import PrefectClient
from tower.director import commands
from tower.engines.comfyui.servers import ComfyUIServers
from tower.jobs.reconciler import Reconciler
from tower.models.hashes import ModelHasher
from tower.publishing.looking import JellyfinWatch
from tower.rendering.run_queues import RunQueues
from tower.rendering.studio import Studio
from tower.settings import Settings
from tower.webhooks.deliverer import WebhookDeliverer

GENERATION_MODULES = (
    health,
    status,
    generation,
    fast,
    integrated,
    director,
    video,
    presets,
    models,
    workflows,
    workers,
    queue,
    staleness,
)
CREATION_MODULES = (
    archives,
    projects,
    characters,
    appearances,
    scenes,
    sync,
    bibles,
    bible_characters,
    styles,
    arcs,
    versions,
    history,
    search,
)
STUDIO_MODULES = (timelines, storage, uploads, feedback, moods, window, schedule, batches, glossary, webhooks)
ROUTER_MODULES = (*GENERATION_MODULES, *CREATION_MODULES, *STUDIO_MODULES)
SERVICE = "tower-anime-production"
POOL_SIZE = 10  # connections, and as many more under load; half of the threads that serve requests
RECONCILE_EVERY_S = 2.0  # jobs are compared with Prefect's runs this often, and whenever one is opened here
FOLLOWER_RECONCILE_EVERY_S = 30.0  # the same interval in a process that does not lead
POOL_WAIT_S = 5  # a request waits this long for a free connection, then answers 503


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the service. Without `settings`, read them from the environment and configure the logs.

    Raises StackError if no database is named.
    """
    if settings is None:
        settings = Settings()
        logs.configure_logging(settings)
    return frame.create_app(
        title="Tower production API",
        settings=settings,
        routers=[part.router for part in ROUTER_MODULES],
        lifespan=_lifespan_on(frame.require_database_url(settings)),
        body_limits={
            archives.IMPORT_PATH: settings.archive_max_bytes,
            uploads.UPLOAD_PATH: settings.upload_max_bytes + uploads.FORM_BYTES,
            workflows.PATH: workflows.MAX_BODY_BYTES,
        },
    )


def _lifespan_on(database_url: str) -> frame.Lifespan:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[ProductionCollaborators]:
        engine = open_engine(database_url, pool_size=POOL_SIZE, application=SERVICE, wait_s=POOL_WAIT_S)
        every_s = RECONCILE_EVERY_S if app.state.leads else FOLLOWER_RECONCILE_EVERY_S
        made = _collaborators(app.state.settings, engine, every_s=every_s)
        deliverer = WebhookDeliverer(made.sessions, allow_private=made.settings.webhook_private, interval_s=every_s)
        remove_abandoned_folders(made.settings)
        made.reconciler.start()
        deliverer.start()
        jellyfin = JellyfinWatch(made.sessions, made.settings)
        jellyfin.start()
        yield made
        jellyfin.stop()
        deliverer.stop()
        made.reconciler.stop()
        made.beats.stop()
        made.model_hashes.stop()
        made.status_threads.shutdown(wait=False, cancel_futures=True)
        made.studio.close()
        made.prefect.close()
        engine.dispose()

    return lifespan


def _collaborators(settings: Settings, engine: Engine, *, every_s: float) -> ProductionCollaborators:
    sessions = sessions_of(engine)
    prefect = PrefectClient(settings.prefect_url, auth_string=settings.prefect_api_auth_string)
    return ProductionCollaborators(
        settings=settings,
        service=SERVICE,
        sessions=sessions,
        reading=read_session_factory(engine),
        prefect=prefect,
        studio=Studio(settings, ComfyUIServers(), RunQueues(prefect)),
        reconciler=Reconciler(
            sessions,
            prefect,
            interval_s=every_s,
            on_job_settled=commands.on_job_settled,
            duties=(
                ScheduledRuns(sessions, prefect).align_batch,
                BatchRuns(sessions, prefect).align,
                ScheduleAlignment(sessions, prefect).align,
            ),
        ),
        status_threads=ThreadPoolExecutor(max_workers=10, thread_name_prefix="status"),
        model_hashes=ModelHasher(sessions),
        beats=AnalyserPool(1),  # its process starts when the first scene gets music
    )
