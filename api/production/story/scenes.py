"""Scenes: create, list, change, reorder and copy them on any branch; every edit is a commit."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Query
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from api.errors import error_responses
from api.http.dependencies import ReadingSession
from api.http.etags import IfMatch
from api.http.field_types import AtQuery, BranchQuery, ProjectQuery, RowId
from api.http.paging import MAX_ID, Pages
from api.http.strict_routes import strict_router
from api.production.story.scene_bodies import (
    NewScene,
    SceneAnswer,
    SceneChange,
    SceneCopy,
    SceneEdited,
    SceneFields,
    SceneOrder,
    to_answers,
)
from api.versions.editing import DeletedEntity, Editing, answer_edit, change_entity, delete_entity
from api.versions.entity_history import EntityVersion
from api.versions.reading import Reading, list_present_or_past, list_versions, read_entity
from api.versions.resources import VersionedResource
from db.models.characters import Character
from db.models.scenes import Scene, SceneStatus
from tower.settings import Settings
from tower.story import entities, media_references, scenes
from tower.story.entities import LocatedRow
from tower.versions import changes
from tower.versions.branches import MAIN

router = strict_router(prefix="/api/anime", tags=["scenes"])
SCENES = VersionedResource(Scene, to_answers, SceneEdited, f"{router.prefix}/scenes")


@router.post("/scenes", status_code=201, responses=error_responses(400, 404, 409, 413, 415))
def create_scene(body: NewScene, edit: Editing) -> SceneEdited:
    """Create a scene. The first scene activates a draft project."""
    session, branch = edit.session, body.branch_name or MAIN
    with session.begin():
        fields = _checked_columns(session, body, edit.settings, project_id=body.project_id, branch=branch)
        on = entities.lock_branch(session, body.project_id, branch)
        if body.scene_number is None:
            fields["scene_number"] = scenes.next_scene_number(session, on)
        made = entities.insert_entity(session, Scene, fields, head=on, note=edit.make_note(body))
    return answer_edit(SCENES, edit, made, is_new=True)


@router.get("/scenes", responses=error_responses(404))
def list_scenes(
    project_id: ProjectQuery,
    session: ReadingSession,
    pages: Pages,
    *,
    branch: BranchQuery = None,
    at: AtQuery = None,
    episode_id: uuid.UUID | None = None,
    status: SceneStatus | None = None,
    character_id: Annotated[int | None, Query(ge=1, le=MAX_ID, description="Only scenes with this character.")] = None,
) -> list[SceneAnswer]:
    """The scenes of a project by number. Filters apply to the current state; `at` lists a whole past state."""

    def conditions() -> Iterator[ColumnElement[bool]]:
        if episode_id is not None:
            yield Scene.episode_key == episode_id
        if status is not None:
            yield Scene.status == status
        if character_id is not None:
            character = entities.find_entity(session, Character, character_id, project_id=project_id)
            yield Scene.characters.contains([{"key": str(character.row.key)}])

    return list_present_or_past(
        SCENES,
        session,
        pages,
        project_id=project_id,
        branch=branch,
        at=at,
        where=conditions(),
        order=Scene.scene_number,
    )


@router.post("/scenes/reorder", responses=error_responses(400, 404, 413, 415))
def reorder_scenes(body: SceneOrder, edit: Editing) -> list[SceneAnswer]:
    """Renumber all scenes of a branch in one commit. Answers the first 200 in their new order."""
    session, branch = edit.session, body.branch_name or MAIN
    with session.begin():
        note = edit.make_note(body)
        scenes.reorder_scenes(session, body.scene_ids, project_id=body.project_id, branch=branch, note=note)
        rows = entities.select_on_branch(session, Scene, project_id=body.project_id, branch=branch)
        ordered = session.scalars(rows.order_by(Scene.scene_number).limit(200)).all()
        return to_answers(session, entities.locate_rows(session, ordered))


@router.get("/scenes/{scene_id}", responses=error_responses(404))
def get_scene(scene_id: RowId, read: Reading) -> SceneAnswer:
    """A scene; `branch` reads another branch, `at` a past state."""
    return read_entity(SCENES, read, scene_id)


@router.put("/scenes/{scene_id}", responses=error_responses(400, 404, 409, 412, 413, 415))
def change_scene(scene_id: RowId, body: SceneChange, edit: Editing, if_match: IfMatch = None) -> SceneEdited:
    """Change the fields that the body has."""

    def fields(found: LocatedRow[Scene]) -> dict[str, Any]:
        return _checked_columns(edit.session, body, edit.settings, project_id=found.project_id, branch=found.branch)

    find = edit.finder(Scene, scene_id, body.branch_name)
    return change_entity(SCENES, edit, body, find=find, if_match=if_match, fields=fields)


@router.delete("/scenes/{scene_id}", responses=error_responses(404))
def delete_scene(scene_id: RowId, edit: Editing, branch: BranchQuery = None) -> DeletedEntity:
    """Delete a scene from its branch or from `branch`. Its history and its takes stay."""
    return delete_entity(edit, edit.finder(Scene, scene_id, branch))


@router.post("/scenes/{scene_id}/duplicate", status_code=201, responses=error_responses(400, 404, 409, 413, 415))
def duplicate_scene(scene_id: RowId, body: SceneCopy, edit: Editing) -> SceneEdited:
    """Copy a scene without its video."""
    with edit.session.begin():
        found = edit.find(Scene, scene_id, body.branch_name)
        copied = scenes.duplicate_scene(edit.session, found, number=body.scene_number, note=edit.make_note(body))
    return answer_edit(SCENES, edit, copied, is_new=True)


@router.get("/scenes/{scene_id}/versions", responses=error_responses(404))
def scene_versions(
    scene_id: RowId, session: ReadingSession, pages: Pages, branch: BranchQuery = None
) -> list[EntityVersion]:
    """Every past state, newest first, with the commits that made them."""
    return list_versions(session, Scene, scene_id, branch=branch, pages=pages)


def _checked_columns(
    session: Session, body: SceneFields, settings: Settings, *, project_id: int, branch: str
) -> dict[str, Any]:
    fields = media_references.resolve_files(body.to_columns(), settings)
    scenes.check_style(session, fields.get("style"), project_id=project_id)
    if "characters" in fields:
        fields["characters"] = changes.parse_cast(
            session, project_id=project_id, branch=branch, names=fields["characters"]
        )
    return fields
