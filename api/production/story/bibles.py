"""The bible of a project, one per branch; every edit is a commit."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.errors import error_responses
from api.http.dependencies import DatabaseSession, ReadingSession
from api.http.etags import IfMatch
from api.http.field_types import AtQuery, BranchQuery, EditFields, OpenObject, Title
from api.http.paging import Pages
from api.http.strict_routes import strict_router
from api.production.story.projects import ProjectId
from api.versions.answers import StaleScenes, Versioned, refuse_branch_with_at, version_fields
from api.versions.editing import Editing, answer_edit, change_entity
from api.versions.reading import with_etag
from db.models.bibles import BibleHistory, BiblePart, ProjectBible
from db.models.versions import Commit
from tower.story import bibles, entities
from tower.story.entities import CommitNote, LocatedRow, PastEntity
from tower.versions.branches import MAIN
from tower.versions.kinds import BIBLE_KEY

router = strict_router(prefix="/api/anime", tags=["bible"])

STYLE_EXAMPLE: JsonValue = {
    "title": "My Anime Bible",
    "description": "Character and world definitions",
    "visual_style": {"theme": "cyberpunk"},
    "world_setting": {"era": "2077"},
}
CONTENT_EXAMPLE: JsonValue = {
    "title": "Project Bible v1.0",
    "description": "Complete narrative guide",
    "content": {"world_building": "Fantasy realm with magic system", "character_arcs": {}, "plot_outline": []},
}
EDIT_FIELD_NAMES = set(EditFields.model_fields)


class BibleBody(EditFields):
    model_config = ConfigDict(json_schema_extra={"examples": [STYLE_EXAMPLE, CONTENT_EXAMPLE]})

    title: Title
    description: Annotated[str, StringConstraints(min_length=1, max_length=2000)]
    visual_style: OpenObject = Field(default_factory=dict)
    world_setting: OpenObject = Field(default_factory=dict)
    narrative_guidelines: OpenObject = Field(default_factory=dict)
    content: OpenObject = Field(default_factory=dict, description="Your own chapters.")


class BibleAnswer(Versioned):
    title: str
    description: str
    visual_style: dict[str, Any]
    world_setting: dict[str, Any]
    narrative_guidelines: dict[str, Any]
    content: dict[str, Any]

    @classmethod
    def of(cls, entity: LocatedRow[ProjectBible] | PastEntity) -> Self:
        return cls.model_validate({**entity.fields, **version_fields(entity)})


class BibleEdited(BibleAnswer, StaleScenes):
    """The bible after the edit. It affects no picture, so `stale_scenes` is empty."""


class BibleChange(BaseModel):
    """A change to the bible, or to a character in it."""

    id: int
    part: BiblePart
    part_key: uuid.UUID
    before: dict[str, Any] | None = Field(description="Null if the commit added it.")
    after: dict[str, Any] | None = Field(description="Null if the commit removed it.")
    commit: str = Field(description="Hash of the commit.")
    message: str
    author: str
    created_at: datetime

    @classmethod
    def of(cls, row: BibleHistory, commit: Commit) -> Self:
        same = ("id", "part", "part_key", "before", "after", "author", "created_at")
        fields: dict[str, Any] = {name: getattr(row, name) for name in same}
        return cls(**fields, commit=commit.hash, message=commit.message)


@router.post("/projects/{project_id}/bible", status_code=201, responses=error_responses(400, 404, 409, 413, 415))
def create_bible(project_id: ProjectId, body: BibleBody, session: DatabaseSession, edit: Editing) -> BibleEdited:
    """Create the bible. A branch has at most one, so a second one is refused."""
    with session.begin():
        on = entities.lock_branch(session, project_id, body.branch_name or MAIN)
        bibles.check_no_bible(session, on)
        note = _note(edit.author, body)
        made = entities.insert_entity(session, ProjectBible, _columns(body), head=on, note=note, key=BIBLE_KEY)
    return answer_edit(session, made, edit, to_answers=_answers, answer_as=BibleEdited)


@router.get("/projects/{project_id}/bible", responses=error_responses(404))
def get_bible(
    project_id: ProjectId, session: ReadingSession, response: Response, branch: BranchQuery = None, at: AtQuery = None
) -> BibleAnswer:
    """The bible; `branch` reads another branch, `at` a past state."""
    refuse_branch_with_at(branch, at)
    bible: LocatedRow[ProjectBible] | PastEntity
    if at is None:
        bible = bibles.find_bible(session, project_id, branch or MAIN)
    else:
        bible = entities.find_past_by_key(session, ProjectBible, BIBLE_KEY, project_id=project_id, ref=at)
    return with_etag(response, BibleAnswer.of(bible))


@router.put("/projects/{project_id}/bible", responses=error_responses(400, 404, 412, 413, 415))
def replace_bible(
    project_id: ProjectId, body: BibleBody, session: DatabaseSession, edit: Editing, if_match: IfMatch = None
) -> BibleEdited:
    """Replace the whole bible: a field that is left out becomes empty. Its characters stay."""
    return change_entity(
        session,
        edit,
        find=lambda: bibles.find_bible(session, project_id, body.branch_name or MAIN, lock=True),
        if_match=if_match,
        fields=lambda _: _columns(body),
        note=_note(edit.author, body),
        to_answers=_answers,
        answer_as=BibleEdited,
    )


@router.get("/projects/{project_id}/bible/history", responses=error_responses(404))
def bible_history(
    project_id: ProjectId,
    session: ReadingSession,
    pages: Pages,
    branch: BranchQuery = None,
    part: BiblePart | None = None,
) -> list[BibleChange]:
    """Each change to the bible and its characters on a branch, newest first, with the earlier content."""
    page = bibles.list_changes(session, project_id, branch or MAIN, part=part, page_request=pages.page_request)
    ids = {row.commit_id for row in page.rows}
    commits = {commit.id: commit for commit in session.scalars(select(Commit).where(Commit.id.in_(ids)))}
    return pages.answer(page, lambda row: BibleChange.of(row, commits[row.commit_id]))


def _columns(body: BibleBody) -> dict[str, Any]:
    return body.model_dump(exclude=EDIT_FIELD_NAMES)


def _note(author: str, body: BibleBody) -> CommitNote:
    return CommitNote(author, body.message or f"Wrote the bible {body.title}")


def _answers(_: Session, found: Sequence[LocatedRow[ProjectBible]]) -> list[BibleAnswer]:
    return [BibleAnswer.of(bible) for bible in found]
