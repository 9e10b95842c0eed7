"""Scenes: create, list, change, reorder and copy them on any branch; every edit is a commit."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query, Response
from sqlalchemy.orm import Session

from api.errors import error_responses
from api.http.authors import Author
from api.http.dependencies import DatabaseSession, ReadingSession
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
)
from api.versions.answers import refuse_branch_with_at
from api.versions.editing import DeletedEntity, Editing, answer_edit, change_entity, delete_entity
from api.versions.entity_history import EntityVersion
from api.versions.reading import list_entities, list_past, list_versions, read_entity
from db.models.characters import Character
from db.models.scenes import Scene, SceneStatus
from tower.settings import Settings
from tower.story import entities, media_references, scenes
from tower.story.entities import CommitNote, LocatedRow, PastEntity
from tower.versions import changes, history
from tower.versions.branches import MAIN
from tower.versions.kinds import Kind

router = strict_router(prefix="/api/anime", tags=["scenes"])


@router.post("/scenes", status_code=201, responses=error_responses(400, 404, 409, 413, 415))
def create_scene(body: NewScene, session: DatabaseSession, edit: Editing) -> SceneEdited:
    """Create a scene. The first scene activates a draft project."""
    branch = body.branch_name or MAIN
    with session.begin():
        fields = _checked_columns(session, body, edit.settings, project_id=body.project_id, branch=branch)
        del fields["project_id"]
        on = entities.lock_branch(session, body.project_id, branch)
        if body.scene_number is None:
            fields["scene_number"] = scenes.next_scene_number(session, on)
        made = entities.insert_entity(session, Scene, fields, head=on, note=edit.make_note(body))
    return _answer_new(session, made, edit)


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
    refuse_branch_with_at(branch, at)
    if at is not None:
        return list_past(session, Kind.SCENES, project_id=project_id, at=at, pages=pages, to_answers=_answers)
    branch = branch or MAIN
    rows = entities.select_on_branch(session, Scene, project_id=project_id, branch=branch)
    if episode_id is not None:
        rows = rows.where(Scene.episode_key == episode_id)
    if status is not None:
        rows = rows.where(Scene.status == status)
    if character_id is not None:
        character = entities.find_entity(session, Character, character_id, project_id=project_id)
        rows = rows.where(Scene.characters.contains([{"key": str(character.row.key)}]))
    return list_entities(
        session, rows, Scene.scene_number, project_id=project_id, branch=branch, pages=pages, to_answers=_answers
    )


@router.post("/scenes/reorder", responses=error_responses(400, 404, 413, 415))
def reorder_scenes(body: SceneOrder, session: DatabaseSession, author: Author) -> list[SceneAnswer]:
    """Renumber all scenes of a branch in one commit. Answers the first 200 in their new order."""
    branch = body.branch_name or MAIN
    with session.begin():
        note = CommitNote(author, body.message)
        scenes.reorder_scenes(session, body.scene_ids, project_id=body.project_id, branch=branch, note=note)
        rows = entities.select_on_branch(session, Scene, project_id=body.project_id, branch=branch)
        ordered = session.scalars(rows.order_by(Scene.scene_number).limit(200)).all()
        return _answers(session, [LocatedRow(row, body.project_id, branch) for row in ordered])


@router.get("/scenes/{scene_id}", responses=error_responses(404))
def get_scene(
    scene_id: RowId, session: ReadingSession, response: Response, branch: BranchQuery = None, at: AtQuery = None
) -> SceneAnswer:
    """A scene; `branch` reads another branch, `at` a past state."""
    return read_entity(session, Scene, scene_id, branch=branch, at=at, response=response, to_answers=_answers)


@router.put("/scenes/{scene_id}", responses=error_responses(400, 404, 409, 412, 413, 415))
def change_scene(
    scene_id: RowId, body: SceneChange, session: DatabaseSession, edit: Editing, if_match: IfMatch = None
) -> SceneEdited:
    """Change the fields that the body has."""

    def fields(found: LocatedRow[Scene]) -> dict[str, Any]:
        return _checked_columns(session, body, edit.settings, project_id=found.project_id, branch=found.branch)

    return change_entity(
        session,
        edit,
        find=lambda: entities.find_entity(session, Scene, scene_id, branch=body.branch_name, lock=True),
        if_match=if_match,
        fields=fields,
        note=edit.make_note(body),
        to_answers=_answers,
        answer_as=SceneEdited,
    )


@router.delete("/scenes/{scene_id}", responses=error_responses(404))
def delete_scene(scene_id: RowId, session: DatabaseSession, edit: Editing, branch: BranchQuery = None) -> DeletedEntity:
    """Delete a scene from its branch or from `branch`. Its history and its takes stay."""
    return delete_entity(
        session, edit, find=lambda: entities.find_entity(session, Scene, scene_id, branch=branch, lock=True)
    )


@router.post("/scenes/{scene_id}/duplicate", status_code=201, responses=error_responses(400, 404, 409, 413, 415))
def duplicate_scene(scene_id: RowId, body: SceneCopy, session: DatabaseSession, edit: Editing) -> SceneEdited:
    """Copy a scene without its video."""
    with session.begin():
        found = entities.find_entity(session, Scene, scene_id, branch=body.branch_name, lock=True)
        copied = scenes.duplicate_scene(session, found, number=body.scene_number, note=edit.make_note(body))
    return _answer_new(session, copied, edit)


@router.get("/scenes/{scene_id}/versions", responses=error_responses(404))
def scene_versions(
    scene_id: RowId, session: ReadingSession, pages: Pages, branch: BranchQuery = None
) -> list[EntityVersion]:
    """Every past state, newest first, with the commits that made them."""
    return list_versions(session, Scene, scene_id, branch=branch, pages=pages)


def _answer_new(session: Session, made: LocatedRow[Scene], edit: Editing) -> SceneEdited:
    """A new scene has no take, so none is stale."""
    location = f"{router.prefix}/scenes"
    return answer_edit(session, made, edit, to_answers=_answers, answer_as=SceneEdited, location=location)


def _answers(session: Session, found: Sequence[LocatedRow[Scene]] | Sequence[PastEntity]) -> list[SceneAnswer]:
    if not found:
        return []
    names = _names(session, found)
    return [SceneAnswer.of(entity, names) for entity in found]


def _names(session: Session, found: Sequence[LocatedRow[Scene]] | Sequence[PastEntity]) -> scenes.NamesByKey:
    """The names of all characters in the scenes, which are all of one branch or one past state."""
    first = found[0]
    if isinstance(first, LocatedRow):
        return scenes.character_names(session, [entity.fields for entity in found], branch_id=first.row.branch_id)
    by_key = history.entities_at(session, first.project_id, first.at, Kind.CHARACTERS)
    return {key: fields["name"] for key, fields in by_key.items()}


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
