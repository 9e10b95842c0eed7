"""Records each request for a generation, so that a request repeated with its key gets the first answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models.jobs import GenerationRequest
from tower.errors import ConflictError
from tower.errors.codes import ErrorCode

ACCEPTED_STATUS = 202


@dataclass(frozen=True)
class IncomingRequest:
    """A request as it was received. `body` holds the sent fields, without defaults."""

    endpoint: str
    body: dict[str, Any]
    request_id: str
    idempotency_key: str | None = None

    @property
    def body_sha256(self) -> str:
        return hashlib.sha256(json.dumps(self.body, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class JobOpened:
    """The result of a request: its job (None for no job or several), and the JSON of the answer."""

    job_id: int | None
    answer: dict[str, Any]


@dataclass(frozen=True)
class RecordedAnswer:
    """The recorded answer. `replayed`: an earlier request with the same key got it."""

    status_code: int
    answer: dict[str, Any]
    replayed: bool


def answer_idempotently(
    session: Session, request: IncomingRequest, open_job: Callable[[], JobOpened]
) -> RecordedAnswer:
    """Act on the request and record it with its answer; a known key gets its recorded answer. The caller commits.

    This waits for another transaction that acts on the same key, so one key never opens two jobs. Raises
    ConflictError if the key was used with another body.
    """
    request_row_id = _insert_request(session, request)
    if request_row_id is None:
        return _read_recorded_answer(session, request)
    opened = open_job()
    session.execute(
        update(GenerationRequest)
        .where(GenerationRequest.id == request_row_id)
        .values(job_id=opened.job_id, answer=opened.answer)
    )
    return RecordedAnswer(ACCEPTED_STATUS, opened.answer, replayed=False)


def _insert_request(session: Session, received: IncomingRequest) -> int | None:
    """Insert the row and return its id, or None if the key is taken. The answer is filled in before the commit."""
    row = insert(GenerationRequest).values(
        endpoint=received.endpoint,
        idempotency_key=received.idempotency_key,
        body_sha256=received.body_sha256,
        body=received.body,
        request_id=received.request_id,
        status_code=ACCEPTED_STATUS,
        answer={},
    )
    return session.scalar(
        row.on_conflict_do_nothing(index_elements=["endpoint", "idempotency_key"]).returning(GenerationRequest.id)
    )


def _read_recorded_answer(session: Session, received: IncomingRequest) -> RecordedAnswer:
    first = session.scalars(
        select(GenerationRequest).where(
            GenerationRequest.endpoint == received.endpoint,
            GenerationRequest.idempotency_key == received.idempotency_key,
        )
    ).one()
    if first.body_sha256 != received.body_sha256:
        raise ConflictError(
            "This Idempotency-Key was already used with another body; use a new key for a new request",
            details={"idempotency_key": received.idempotency_key, "first_request_id": first.request_id},
            code=ErrorCode.IDEMPOTENCY_CONFLICT,
        )
    return RecordedAnswer(first.status_code, first.answer, replayed=True)
