"""What endpoints are handed: each name is the annotation of a parameter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, cast

from anyio import to_thread
from fastapi import Depends, Request
from sqlalchemy.orm import Session, sessionmaker

from api.errors import REQUEST_ID
from db.engine import Reading, Sessions
from tower.clients.prefect import PrefectClient
from tower.jobs.reconciler import Reconciler
from tower.settings import Settings

# These are coroutines, though only the session's waits: for a plain function FastAPI goes to a thread and back.


async def _settings(request: Request) -> Settings:
    return cast(Settings, request.app.state.settings)


async def _service(request: Request) -> str:
    return cast(str, request.app.state.service)


async def _sessions(request: Request) -> Sessions:
    return cast(Sessions, request.app.state.sessions)


async def _reading(request: Request) -> AsyncIterator[Reading]:
    """For what reads a little of the database and waits for nothing else: see `api.http.threads`.

    Each statement is on its own: BEGIN and COMMIT would be two more questions to the server.
    """
    with cast(sessionmaker[Reading], request.app.state.reading)() as session:
        yield session


async def _session(sessions: DatabaseSessions) -> AsyncIterator[Session]:
    """What an endpoint read is ended with a commit: after a rollback psycopg forgets its prepared statements."""
    session = sessions()
    try:
        yield session
        if session.in_transaction():
            await to_thread.run_sync(session.commit)
    finally:
        if session.in_transaction():
            await to_thread.run_sync(session.close)
        else:
            session.close()


async def _prefect(request: Request) -> PrefectClient:
    return cast(PrefectClient, request.app.state.prefect)


async def _prefect_ui_url(prefect: Prefect) -> str:
    return prefect.url.removesuffix("/api")


async def _reconciler(request: Request) -> Reconciler:
    return cast(Reconciler, request.app.state.reconciler)


async def _request_id(request: Request) -> str:
    return cast(str, request.scope[REQUEST_ID])


CurrentSettings = Annotated[Settings, Depends(_settings)]
ServiceName = Annotated[str, Depends(_service)]
DatabaseSessions = Annotated[Sessions, Depends(_sessions)]
# scope: the connection goes back before the answer is sent, so a slow download holds none
DatabaseSession = Annotated[Session, Depends(_session, scope="function")]
ReadingSession = Annotated[Reading, Depends(_reading, scope="function")]
Prefect = Annotated[PrefectClient, Depends(_prefect)]
PrefectUiUrl = Annotated[str, Depends(_prefect_ui_url)]
JobReconciler = Annotated[Reconciler, Depends(_reconciler)]
RequestId = Annotated[str, Depends(_request_id)]
