"""The collaborators of the production service, and the dependencies that hand them to its endpoints."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.http.collaborators import Collaborators, collaborators_of
from tower.beats.pool import AnalyserPool
from tower.clients.prefect import PrefectClient
from tower.jobs.reconciler import Reconciler
from tower.models.hashes import ModelHasher
from tower.rendering.studio import Studio


@dataclass(frozen=True, kw_only=True)
class ProductionCollaborators(Collaborators):
    prefect: PrefectClient
    studio: Studio
    reconciler: Reconciler
    status_threads: ThreadPoolExecutor
    model_hashes: ModelHasher
    beats: AnalyserPool


async def _prefect(request: Request) -> PrefectClient:
    return collaborators_of(request.app, ProductionCollaborators).prefect


async def _prefect_ui_url(prefect: Prefect) -> str:
    return prefect.url.removesuffix("/api")


async def _studio(request: Request) -> Studio:
    return collaborators_of(request.app, ProductionCollaborators).studio


async def _reconciler(request: Request) -> Reconciler:
    return collaborators_of(request.app, ProductionCollaborators).reconciler


async def _status_threads(request: Request) -> ThreadPoolExecutor:
    return collaborators_of(request.app, ProductionCollaborators).status_threads


async def _model_hashes(request: Request) -> ModelHasher:
    return collaborators_of(request.app, ProductionCollaborators).model_hashes


async def _beats(request: Request) -> AnalyserPool:
    return collaborators_of(request.app, ProductionCollaborators).beats


Prefect = Annotated[PrefectClient, Depends(_prefect)]
PrefectUiUrl = Annotated[str, Depends(_prefect_ui_url)]
CurrentStudio = Annotated[Studio, Depends(_studio)]
JobReconciler = Annotated[Reconciler, Depends(_reconciler)]
StatusThreads = Annotated[ThreadPoolExecutor, Depends(_status_threads)]
Hashes = Annotated[ModelHasher, Depends(_model_hashes)]
Beats = Annotated[AnalyserPool, Depends(_beats)]
