"""Batches: what the production window started by itself, and what became of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from fastapi import Query, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from api.errors import error_responses
from api.http.dependencies import DatabaseSession, DatabaseSessions, ReadingSession
from api.http.etags import set_etag
from api.http.field_types import RowId
from api.http.paging import Pages
from api.http.strict_routes import strict_router
from api.middleware.key_check import ADMIN
from api.production.dependencies import CurrentStudio, JobReconciler
from db.models.batches import Batch
from tower.batches import listing
from tower.batches.opening import OpenedBatch, open_batch
from tower.batches.report import EntryReport, Outcome
from tower.batches.reporting import read_report

router = strict_router(prefix="/api/anime", tags=["batches"])


class BatchState(StrEnum):
    RUNNING = "running"
    ENDED = "ended"


class BatchSummary(BaseModel):
    id: int
    state: BatchState
    opens_at: datetime | None = Field(description="When its window opened; null if a user started it.")
    closes_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    counts: dict[Outcome, int] = Field(description="The number of entries of each outcome.")
    gpu_seconds: float = Field(description="Seconds that its renders took, measured for each.")
    saved_seconds: float | None = Field(
        description="Seconds that the reused takes once took; null if none was measured."
    )
    saved_reason: str | None = Field(description="Which reused takes `saved_seconds` leaves out.")

    @classmethod
    def of(cls, session: Session, batch: Batch) -> Self:
        report = read_report(session, batch)
        same = {name: getattr(batch, name) for name in ("id", "opens_at", "closes_at", "created_at", "ended_at")}
        return cls(
            **same,
            state=BatchState.RUNNING if batch.ended_at is None else BatchState.ENDED,
            counts=report.counts,
            gpu_seconds=report.gpu_s,
            saved_seconds=report.saved_s,
            saved_reason=report.saved_reason,
        )


class SceneAnswer(BaseModel):
    scene_id: int
    scene_number: int
    outcome: Outcome
    job_id: int | None = Field(description="The generation that rendered it; null if its take was current.")
    reason: str | None
    gpu_seconds: float
    saved_seconds: float | None
    saved_reason: str | None


class EntryAnswer(BaseModel):
    schedule_id: int
    project_id: int
    title: str = Field(examples=["Episode 3: The Bridge"])
    outcome: Outcome
    reason: str | None
    film_job_id: int | None = Field(description="The generation that made its film.")
    scenes: list[SceneAnswer]

    @classmethod
    def of(cls, entry: EntryReport) -> Self:
        same = ("schedule_id", "project_id", "title", "outcome", "reason", "film_job_id")
        scenes = [
            SceneAnswer(
                gpu_seconds=scene.gpu_s,
                saved_seconds=scene.saved_s,
                **{name: getattr(scene, name) for name in SceneAnswer.model_fields if hasattr(scene, name)},
            )
            for scene in entry.scenes
        ]
        return cls(**{name: getattr(entry, name) for name in same}, scenes=scenes)


class BatchAnswer(BatchSummary):
    entries: list[EntryAnswer]

    @classmethod
    def of(cls, session: Session, batch: Batch) -> Self:
        entries = [EntryAnswer.of(entry) for entry in read_report(session, batch).entries]
        return cls(**BatchSummary.of(session, batch).model_dump(), entries=entries)


class BatchStarted(BaseModel):
    """What was done with the due entries, by their ids. Without a due entry there is no batch."""

    batch_id: int | None
    started: list[int]
    postponed: list[int] = Field(description="Nothing can render these now; their answers say why.")

    @classmethod
    def of(cls, opened: OpenedBatch) -> Self:
        return cls(batch_id=opened.batch_id, started=opened.started, postponed=opened.postponed)


@router.get("/batches", responses=error_responses(404))
def list_batches(
    session: ReadingSession,
    pages: Pages,
    project_id: Annotated[RowId | None, Query(description="Only batches with an entry of this project.")] = None,
    state: BatchState | None = None,
) -> list[BatchSummary]:
    """The batches, the newest first."""
    is_live = None if state is None else state is BatchState.RUNNING
    page = listing.list_batches(session, project_id=project_id, is_live=is_live, page_request=pages.page_request)
    return pages.answer(page, lambda batch: BatchSummary.of(session, batch))


@router.get("/batches/{batch_id}", responses=error_responses(404))
def get_batch(batch_id: RowId, session: DatabaseSession, response: Response) -> BatchAnswer:
    """A batch with what became of each entry and scene: its report."""
    answer = BatchAnswer.of(session, listing.find_batch(session, batch_id))
    set_etag(response, answer)
    return answer


@router.post("/batches", status_code=201, dependencies=[ADMIN])
def start_batch(sessions: DatabaseSessions, studio: CurrentStudio, reconciler: JobReconciler) -> BatchStarted:
    """Start all entries that are due now, also outside the production window."""
    opened = open_batch(sessions, studio, by_hand=True)
    reconciler.wake()
    return BatchStarted.of(opened)
