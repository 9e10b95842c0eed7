"""Story arcs across episodes; every edit is a commit."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from fastapi import Response
from pydantic import ConfigDict, Field, JsonValue
from sqlalchemy.orm import Session

from api.errors import error_responses
from api.http.dependencies import DatabaseSession, ReadingSession
from api.http.etags import IfMatch
from api.http.field_types import AtQuery, BranchQuery, EditFields, ProjectQuery, RowId, Text, Title
from api.http.paging import Pages
from api.http.strict_routes import Body, strict_router
from api.versions.answers import Versioned, version_fields
from api.versions.editing import DeletedEntity, Editing, change_entity, create_entity, delete_entity
from api.versions.reading import list_entities, read_entity
from db.models.episodes import ArcStatus, StoryArc
from tower.story import entities
from tower.story.entities import LocatedRow, PastEntity
from tower.versions.branches import MAIN

router = strict_router(prefix="/api/anime", tags=["story"])

EXAMPLE: JsonValue = {"project_id": 1, "name": "The shrine's secret", "milestones": [{"title": "Kai finds the seal"}]}
EpisodeId = Annotated[uuid.UUID, Field(strict=False)]


class Milestone(Body):
    title: Title
    description: Text = ""
    episode_id: EpisodeId | None = None


class ArcFields(EditFields):
    description: Text = ""
    status: Annotated[ArcStatus, Field(strict=False)] = ArcStatus.PLANNED
    position: int = Field(0, ge=0, le=1_000_000, description="Position among the arcs.")
    episode_ids: Annotated[list[EpisodeId], Field(max_length=1000)] = Field(
        default_factory=list, description="Episodes in story order."
    )
    milestones: Annotated[list[Milestone], Field(max_length=1000)] = Field(
        default_factory=list, description="Episodes in story order."
    )

    def to_columns(self) -> dict[str, Any]:
        """The sent fields by column name."""
        given = self.sent_fields()
        if "episode_ids" in given:
            given["episode_keys"] = given.pop("episode_ids")
        if "milestones" in given:
            given["milestones"] = [
                _rename_key(milestone, "episode_id", "episode_key") for milestone in given["milestones"]
            ]
        return given


class NewArc(ArcFields):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    project_id: RowId
    name: Title


class ArcChange(ArcFields):
    """A field that is left out stays as it is; a given one is replaced as a whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "active"}]})

    name: Title = Field(default_factory=str)


class ArcAnswer(Versioned):
    name: str
    description: str
    status: ArcStatus
    position: int
    episode_ids: list[uuid.UUID]
    milestones: list[dict[str, Any]]

    @classmethod
    def of(cls, entity: LocatedRow[StoryArc] | PastEntity) -> Self:
        fields = entity.fields
        return cls(
            **{name: fields[name] for name in ("name", "description", "status", "position")},
            **version_fields(entity),
            episode_ids=fields["episode_keys"],
            milestones=[_rename_key(milestone, "episode_key", "episode_id") for milestone in fields["milestones"]],
        )


@router.post("/story-arcs", status_code=201, responses=error_responses(400, 404, 409, 413, 415))
def create_story_arc(body: NewArc, session: DatabaseSession, edit: Editing) -> ArcAnswer:
    """Create a story arc."""
    fields = body.to_columns()
    del fields["project_id"]
    return create_entity(
        session,
        StoryArc,
        edit,
        project_id=body.project_id,
        branch=body.branch_name,
        fields=lambda: fields,
        note=edit.make_note(body),
        to_answers=_answers,
        answer_as=ArcAnswer,
        location=f"{router.prefix}/story-arcs",
    )


@router.get("/story-arcs", responses=error_responses(404))
def list_story_arcs(
    project_id: ProjectQuery,
    session: ReadingSession,
    pages: Pages,
    branch: BranchQuery = None,
    status: ArcStatus | None = None,
) -> list[ArcAnswer]:
    """The arcs of a project, in the order of creation; `position` is their order in the story."""
    branch = branch or MAIN
    rows = entities.select_on_branch(session, StoryArc, project_id=project_id, branch=branch)
    if status is not None:
        rows = rows.where(StoryArc.status == status)
    return list_entities(
        session, rows, StoryArc.id, project_id=project_id, branch=branch, pages=pages, to_answers=_answers
    )


@router.get("/story-arcs/{arc_id}", responses=error_responses(404))
def get_story_arc(
    arc_id: RowId, session: ReadingSession, response: Response, branch: BranchQuery = None, at: AtQuery = None
) -> ArcAnswer:
    """A story arc; `branch` reads another branch, `at` a past state."""
    return read_entity(session, StoryArc, arc_id, branch=branch, at=at, response=response, to_answers=_answers)


@router.put("/story-arcs/{arc_id}", responses=error_responses(400, 404, 412, 413, 415))
def change_story_arc(
    arc_id: RowId, body: ArcChange, session: DatabaseSession, edit: Editing, if_match: IfMatch = None
) -> ArcAnswer:
    """Change the fields that the body has."""
    return change_entity(
        session,
        edit,
        find=lambda: entities.find_entity(session, StoryArc, arc_id, branch=body.branch_name, lock=True),
        if_match=if_match,
        fields=lambda _: body.to_columns(),
        note=edit.make_note(body),
        to_answers=_answers,
        answer_as=ArcAnswer,
    )


@router.delete("/story-arcs/{arc_id}", responses=error_responses(404))
def delete_story_arc(
    arc_id: RowId, session: DatabaseSession, edit: Editing, branch: BranchQuery = None
) -> DeletedEntity:
    """Delete a story arc from its branch or from `branch`."""
    return delete_entity(
        session, edit, find=lambda: entities.find_entity(session, StoryArc, arc_id, branch=branch, lock=True)
    )


def _answers(_: Session, found: Sequence[LocatedRow[StoryArc] | PastEntity]) -> list[ArcAnswer]:
    return [ArcAnswer.of(entity) for entity in found]


def _rename_key(milestone: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if name == old else name: value for name, value in milestone.items()}
