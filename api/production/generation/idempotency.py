"""Opens a job for a request, once for each Idempotency-Key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Header
from fastapi.responses import JSONResponse
from sqlalchemy.orm import Session

from tower.jobs.reconciler import Reconciler
from tower.jobs.requests import IncomingRequest, JobOpened, answer_idempotently

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="Repeating a request with the same key and body gives the same answer and no new job.",
    ),
]


def open_idempotently(
    session: Session, reconciler: Reconciler, request: IncomingRequest, open_job: Callable[[], JobOpened]
) -> JSONResponse:
    """Commit the job, wake the reconciler to launch it, and answer. A known key gets its earlier answer."""
    answer = answer_once(session, request, open_job)
    reconciler.wake()
    return answer


def answer_once(session: Session, request: IncomingRequest, open_job: Callable[[], JobOpened]) -> JSONResponse:
    """Commit the job, and answer. The reconciler of another process launches it in its next pass."""
    with session.begin():
        reply = answer_idempotently(session, request, open_job)
    replay = {"Idempotent-Replay": "true"} if reply.replayed else {}
    return JSONResponse(reply.answer, status_code=reply.status_code, headers=replay)
