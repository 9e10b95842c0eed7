"""Review: ratings, approvals and rejections of takes, and the decisions that were made."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from api.errors import error_responses
from api.http.authors import Author
from api.http.dependencies import DatabaseSession, ReadingSession
from api.http.field_types import Message, ProjectQuery, RowId
from api.http.paging import MAX_ID, Pages
from api.http.strict_routes import Body, strict_router
from db.models.review import CreativeDecision, DecisionKind, Feedback, FeedbackKind
from tower.review import decisions, feedback
from tower.review.feedback import FeedbackInput

router = strict_router(prefix="/api/anime", tags=["review"])

EXAMPLE: JsonValue = {
    "asset_id": 7,
    "kind": "rejection",
    "reason": "The coat changes its colour",
    "frame_notes": [{"frame": 41, "note": "red instead of blue"}],
}
IdQuery = Annotated[int | None, Query(ge=1, le=MAX_ID)]


class FrameNote(Body):
    frame: int = Field(ge=0, le=10_000_000, description="Frame number, from 0.")
    note: Message


class NewFeedback(Body):
    """A rating needs `rating`, a rejection needs `reason`."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE, {"asset_id": 7, "kind": "rating", "rating": 4}]})

    asset_id: RowId = Field(description="The take.")
    kind: Annotated[FeedbackKind, Field(strict=False)]
    rating: int | None = Field(None, ge=1, le=5)
    reason: Message | None = None
    frame_notes: Annotated[list[FrameNote], Field(max_length=1000)] = Field(default_factory=list)
    scene_id: RowId | None = Field(None, description="The scene that the take was reviewed for.")

    @model_validator(mode="after")
    def require_rating_or_reason(self) -> Self:
        if self.kind == FeedbackKind.RATING and self.rating is None:
            raise ValueError("a rating from 1 to 5")
        if self.kind == FeedbackKind.REJECTION and self.reason is None:
            raise ValueError("a reason for a rejection")
        return self


class FeedbackAnswer(BaseModel):
    id: int
    project_id: int | None
    asset_id: int
    job_id: int | None
    scene_key: uuid.UUID | None
    kind: FeedbackKind
    rating: int | None
    reason: str | None
    frame_notes: list[dict[str, Any]]
    author: str
    created_at: datetime

    @classmethod
    def of(cls, row: Feedback) -> Self:
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


class FeedbackReceipt(BaseModel):
    feedback: FeedbackAnswer
    decision_id: int | None = Field(
        description="The recorded decision; null for a rating, or if the take is of no project."
    )
    accepted_for_scene: int | None = Field(description="The scene whose accepted take it is now, if any.")
    taken_from_scenes: list[int] = Field(description="Scenes whose accepted take it was until it was rejected.")


class DecisionAnswer(BaseModel):
    id: int
    project_id: int
    kind: DecisionKind
    decision: str
    reason: str | None
    details: dict[str, Any] = Field(description="The alternatives that it was chosen from.")
    decided_by: str
    commit_id: int | None
    asset_id: int | None
    log_id: int | None = Field(description="The plan or step of the director that it concerns.")
    created_at: datetime

    @classmethod
    def of(cls, row: CreativeDecision) -> Self:
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


@router.post("/feedback", status_code=201, responses=error_responses(400, 404, 410, 413, 415))
def give_feedback(body: NewFeedback, session: DatabaseSession, author: Author) -> FeedbackReceipt:
    """Rate, approve or reject a take. Approvals and rejections are recorded as decisions, and Tower learns from them.

    An approval makes the take the accepted take of the scene that it was rendered for. A rejection ends that.
    """
    fields = body.model_dump()
    with session.begin():
        given = feedback.submit_feedback(session, FeedbackInput(author=author, **fields))
        return FeedbackReceipt(
            feedback=FeedbackAnswer.of(given.feedback),
            decision_id=None if given.decision is None else given.decision.id,
            accepted_for_scene=given.accepted_for,
            taken_from_scenes=list(given.scenes_without_take),
        )


@router.get("/feedback")
def list_feedback(
    session: ReadingSession,
    pages: Pages,
    project_id: IdQuery = None,
    asset_id: IdQuery = None,
    kind: FeedbackKind | None = None,
) -> list[FeedbackAnswer]:
    """Feedback on takes, newest first."""
    found = feedback.list_feedback(
        session, project_id=project_id, asset_id=asset_id, kind=kind, page_request=pages.page_request
    )
    return pages.answer(found, FeedbackAnswer.of)


@router.get("/decisions", responses=error_responses(404))
def list_decisions(
    project_id: ProjectQuery,
    session: ReadingSession,
    pages: Pages,
    kind: DecisionKind | None = None,
    asset_id: IdQuery = None,
) -> list[DecisionAnswer]:
    """The decisions of a project, newest first: approvals, rejections, merges, reverts, the director's plans."""
    found = decisions.list_decisions(session, project_id, kind=kind, asset_id=asset_id, page_request=pages.page_request)
    return pages.answer(found, DecisionAnswer.of)
