"""Each request for a generation is kept as it came; one that is sent again with its key gets its first answer."""

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

ACCEPTED = 202


@dataclass(frozen=True)
class Received:
    """A request as it came in. `body` holds what was sent, without defaults."""

    endpoint: str
    body: dict[str, Any]
    request_id: str
    idempotency_key: str | None = None

    @property
    def body_sha256(self) -> str:
        return hashlib.sha256(json.dumps(self.body, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Opened:
    """What acting on a request gave: its job (None: none, or several), and the JSON that is answered."""

    job_id: int | None
    answer: dict[str, Any]


@dataclass(frozen=True)
class Reply:
    status_code: int
    answer: dict[str, Any]
    replayed: bool


def reply_once(session: Session, received: Received, act: Callable[[], Opened]) -> Reply:
    """Act on the request and record both; the caller commits. For a key seen before, the answer of that time.

    While another transaction acts on the same key, this waits for its end, so one key never makes two jobs.
    Raises ConflictError if the key came with another body.
    """
    claimed_id = _claim(session, received)
    if claimed_id is None:
        return _replay(session, received)
    opened = act()
    session.execute(
        update(GenerationRequest)
        .where(GenerationRequest.id == claimed_id)
        .values(job_id=opened.job_id, answer=opened.answer)
    )
    return Reply(ACCEPTED, opened.answer, replayed=False)


def _claim(session: Session, received: Received) -> int | None:
    """The id of the new row, or None if the key is taken. The answer is filled in before anyone else can see it."""
    row = insert(GenerationRequest).values(
        endpoint=received.endpoint,
        idempotency_key=received.idempotency_key,
        body_sha256=received.body_sha256,
        body=received.body,
        request_id=received.request_id,
        status_code=ACCEPTED,
        answer={},
    )
    return session.scalar(
        row.on_conflict_do_nothing(index_elements=["endpoint", "idempotency_key"]).returning(GenerationRequest.id)
    )


def _replay(session: Session, received: Received) -> Reply:
    first = session.scalars(
        select(GenerationRequest).where(
            GenerationRequest.endpoint == received.endpoint,
            GenerationRequest.idempotency_key == received.idempotency_key,
        )
    ).one()
    if first.body_sha256 != received.body_sha256:
        raise ConflictError(
            "This Idempotency-Key came with another body before; use a new key for a new request",
            details={"idempotency_key": received.idempotency_key, "first_request_id": first.request_id},
            code=ErrorCode.IDEMPOTENCY_CONFLICT,
        )
    return Reply(first.status_code, first.answer, replayed=True)
