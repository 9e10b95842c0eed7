"""What endpoints are handed: each name is the annotation of a parameter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, cast

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from api.envelope import REQUEST_ID
from db.engine import Sessions
from tower.clients.prefect import PrefectClient
from tower.reconciler import Reconciler
from tower.settings import Settings


def _settings(request: Request) -> Settings:
    return cast(Settings, request.app.state.settings)


def _service(request: Request) -> str:
    return cast(str, request.app.state.service)


def _sessions(request: Request) -> Sessions:
    return cast(Sessions, request.app.state.sessions)


def _session(sessions: DatabaseSessions) -> Iterator[Session]:
    with sessions() as session:
        yield session


def _prefect(request: Request) -> PrefectClient:
    return cast(PrefectClient, request.app.state.prefect)


def _prefect_ui_url(prefect: Prefect) -> str:
    return prefect.url.removesuffix("/api")


def _reconciler(request: Request) -> Reconciler:
    return cast(Reconciler, request.app.state.reconciler)


def _request_id(request: Request) -> str:
    return cast(str, request.scope[REQUEST_ID])


CurrentSettings = Annotated[Settings, Depends(_settings)]
ServiceName = Annotated[str, Depends(_service)]
DatabaseSessions = Annotated[Sessions, Depends(_sessions)]
# scope: the connection goes back before the answer is sent, so a slow download holds none
DatabaseSession = Annotated[Session, Depends(_session, scope="function")]
Prefect = Annotated[PrefectClient, Depends(_prefect)]
PrefectUiUrl = Annotated[str, Depends(_prefect_ui_url)]
JobReconciler = Annotated[Reconciler, Depends(_reconciler)]
RequestId = Annotated[str, Depends(_request_id)]
