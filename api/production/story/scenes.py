"""Scenes: make, list, change, order and copy them on any branch; every edit is a commit."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query, Response
from sqlalchemy.orm import Session

from api.errors import documented
from api.http.authors import Author
from api.http.dependencies import CurrentSettings, DatabaseSession, ReadingSession
from api.http.etags import IfMatch, require_match, tagged
from api.http.paging import LARGEST_ID, Pages, Paging
from api.http.strict_routes import strict_router
from api.production.field_types import AtQuery, BranchQuery, ProjectQuery, RowId
from api.production.story.scene_bodies import (
    NewScene,
    SceneAnswer,
    SceneChange,
    SceneCopy,
    SceneEdited,
    SceneFields,
    SceneOrder,
)
from api.production.versions.answers import one_time, past_place, place_of, stale_after
from api.production.versions.deletion import Deleted, delete
from api.production.versions.entity_history import EntityVersion
from db.models.characters import Character
from db.models.scenes import Scene, SceneStatus
from tower.errors import NotFoundError
from tower.pages import page_of, slice_of
from tower.settings import Settings
from tower.story import entities, media_references, scenes
from tower.story.entities import Found, Note
from tower.versions import changes, history
from tower.versions.branches import MAIN
from tower.versions.kinds import Fields, Kind

router = strict_router(prefix="/api/anime", tags=["scenes"])


@router.post("/scenes", status_code=201, responses=documented(400, 404, 409, 413, 415))
def create_scene(
    body: NewScene, session: DatabaseSession, settings: CurrentSettings, author: Author, response: Response
) -> SceneEdited:
    """A new scene. The first one makes a draft project active."""
    branch = body.branch_name or MAIN
    with session.begin():
        fields = _checked(session, body, settings, project_id=body.project_id, branch=branch)
        del fields["project_id"]
        on = entities.held(session, body.project_id, branch)
        if body.scene_number is None:
            fields["scene_number"] = scenes.next_number(session, on)
        made = entities.create(session, Scene, fields, on=on, note=Note(author, body.message))
    answer = _answer(session, made)
    response.headers["Location"] = f"{router.prefix}/scenes/{answer.id}"
    tagged(response, answer)
    return SceneEdited(**answer.model_dump(), stale_scenes=[])  # it has no take yet


@router.get("/scenes", responses=documented(404))
def list_scenes(
    project_id: ProjectQuery,
    session: ReadingSession,
    pages: Pages,
    *,
    branch: BranchQuery = None,
    at: AtQuery = None,
    episode_id: uuid.UUID | None = None,
    status: SceneStatus | None = None,
    character_id: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="Those it plays in.")] = None,
) -> list[SceneAnswer]:
    """The scenes of a project by number. Filters look at the present; `at` shows a whole past state."""
    one_time(branch, at)
    if at is not None:
        return _list_past(session, pages, project_id=project_id, at=at)
    rows = entities.on_branch(session, Scene, project_id=project_id, branch=branch or MAIN)
    if episode_id is not None:
        rows = rows.where(Scene.episode_key == episode_id)
    if status is not None:
        rows = rows.where(Scene.status == status)
    if character_id is not None:
        rows = rows.where(Scene.characters.contains([{"key": _character_key(session, character_id, project_id)}]))
    page = page_of(session, rows, Scene.scene_number, wanted=pages.wanted)
    pages.announce(page)
    return _answers(session, [Found(row, project_id, branch or MAIN) for row in page.rows])


@router.post("/scenes/reorder", responses=documented(400, 404, 413, 415))
def reorder_scenes(body: SceneOrder, session: DatabaseSession, author: Author) -> list[SceneAnswer]:
    """Number all scenes of a branch anew, in one commit. Answers the first 200 in their new order."""
    branch = body.branch_name or MAIN
    with session.begin():
        note = Note(author, body.message)
        scenes.reorder(session, body.scene_ids, project_id=body.project_id, branch=branch, note=note)
        rows = entities.on_branch(session, Scene, project_id=body.project_id, branch=branch)
        ordered = session.scalars(rows.order_by(Scene.scene_number).limit(200)).all()
        return _answers(session, [Found(row, body.project_id, branch) for row in ordered])


@router.get("/scenes/{scene_id}", responses=documented(404))
def get_scene(
    scene_id: RowId, session: ReadingSession, response: Response, branch: BranchQuery = None, at: AtQuery = None
) -> SceneAnswer:
    """A scene; `branch` shows it as it is on another branch, `at` as it was."""
    one_time(branch, at)
    if at is None:
        answer = _answer(session, entities.find(session, Scene, scene_id, branch=branch))
    else:
        found, fields = entities.past(session, Scene, scene_id, at=at)
        names = _past_names(session, found.project_id, at)
        answer = SceneAnswer.of(fields, past_place(found.project_id, found.row.key, at), names)
    tagged(response, answer)
    return answer


@router.put("/scenes/{scene_id}", responses=documented(400, 404, 409, 412, 413, 415))
def change_scene(
    scene_id: RowId,
    body: SceneChange,
    session: DatabaseSession,
    *,
    settings: CurrentSettings,
    author: Author,
    response: Response,
    if_match: IfMatch = None,
) -> SceneEdited:
    """Change some fields."""
    with session.begin():
        found = entities.find(session, Scene, scene_id, branch=body.branch_name, to_change=True)
        require_match(if_match, lambda: _answer(session, found))
        fields = _checked(session, body, settings, project_id=found.project_id, branch=found.branch)
        changed = entities.change(session, found, fields, note=Note(author, body.message))
    answer = _answer(session, changed)
    stale = stale_after(session, changed, settings)
    tagged(response, answer)
    return SceneEdited(**answer.model_dump(), stale_scenes=stale)


@router.delete("/scenes/{scene_id}", responses=documented(404))
def delete_scene(
    scene_id: RowId,
    session: DatabaseSession,
    settings: CurrentSettings,
    author: Author,
    branch: BranchQuery = None,
) -> Deleted:
    """Delete it from its branch (or `branch`); its past and its takes stay."""
    with session.begin():
        found = entities.find(session, Scene, scene_id, branch=branch, to_change=True)
        return delete(session, found, author=author, settings=settings)


@router.post("/scenes/{scene_id}/duplicate", status_code=201, responses=documented(400, 404, 409, 413, 415))
def duplicate_scene(
    scene_id: RowId, body: SceneCopy, session: DatabaseSession, author: Author, response: Response
) -> SceneEdited:
    """A copy without its video."""
    with session.begin():
        found = entities.find(session, Scene, scene_id, branch=body.branch_name, to_change=True)
        copied = scenes.duplicate(session, found, number=body.scene_number, note=Note(author, body.message))
        answer = _answer(session, copied)
    response.headers["Location"] = f"{router.prefix}/scenes/{answer.id}"
    tagged(response, answer)
    return SceneEdited(**answer.model_dump(), stale_scenes=[])  # it has no take yet


@router.get("/scenes/{scene_id}/versions", responses=documented(404))
def scene_versions(
    scene_id: RowId, session: ReadingSession, pages: Pages, branch: BranchQuery = None
) -> list[EntityVersion]:
    """Every state that it had, newest first, with the commits that made them."""
    found = entities.find(session, Scene, scene_id, branch=branch)
    at = (found.project_id, found.branch, Kind.SCENES)
    past = history.history(session, *at, key=found.row.key, wanted=pages.wanted)
    return pages.answer(past, EntityVersion.of)


def _answer(session: Session, found: Found[Scene]) -> SceneAnswer:
    return _answers(session, [found])[0]


def _answers(session: Session, all_found: Sequence[Found[Scene]]) -> list[SceneAnswer]:
    """Of scenes of one branch."""
    if not all_found:
        return []
    fields = [found.fields for found in all_found]
    names = scenes.names_of(session, fields, branch_id=all_found[0].row.branch_id)
    return [
        SceneAnswer.of(content, place_of(found.row, found.branch), names, made=_made(found.row))
        for content, found in zip(fields, all_found, strict=True)
    ]


def _made(row: Scene) -> dict[str, Any]:
    return {"status": row.status, "accepted_asset_id": row.accepted_asset_id}


def _list_past(session: Session, pages: Paging, *, project_id: int, at: str) -> list[SceneAnswer]:
    there = history.entities(session, project_id, at, Kind.SCENES).items()
    ordered: list[tuple[uuid.UUID, Fields]] = sorted(there, key=lambda one: one[1]["scene_number"])
    names = _past_names(session, project_id, at)
    page = slice_of(ordered, pages.wanted)
    return pages.answer(page, lambda one: SceneAnswer.of(one[1], past_place(project_id, one[0], at), names))


def _past_names(session: Session, project_id: int, at: str) -> dict[uuid.UUID, str]:
    there = history.entities(session, project_id, at, Kind.CHARACTERS)
    return {key: fields["name"] for key, fields in there.items()}


def _character_key(session: Session, character_id: int, project_id: int) -> str:
    """The key by which scenes name it. Raises NotFoundError for a character of another project too."""
    found = entities.find(session, Character, character_id)
    if found.project_id != project_id:
        raise NotFoundError(f"Project {project_id} has no character {character_id}")
    return str(found.row.key)


def _checked(
    session: Session, body: SceneFields, settings: Settings, *, project_id: int, branch: str
) -> dict[str, Any]:
    fields = media_references.checked(body.columns(), settings)
    scenes.check_style(session, fields.get("style"), project_id=project_id)
    if "characters" in fields:
        fields["characters"] = changes.cast(session, project_id=project_id, branch=branch, names=fields["characters"])
    return fields
