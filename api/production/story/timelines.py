"""The timeline of a story, and the facts that are true at its events. The planner and the enhancer use both."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Self

from fastapi import Query, Response
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, JsonValue
from sqlalchemy.orm import Session

from api.errors import error_responses
from api.http.dependencies import DatabaseSession, ReadingSession
from api.http.etags import IfMatch, require_match, set_etag
from api.http.field_types import (
    BranchName,
    BranchQuery,
    IdOrKey,
    Message,
    Name,
    OpenObject,
    ProjectQuery,
    RowId,
    Text,
    Title,
)
from api.http.paging import MAX_ID, Pages
from api.http.strict_routes import Body, strict_router
from db.models.story import FactKind, StorylineContext, StoryTimeline
from tower.story import timeline
from tower.versions import branches
from tower.versions.branches import MAIN

router = strict_router(prefix="/api/anime", tags=["story"])

EVENT_EXAMPLE: JsonValue = {"project_id": 1, "title": "Kai loses the seal", "story_time": "the first winter"}
FACT_EXAMPLE: JsonValue = {"event_id": 1, "kind": "object", "subject": "the seal", "statement": "The seal is broken."}
Position = Annotated[int, Field(ge=1, le=1_000_000, description="Counts from 1. Events from there on move by one.")]


class EventFields(Body):
    story_time: Name | None = Field(None, description="When it happens, in the story's own terms.")
    description: Text = ""
    scene_id: IdOrKey | None = Field(None, description="Id or key of the scene that shows it; null if off screen.")
    characters: Annotated[list[Name], Field(max_length=100)] = Field(
        default_factory=list, description="Names of the characters that take part."
    )


class NewEvent(EventFields):
    model_config = ConfigDict(json_schema_extra={"examples": [EVENT_EXAMPLE]})

    project_id: RowId
    branch_name: BranchName = Field(MAIN, validation_alias=AliasChoices("branch_name", "branch"))
    title: Title
    position: Position | None = None


class EventChange(EventFields):
    """A field that is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"position": 2}]})

    title: Title = Field(default_factory=str)
    position: Position = Field(default_factory=int)


class EventAnswer(BaseModel):
    id: int
    project_id: int
    key: uuid.UUID
    position: int
    story_time: str | None
    title: str
    description: str
    scene_key: uuid.UUID | None
    characters: list[str]
    version: int

    @classmethod
    def of(cls, row: StoryTimeline, names: Mapping[uuid.UUID, str]) -> Self:
        same = cls.model_fields.keys() - {"characters"}
        characters = [names[key] for key in row.character_keys if key in names]
        return cls.model_validate({name: getattr(row, name) for name in same} | {"characters": characters})


class FactChange(Body):
    """A field that is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"until_event_id": 4}]})

    kind: Annotated[FactKind, Field(strict=False)] = FactKind.WORLD
    subject: Name = Field(default_factory=str, description="The person or thing that it is about.")
    statement: Message = Field(default_factory=str, description="One sentence.")
    until_event_id: IdOrKey | None = Field(
        None, description="Id or key of the event from which on it is no longer true; null if it stays true."
    )
    prompt_terms: OpenObject = Field(
        default_factory=dict, description="Terms that it adds to prompts.", examples=[{"positive": "broken seal"}]
    )


class NewFact(FactChange):
    model_config = ConfigDict(json_schema_extra={"examples": [FACT_EXAMPLE]})

    event_id: RowId = Field(description="The fact is true from this event on.")
    kind: Annotated[FactKind, Field(strict=False)]
    subject: Name
    statement: Message


class FactAnswer(BaseModel):
    id: int
    project_id: int
    key: uuid.UUID
    event_key: uuid.UUID
    until_event_key: uuid.UUID | None
    kind: FactKind
    subject: str
    statement: str
    prompt_terms: dict[str, Any]
    version: int

    @classmethod
    def of(cls, row: StorylineContext) -> Self:
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


class DeletedStoryItem(BaseModel):
    id: int


@router.post("/timeline", status_code=201, responses=error_responses(400, 404, 413, 415))
def add_timeline_event(body: NewEvent, session: DatabaseSession, response: Response) -> EventAnswer:
    """Add an event, at a position or after the last one."""
    with session.begin():
        branch = body.branch_name
        line = branches.find(session, body.project_id, branch)
        columns = _event_columns(session, body, branch_id=line.id)
        made = timeline.add_event(session, columns, project_id=body.project_id, branch=branch, position=body.position)
        answer = _event_answer(session, made)
    set_etag(response, answer)
    return answer


@router.get("/timeline", responses=error_responses(404))
def list_timeline(
    project_id: ProjectQuery, session: ReadingSession, pages: Pages, branch: BranchQuery = None
) -> list[EventAnswer]:
    """The events in story order."""
    page = timeline.list_events(session, project_id, branch or MAIN, pages.page_request)
    names = timeline.character_names(session, page.rows[0].branch_id) if page.rows else {}
    return pages.answer(page, lambda row: EventAnswer.of(row, names))


@router.get("/timeline/{event_id}", responses=error_responses(404))
def get_timeline_event(event_id: RowId, session: ReadingSession, response: Response) -> EventAnswer:
    """An event of the timeline."""
    answer = _event_answer(session, timeline.find_row(session, StoryTimeline, event_id))
    set_etag(response, answer)
    return answer


@router.put("/timeline/{event_id}", responses=error_responses(400, 404, 412, 413, 415))
def change_timeline_event(
    event_id: RowId, body: EventChange, session: DatabaseSession, *, response: Response, if_match: IfMatch = None
) -> EventAnswer:
    """Change the fields that the body has, or the position."""
    with session.begin():
        event = timeline.find_row(session, StoryTimeline, event_id, lock=True)
        require_match(if_match, _event_answer(session, event))
        columns = _event_columns(session, body, branch_id=event.branch_id)
        position = body.position if "position" in body.model_fields_set else None
        answer = _event_answer(session, timeline.change_event(session, event, columns, position=position))
    set_etag(response, answer)
    return answer


@router.delete("/timeline/{event_id}", responses=error_responses(404))
def delete_timeline_event(event_id: RowId, session: DatabaseSession) -> DeletedStoryItem:
    """Delete an event and the facts that start with it."""
    with session.begin():
        timeline.delete_event(session, timeline.find_row(session, StoryTimeline, event_id, lock=True))
    return DeletedStoryItem(id=event_id)


@router.post("/context", status_code=201, responses=error_responses(400, 404, 413, 415))
def add_fact(body: NewFact, session: DatabaseSession, response: Response) -> FactAnswer:
    """Add a fact that is true from an event on, on the event's branch."""
    with session.begin():
        event = timeline.find_row(session, StoryTimeline, body.event_id, lock=True)
        answer = FactAnswer.of(timeline.add_fact(session, event, _fact_columns(session, body, event.branch_id)))
    set_etag(response, answer)
    return answer


@router.get("/context", responses=error_responses(404))
def list_context(
    project_id: ProjectQuery,
    session: ReadingSession,
    pages: Pages,
    branch: BranchQuery = None,
    event_id: Annotated[
        int | None, Query(ge=1, le=MAX_ID, description="Only facts that are true at this event.")
    ] = None,
) -> list[FactAnswer]:
    """The facts of the story, in the order of creation."""
    page = timeline.list_facts(session, project_id, branch or MAIN, at_event=event_id, page_request=pages.page_request)
    return pages.answer(page, FactAnswer.of)


@router.get("/context/{fact_id}", responses=error_responses(404))
def get_fact(fact_id: RowId, session: ReadingSession, response: Response) -> FactAnswer:
    """A fact of the story."""
    answer = FactAnswer.of(timeline.find_row(session, StorylineContext, fact_id))
    set_etag(response, answer)
    return answer


@router.put("/context/{fact_id}", responses=error_responses(400, 404, 412, 413, 415))
def change_fact(
    fact_id: RowId, body: FactChange, session: DatabaseSession, *, response: Response, if_match: IfMatch = None
) -> FactAnswer:
    """Change the fields that the body has."""
    with session.begin():
        fact = timeline.find_row(session, StorylineContext, fact_id, lock=True)
        require_match(if_match, FactAnswer.of(fact))
        answer = FactAnswer.of(timeline.change_fact(session, fact, _fact_columns(session, body, fact.branch_id)))
    set_etag(response, answer)
    return answer


@router.delete("/context/{fact_id}", responses=error_responses(404))
def delete_fact(fact_id: RowId, session: DatabaseSession) -> DeletedStoryItem:
    """Delete a fact."""
    with session.begin():
        session.delete(timeline.find_row(session, StorylineContext, fact_id, lock=True))
    return DeletedStoryItem(id=fact_id)


def _event_answer(session: Session, row: StoryTimeline) -> EventAnswer:
    return EventAnswer.of(row, timeline.character_names(session, row.branch_id))


def _event_columns(session: Session, body: EventFields, *, branch_id: int) -> dict[str, Any]:
    given = body.model_dump(exclude_unset=True)
    columns: dict[str, Any] = {name: given[name] for name in ("story_time", "title", "description") if name in given}
    if "scene_id" in given:
        columns["scene_key"] = timeline.find_scene_key(session, given["scene_id"], branch_id=branch_id)
    if "characters" in given:
        columns["character_keys"] = timeline.character_keys(session, given["characters"], branch_id=branch_id)
    return columns


def _fact_columns(session: Session, body: FactChange, branch_id: int) -> dict[str, Any]:
    given = body.model_dump(exclude_unset=True)
    columns: dict[str, Any] = {
        name: given[name] for name in ("kind", "subject", "statement", "prompt_terms") if name in given
    }
    if "until_event_id" in given:
        until = given["until_event_id"]
        columns["until_event_key"] = (
            None if until is None else timeline.find_event(session, until, branch_id=branch_id).key
        )
    return columns
