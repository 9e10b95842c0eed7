"""The bible of a project: one on each branch; every edit is a commit."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.errors import documented
from api.http.authors import Author
from api.http.dependencies import DatabaseSession, ReadingSession
from api.http.etags import IfMatch, require_match, tagged
from api.http.paging import Pages
from api.http.strict_routes import strict_router
from api.production.field_types import AtQuery, BranchQuery, Edit, OpenObject, Title
from api.production.story.projects import ProjectId
from api.production.versions.answers import Touching, Versioned, one_time, past_place, place_of
from db.models.bibles import BibleHistory, BiblePart, ProjectBible
from db.models.versions import Commit
from tower.story import bibles, entities
from tower.story.entities import Found
from tower.versions import editing, history
from tower.versions.branches import MAIN
from tower.versions.kinds import BIBLE_KEY, Kind

router = strict_router(prefix="/api/anime", tags=["bible"])

FIRST: JsonValue = {
    "title": "My Anime Bible",
    "description": "Character and world definitions",
    "visual_style": {"theme": "cyberpunk"},
    "world_setting": {"era": "2077"},
}
SECOND: JsonValue = {
    "title": "Project Bible v1.0",
    "description": "Complete narrative guide",
    "content": {"world_building": "Fantasy realm with magic system", "character_arcs": {}, "plot_outline": []},
}
EDIT = set(Edit.model_fields)


class BibleBody(Edit):
    model_config = ConfigDict(json_schema_extra={"examples": [FIRST, SECOND]})

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
    def of(cls, fields: Mapping[str, Any], place: Mapping[str, Any]) -> Self:
        return cls.model_validate({**fields, **place})


class BibleEdited(BibleAnswer, Touching):
    """The bible after the edit. It is no part of a picture: `stale_scenes` is empty."""


class BibleChange(BaseModel):
    """A change to the bible, or to a character in it."""

    id: int
    part: BiblePart
    part_key: uuid.UUID
    before: dict[str, Any] | None = Field(description="Null: it was added.")
    after: dict[str, Any] | None = Field(description="Null: it was removed.")
    commit: str = Field(description="Hash of the commit.")
    message: str
    author: str
    created_at: datetime

    @classmethod
    def of(cls, row: BibleHistory, commit: Commit) -> Self:
        same = ("id", "part", "part_key", "before", "after", "author", "created_at")
        shown: dict[str, Any] = {name: getattr(row, name) for name in same}
        return cls(**shown, commit=commit.hash, message=commit.message)


@router.post("/projects/{project_id}/bible", status_code=201, responses=documented(400, 404, 409, 413, 415))
def create_bible(
    project_id: ProjectId, body: BibleBody, session: DatabaseSession, author: Author, response: Response
) -> BibleEdited:
    """Begin the bible. There is one a branch: a second one is refused."""
    with session.begin():
        bibles.refuse_second(session, entities.held(session, project_id, body.branch_name or MAIN))
        answer = _write(session, project_id, body, author)
    tagged(response, answer)
    return BibleEdited(**answer.model_dump(), stale_scenes=[])


@router.get("/projects/{project_id}/bible", responses=documented(404))
def get_bible(
    project_id: ProjectId, session: ReadingSession, response: Response, branch: BranchQuery = None, at: AtQuery = None
) -> BibleAnswer:
    """The bible; `at` shows it as it was."""
    one_time(branch, at)
    if at is None:
        answer = _answer(bibles.find(session, project_id, branch or MAIN))
    else:
        fields = history.entity_at(session, project_id, at, Kind.BIBLE, key=BIBLE_KEY)
        answer = BibleAnswer.of(fields, past_place(project_id, BIBLE_KEY, at))
    tagged(response, answer)
    return answer


@router.put("/projects/{project_id}/bible", responses=documented(400, 404, 412, 413, 415))
def replace_bible(
    project_id: ProjectId,
    body: BibleBody,
    session: DatabaseSession,
    author: Author,
    *,
    response: Response,
    if_match: IfMatch = None,
) -> BibleEdited:
    """Replace it as a whole: what is left out is empty afterwards. Its characters stay."""
    with session.begin():
        found = bibles.find(session, project_id, body.branch_name or MAIN, to_change=True)
        require_match(if_match, _answer(found))
        answer = _write(session, project_id, body, author)
    tagged(response, answer)
    return BibleEdited(**answer.model_dump(), stale_scenes=[])


@router.get("/projects/{project_id}/bible/history", responses=documented(404))
def bible_history(
    project_id: ProjectId,
    session: ReadingSession,
    pages: Pages,
    branch: BranchQuery = None,
    part: BiblePart | None = None,
) -> list[BibleChange]:
    """Each change to the bible and to its characters on a branch, newest first, with what was there before."""
    page = bibles.history(session, project_id, branch or MAIN, part=part, wanted=pages.wanted)
    ids = {row.commit_id for row in page.rows}
    commits = {commit.id: commit for commit in session.scalars(select(Commit).where(Commit.id.in_(ids)))}
    return pages.answer(page, lambda row: BibleChange.of(row, commits[row.commit_id]))


def _write(session: Session, project_id: int, body: BibleBody, author: str) -> BibleAnswer:
    branch = body.branch_name or MAIN
    message = body.message or f"Wrote the bible {body.title}"
    edits = [editing.Edit(Kind.BIBLE, BIBLE_KEY, body.model_dump(exclude=EDIT))]
    editing.commit(session, project_id=project_id, branch=branch, edits=edits, message=message, author=author)
    return _answer(bibles.find(session, project_id, branch))


def _answer(found: Found[ProjectBible]) -> BibleAnswer:
    return BibleAnswer.of(found.fields, place_of(found.row, found.branch))
