"""Style templates: built-in ones, and a project's own on each branch; every edit is a commit."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

from fastapi import Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from api.errors import error_responses
from api.http.dependencies import DatabaseSession, ReadingSession
from api.http.etags import IfMatch
from api.http.field_types import BranchQuery, EditFields, Name, ProjectQuery, RowId, Text
from api.http.paging import Pages
from api.http.strict_routes import strict_router
from api.versions.answers import StaleScenes
from api.versions.editing import DeletedEntity, Editing, change_entity, create_entity, delete_entity
from api.versions.reading import with_etag
from db.models.styles import StyleTemplate
from tower.errors import ConflictError
from tower.pages import fetch_page
from tower.presets.styles import SamplerSettings
from tower.story import entities
from tower.story.entities import LocatedRow
from tower.versions import branches
from tower.versions.branches import MAIN

router = strict_router(prefix="/api/anime", tags=["styles"])

EXAMPLE: JsonValue = {"project_id": 1, "name": "rainy neon", "prompt": "neon reflections, heavy rain, night"}


class StyleFields(EditFields):
    description: Text = ""
    negative_prompt: Text = Field("", description="Added to the negative prompt.")
    sampler_settings: SamplerSettings = Field(default_factory=SamplerSettings)


class NewStyle(StyleFields):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    project_id: RowId
    name: Name = Field(description="The value of a generation's `style`.")
    prompt: Text = Field(description="Added to the positive prompt.")


class StyleChange(StyleFields):
    """A field that is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"negative_prompt": "daylight"}]})

    name: Name = Field(default_factory=str)
    prompt: Text = Field(default_factory=str)


class StyleAnswer(BaseModel):
    id: int
    project_id: int | None = Field(description="Null for a built-in style.")
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


class StyleEdited(StyleAnswer, StaleScenes):
    """The style after the edit."""


@router.post("/styles", status_code=201, responses=error_responses(400, 404, 409, 413, 415))
def create_style(body: NewStyle, session: DatabaseSession, edit: Editing) -> StyleEdited:
    """Create a style in a project. It replaces a built-in style of the same name there."""
    fields = body.sent_fields()
    del fields["project_id"]
    return create_entity(
        session,
        StyleTemplate,
        edit,
        project_id=body.project_id,
        branch=body.branch_name,
        fields=lambda: fields,
        note=edit.make_note(body),
        to_answers=_answers,
        answer_as=StyleEdited,
        location=f"{router.prefix}/styles",
    )


@router.get("/styles", responses=error_responses(404))
def list_styles(
    session: ReadingSession, pages: Pages, project_id: ProjectQuery | None = None, branch: BranchQuery = None
) -> list[StyleAnswer]:
    """The built-in styles, and with `project_id` the project's own styles too."""
    branch_ids: Sequence[int] = []
    if project_id is not None:
        branch_ids = [branches.find(session, project_id, branch or MAIN).id]
    rows = select(StyleTemplate).where(or_(StyleTemplate.branch_id.is_(None), StyleTemplate.branch_id.in_(branch_ids)))
    page = fetch_page(session, rows, StyleTemplate.id, page=pages.page_request)
    return pages.answer(page, lambda row: StyleAnswer.of(row, None if row.branch_id is None else branch or MAIN))


@router.get("/styles/{style_id}", responses=error_responses(404))
def get_style(style_id: RowId, session: ReadingSession, response: Response, branch: BranchQuery = None) -> StyleAnswer:
    """A style template."""
    built_in = session.get(StyleTemplate, style_id)
    if built_in is not None and built_in.project_id is None:
        return with_etag(response, StyleAnswer.of(built_in, None))
    found = entities.find_entity(session, StyleTemplate, style_id, branch=branch)
    return with_etag(response, StyleAnswer.of(found.row, found.branch))


@router.put("/styles/{style_id}", responses=error_responses(400, 404, 409, 412, 413, 415))
def change_style(
    style_id: RowId, body: StyleChange, session: DatabaseSession, edit: Editing, if_match: IfMatch = None
) -> StyleEdited:
    """Change fields of a project's own style."""
    return change_entity(
        session,
        edit,
        find=lambda: _find_to_change(session, style_id, body.branch_name),
        if_match=if_match,
        fields=lambda _: body.sent_fields(),
        note=edit.make_note(body),
        to_answers=_answers,
        answer_as=StyleEdited,
    )


@router.delete("/styles/{style_id}", responses=error_responses(404, 409))
def delete_style(style_id: RowId, session: DatabaseSession, edit: Editing, branch: BranchQuery = None) -> DeletedEntity:
    """Delete a project's own style from its branch or from `branch`."""
    return delete_entity(session, edit, find=lambda: _find_to_change(session, style_id, branch))


def _find_to_change(session: Session, style_id: int, branch: str | None) -> LocatedRow[StyleTemplate]:
    """The style to change. Raises ConflictError for a built-in style."""
    row = session.get(StyleTemplate, style_id)
    if row is not None and row.project_id is None:
        raise ConflictError(f"The style {row.name} is built in: create your own style with this name instead")
    return entities.find_entity(session, StyleTemplate, style_id, branch=branch, lock=True)


def _answers(_: Session, found: Sequence[LocatedRow[StyleTemplate]]) -> list[StyleAnswer]:
    return [StyleAnswer.of(style.row, style.branch) for style in found]
