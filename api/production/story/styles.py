"""Style templates: built-in ones, and a project's own on each branch; every edit is a commit."""

from __future__ import annotations

from functools import partial

from fastapi import Response
from sqlalchemy import or_, select

from api.errors import error_responses
from api.http.dependencies import ReadingSession
from api.http.etags import IfMatch
from api.http.field_types import BranchQuery, ProjectQuery, RowId
from api.http.paging import Pages
from api.http.strict_routes import strict_router
from api.production.story.style_bodies import NewStyle, StyleAnswer, StyleChange, StyleEdited, to_answers
from api.versions.editing import (
    DeletedEntity,
    EditContext,
    Editing,
    change_entity,
    create_entity,
    delete_entity,
)
from api.versions.reading import with_etag
from api.versions.resources import EntityResource
from db.models.styles import StyleTemplate
from tower.errors import ConflictError
from tower.pages import fetch_page
from tower.story import entities
from tower.story.entities import LocatedRow
from tower.versions import branches
from tower.versions.branches import MAIN

router = strict_router(prefix="/api/anime", tags=["styles"])
STYLES = EntityResource(StyleTemplate, to_answers, StyleEdited, f"{router.prefix}/styles")


@router.post("/styles", status_code=201, responses=error_responses(400, 404, 409, 413, 415))
def create_style(body: NewStyle, edit: Editing) -> StyleEdited:
    """Create a style in a project. It replaces a built-in style of the same name there."""
    return create_entity(STYLES, edit, body, project_id=body.project_id, fields=body.sent_fields)


@router.get("/styles", responses=error_responses(404))
def list_styles(
    session: ReadingSession, pages: Pages, project_id: ProjectQuery | None = None, branch: BranchQuery = None
) -> list[StyleAnswer]:
    """The built-in styles, and with `project_id` the project's own styles too."""
    own = None if project_id is None else branches.find(session, project_id, branch or MAIN)
    branch_ids = [] if own is None else [own.id]
    visible = or_(StyleTemplate.branch_id.is_(None), StyleTemplate.branch_id.in_(branch_ids))
    page = fetch_page(session, select(StyleTemplate).where(visible), StyleTemplate.id, page=pages.page_request)
    return pages.answer(page, lambda row: StyleAnswer.of(row, own.name if own is not None and row.branch_id else None))


@router.get("/styles/{style_id}", responses=error_responses(404))
def get_style(style_id: RowId, session: ReadingSession, response: Response, branch: BranchQuery = None) -> StyleAnswer:
    """A style template."""
    built_in = session.get(StyleTemplate, style_id)
    if built_in is not None and built_in.project_id is None:
        return with_etag(response, StyleAnswer.of(built_in, None))
    found = entities.find_entity(session, StyleTemplate, style_id, branch=branch)
    return with_etag(response, StyleAnswer.of(found.row, found.branch))


@router.put("/styles/{style_id}", responses=error_responses(400, 404, 409, 412, 413, 415))
def change_style(style_id: RowId, body: StyleChange, edit: Editing, if_match: IfMatch = None) -> StyleEdited:
    """Change fields of a project's own style."""
    find = partial(_find_to_change, edit, style_id, body.branch_name)
    return change_entity(STYLES, edit, body, find=find, if_match=if_match, fields=lambda _: body.sent_fields())


@router.delete("/styles/{style_id}", responses=error_responses(404, 409))
def delete_style(style_id: RowId, edit: Editing, branch: BranchQuery = None) -> DeletedEntity:
    """Delete a project's own style from its branch or from `branch`."""
    return delete_entity(edit, partial(_find_to_change, edit, style_id, branch))


def _find_to_change(edit: EditContext, style_id: int, branch: str | None) -> LocatedRow[StyleTemplate]:
    """The style to change. Raises ConflictError for a built-in style."""
    row = edit.session.get(StyleTemplate, style_id)
    if row is not None and row.project_id is None:
        raise ConflictError(f"The style {row.name} is built in: create your own style with this name instead")
    return edit.find(StyleTemplate, style_id, branch)
