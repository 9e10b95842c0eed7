"""The dependencies of every service: each public name is the annotation of an endpoint's parameter."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from anyio import to_thread
from fastapi import Depends, Request
from sqlalchemy.orm import Session

from api.errors import REQUEST_ID
from api.http.collaborators import Collaborators, collaborators_of
from db.engine import ReadSession, SessionFactory
from tower.settings import Settings

# Dependencies are coroutines, though most of them never wait: FastAPI runs a plain function in another thread.


async def _settings(request: Request) -> Settings:
    return collaborators_of(request.app, Collaborators).settings


async def _service(request: Request) -> str:
    return collaborators_of(request.app, Collaborators).service


async def _sessions(request: Request) -> SessionFactory:
    return collaborators_of(request.app, Collaborators).sessions


async def _reading(request: Request) -> AsyncIterator[ReadSession]:
    """For endpoints that read a little of the database and wait for nothing else: see `api.http.threads`.

    Each statement is on its own: BEGIN and COMMIT would be two more round trips to the server.
    """
    with collaborators_of(request.app, Collaborators).reading() as session:
        yield session


async def _session(sessions: DatabaseSessions) -> AsyncIterator[Session]:
    """A session that ends with a commit even if the endpoint only read: a rollback makes psycopg drop its prepared
    statements."""
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


async def _request_id(request: Request) -> str:
    request_id: str = request.scope[REQUEST_ID]
    return request_id


CurrentSettings = Annotated[Settings, Depends(_settings)]
ServiceName = Annotated[str, Depends(_service)]
DatabaseSessions = Annotated[SessionFactory, Depends(_sessions)]
# With this scope the connection is returned before the answer is sent, so a slow download holds none.
DatabaseSession = Annotated[Session, Depends(_session, scope="function")]
ReadingSession = Annotated[ReadSession, Depends(_reading, scope="function")]
RequestId = Annotated[str, Depends(_request_id)]
