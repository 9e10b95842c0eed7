"""Characters: make, list, change and delete them on any branch; every edit is a commit."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Self

from fastapi import Query, Response
from pydantic import ConfigDict, Field, JsonValue

from api.errors import documented
from api.http.authors import Author
from api.http.dependencies import CurrentSettings, DatabaseSession, ReadingSession
from api.http.etags import IfMatch, require_match, tagged
from api.http.paging import Pages
from api.http.strict_routes import strict_router
from api.production.field_types import Asked, AtQuery, BranchQuery, Name, ProjectQuery, RowId, Text
from api.production.story.person_fields import PersonAnswer, PersonFields
from api.production.versions.answers import Touching, Versioned, one_time, past_place, place_of, stale_after
from api.production.versions.deletion import Deleted, delete
from api.production.versions.entity_history import EntityVersion
from db.models.characters import Character
from tower.jobs.spec import MAX_SEED
from tower.pages import page_of, slice_of
from tower.story import entities, media_references
from tower.story.entities import Found, Note
from tower.versions import history
from tower.versions.branches import MAIN
from tower.versions.kinds import Kind
from tower.workflows import store

router = strict_router(prefix="/api/anime", tags=["characters"])

EXAMPLE: JsonValue = {
    "project_id": 1,
    "name": "Kai Nakamura",
    "description": "Main protagonist, skilled fighter",
    "image_path": "/path/to/reference.jpg",
    "comfyui_workflow": "anime_character_v2",
}


class CharacterFields(PersonFields):
    description: Text = ""
    image_path: Text | None = Field(None, description="Reference image, under a media folder.")
    comfyui_workflow: Name | None = Field(None, description="The name of the workflow that renders this character.")
    seed: int | None = Field(None, ge=0, le=MAX_SEED, description="Of its renders; null: the generation's.")


class NewCharacter(CharacterFields):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    project_id: RowId
    name: Name


class CharacterChange(CharacterFields):
    """What is left out stays as it is; what is given replaces the whole field."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"description": "Updated character description", "image_path": "/new/path/to/reference.jpg"}]
        }
    )

    name: Name = Field(default_factory=str)


class CharacterAnswer(Versioned, PersonAnswer):
    description: str
    image_path: str | None
    comfyui_workflow: str | None
    seed: int | None
    warnings: list[str] = Field(description="What a render of it would stumble over.")

    @classmethod
    def of(cls, fields: Mapping[str, Any], place: Mapping[str, Any], known_workflows: frozenset[str]) -> Self:
        name = fields["comfyui_workflow"]
        missing = name is not None and name not in known_workflows
        warnings = [f"No workflow is called {name!r} yet: register it before a render needs it"] if missing else []
        return cls.model_validate({**fields, **place, "warnings": warnings})


class CharacterEdited(CharacterAnswer, Touching):
    """The character after the edit."""


@router.post("/characters", status_code=201, responses=documented(400, 404, 409, 413, 415))
def create_character(
    body: NewCharacter, session: DatabaseSession, settings: CurrentSettings, author: Author, response: Response
) -> CharacterEdited:
    """A new character; its name is free on the branch."""
    fields = media_references.checked(body.given(), settings)
    del fields["project_id"]
    with session.begin():
        on = entities.held(session, body.project_id, body.branch_name or MAIN)
        made = entities.create(session, Character, fields, on=on, note=Note(author, body.message))
    answer = _answer(made, _workflows(session))
    stale = stale_after(session, made, settings)
    response.headers["Location"] = f"{router.prefix}/characters/{answer.id}"
    tagged(response, answer)
    return CharacterEdited(**answer.model_dump(), stale_scenes=stale)


@router.get("/characters", responses=documented(404))
def list_characters(
    project_id: ProjectQuery,
    session: ReadingSession,
    pages: Pages,
    *,
    branch: BranchQuery = None,
    at: AtQuery = None,
    name: Annotated[Asked | None, Query(max_length=100, description="A part of the name, in any case.")] = None,
) -> list[CharacterAnswer]:
    """The characters of a project, in the order of their making; in a past state (`at`) by name."""
    one_time(branch, at)
    known = _workflows(session)
    if at is not None:
        return _list_past(session, pages, known, project_id=project_id, at=at, name=name)
    rows = entities.on_branch(session, Character, project_id=project_id, branch=branch or MAIN)
    if name:
        rows = rows.where(Character.name.icontains(name, autoescape=True))
    page = page_of(session, rows, Character.id, wanted=pages.wanted)
    return pages.answer(page, lambda row: _answer(Found(row, project_id, branch or MAIN), known))


@router.get("/characters/{character_id}", responses=documented(404))
def get_character(
    character_id: RowId, session: ReadingSession, response: Response, branch: BranchQuery = None, at: AtQuery = None
) -> CharacterAnswer:
    """A character; `branch` shows it as it is on another branch, `at` as it was."""
    one_time(branch, at)
    if at is None:
        answer = _answer(entities.find(session, Character, character_id, branch=branch), _workflows(session))
    else:
        found, fields = entities.past(session, Character, character_id, at=at)
        answer = CharacterAnswer.of(fields, past_place(found.project_id, found.row.key, at), _workflows(session))
    tagged(response, answer)
    return answer


@router.put("/characters/{character_id}", responses=documented(400, 404, 409, 412, 413, 415))
def change_character(
    character_id: RowId,
    body: CharacterChange,
    session: DatabaseSession,
    *,
    settings: CurrentSettings,
    author: Author,
    response: Response,
    if_match: IfMatch = None,
) -> CharacterEdited:
    """Change some fields."""
    fields = media_references.checked(body.given(), settings)
    with session.begin():
        found = entities.find(session, Character, character_id, branch=body.branch_name, to_change=True)
        require_match(if_match, lambda: _answer(found, _workflows(session)))
        changed = entities.change(session, found, fields, note=Note(author, body.message))
    answer = _answer(changed, _workflows(session))
    stale = stale_after(session, changed, settings)
    tagged(response, answer)
    return CharacterEdited(**answer.model_dump(), stale_scenes=stale)


@router.delete("/characters/{character_id}", responses=documented(404))
def delete_character(
    character_id: RowId,
    session: DatabaseSession,
    settings: CurrentSettings,
    author: Author,
    branch: BranchQuery = None,
) -> Deleted:
    """Delete it from its branch (or `branch`). Scenes keep its name; its past stays."""
    with session.begin():
        found = entities.find(session, Character, character_id, branch=branch, to_change=True)
        return delete(session, found, author=author, settings=settings)


@router.get("/characters/{character_id}/versions", responses=documented(404))
def character_versions(
    character_id: RowId, session: ReadingSession, pages: Pages, branch: BranchQuery = None
) -> list[EntityVersion]:
    """Every state that it had, newest first, with the commits that made them."""
    found = entities.find(session, Character, character_id, branch=branch)
    at = (found.project_id, found.branch, Kind.CHARACTERS)
    past = history.history(session, *at, key=found.row.key, wanted=pages.wanted)
    return pages.answer(past, EntityVersion.of)


def _answer(found: Found[Character], known_workflows: frozenset[str]) -> CharacterAnswer:
    return CharacterAnswer.of(found.fields, place_of(found.row, found.branch), known_workflows)


def _list_past(
    session: DatabaseSession, pages: Pages, known: frozenset[str], *, project_id: int, at: str, name: str | None
) -> list[CharacterAnswer]:
    there = history.entities(session, project_id, at, Kind.CHARACTERS).items()
    fitting = [one for one in there if (name or "").lower() in one[1]["name"].lower()]
    ordered: list[tuple[uuid.UUID, dict[str, Any]]] = sorted(fitting, key=lambda one: one[1]["name"])
    page = slice_of(ordered, pages.wanted)
    return pages.answer(page, lambda one: CharacterAnswer.of(one[1], past_place(project_id, one[0], at), known))


def _workflows(session: DatabaseSession) -> frozenset[str]:
    return store.names(session)
