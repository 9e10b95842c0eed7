"""Style templates: those that come with Tower, and a project's own on each branch; every edit is a commit."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from sqlalchemy import or_, select

from api.errors import documented
from api.http.authors import Author
from api.http.dependencies import CurrentSettings, DatabaseSession, ReadingSession
from api.http.etags import IfMatch, require_match, tagged
from api.http.paging import Pages
from api.http.strict_routes import strict_router
from api.production.field_types import BranchQuery, Edit, Name, ProjectQuery, RowId, Text
from api.production.versions.answers import Touching, stale_after
from api.production.versions.deletion import Deleted, delete
from db.models.styles import StyleTemplate
from tower.errors import ConflictError
from tower.pages import page_of
from tower.presets.styles import SamplerSettings
from tower.story import entities
from tower.story.entities import Found, Note
from tower.versions import branches
from tower.versions.branches import MAIN

router = strict_router(prefix="/api/anime", tags=["styles"])

EXAMPLE: JsonValue = {"project_id": 1, "name": "rainy neon", "prompt": "neon reflections, heavy rain, night"}


class StyleFields(Edit):
    description: Text = ""
    negative_prompt: Text = Field("", description="Joined to the negative prompt.")
    sampler_settings: SamplerSettings = Field(default_factory=SamplerSettings)


class NewStyle(StyleFields):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    project_id: RowId
    name: Name = Field(description="What a generation's `style` says.")
    prompt: Text = Field(description="Joined to the positive prompt.")


class StyleChange(StyleFields):
    """What is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"negative_prompt": "daylight"}]})

    name: Name = Field(default_factory=str)
    prompt: Text = Field(default_factory=str)


class StyleAnswer(BaseModel):
    id: int
    project_id: int | None = Field(description="Null: it comes with Tower.")
    branch_name: str | None
    key: uuid.UUID
    version: int
    built_in: bool
    name: str
    description: str
    prompt: str
    negative_prompt: str
    sampler_settings: dict[str, Any]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: StyleTemplate, branch: str | None) -> Self:
        own = {"branch_name": branch, "built_in": row.project_id is None}
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields.keys() - own.keys()} | own)


class StyleEdited(StyleAnswer, Touching):
    """The style after the edit."""


@router.post("/styles", status_code=201, responses=documented(400, 404, 409, 413, 415))
def create_style(
    body: NewStyle, session: DatabaseSession, settings: CurrentSettings, author: Author, response: Response
) -> StyleEdited:
    """A style of the project's own. One that is called like a built-in one takes its place there."""
    fields = body.given()
    del fields["project_id"]
    with session.begin():
        on = entities.held(session, body.project_id, body.branch_name or MAIN)
        made = entities.create(session, StyleTemplate, fields, on=on, note=Note(author, body.message))
    answer = StyleAnswer.of(made.row, made.branch)
    stale = stale_after(session, made, settings)
    response.headers["Location"] = f"{router.prefix}/styles/{answer.id}"
    tagged(response, answer)
    return StyleEdited(**answer.model_dump(), stale_scenes=stale)


@router.get("/styles", responses=documented(404))
def list_styles(
    session: ReadingSession, pages: Pages, project_id: ProjectQuery | None = None, branch: BranchQuery = None
) -> list[StyleAnswer]:
    """The styles that come with Tower, and with `project_id` the project's own."""
    seen: Sequence[int] = []
    if project_id is not None:
        seen = [branches.find(session, project_id, branch or MAIN).id]
    rows = select(StyleTemplate).where(or_(StyleTemplate.branch_id.is_(None), StyleTemplate.branch_id.in_(seen)))
    page = page_of(session, rows, StyleTemplate.id, wanted=pages.wanted)
    return pages.answer(page, lambda row: StyleAnswer.of(row, None if row.branch_id is None else branch or MAIN))


@router.get("/styles/{style_id}", responses=documented(404))
def get_style(style_id: RowId, session: ReadingSession, response: Response, branch: BranchQuery = None) -> StyleAnswer:
    """A style template."""
    built_in = session.get(StyleTemplate, style_id)
    if built_in is not None and built_in.project_id is None:
        answer = StyleAnswer.of(built_in, None)
    else:
        found = entities.find(session, StyleTemplate, style_id, branch=branch)
        answer = StyleAnswer.of(found.row, found.branch)
    tagged(response, answer)
    return answer


@router.put("/styles/{style_id}", responses=documented(400, 404, 409, 412, 413, 415))
def change_style(
    style_id: RowId,
    body: StyleChange,
    session: DatabaseSession,
    author: Author,
    *,
    settings: CurrentSettings,
    response: Response,
    if_match: IfMatch = None,
) -> StyleEdited:
    """Change some fields of a project's own style."""
    with session.begin():
        found = _own(session, style_id, body.branch_name)
        require_match(if_match, StyleAnswer.of(found.row, found.branch))
        before = found.fields
        changed = entities.change(session, found, body.given(), note=Note(author, body.message))
    answer = StyleAnswer.of(changed.row, changed.branch)
    stale = stale_after(session, changed, settings, before)
    tagged(response, answer)
    return StyleEdited(**answer.model_dump(), stale_scenes=stale)


@router.delete("/styles/{style_id}", responses=documented(404, 409))
def delete_style(
    style_id: RowId,
    session: DatabaseSession,
    settings: CurrentSettings,
    author: Author,
    branch: BranchQuery = None,
) -> Deleted:
    """Delete a project's own style from its branch (or `branch`)."""
    with session.begin():
        return delete(session, _own(session, style_id, branch), author=author, settings=settings)


def _own(session: DatabaseSession, style_id: int, branch: str | None) -> Found[StyleTemplate]:
    row = session.get(StyleTemplate, style_id)
    if row is not None and row.project_id is None:
        raise ConflictError(f"The style {row.name} comes with Tower: make one of your own with its name instead")
    return entities.find(session, StyleTemplate, style_id, branch=branch, to_change=True)
