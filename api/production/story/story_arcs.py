"""Story arcs: lines of the story over episodes; every edit is a commit."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Self

from fastapi import Response
from pydantic import ConfigDict, Field, JsonValue

from api.errors import documented
from api.http.authors import Author
from api.http.dependencies import DatabaseSession, ReadingSession
from api.http.etags import IfMatch, require_match, tagged
from api.http.paging import Pages
from api.http.strict_routes import Body, strict_router
from api.production.field_types import AtQuery, BranchQuery, Edit, ProjectQuery, RowId, Text, Title
from api.production.versions.answers import Versioned, one_time, past_place, place_of
from api.production.versions.deletion import Deleted, delete
from db.models.episodes import ArcStatus, StoryArc
from tower.pages import page_of
from tower.story import entities
from tower.story.entities import Found, Note
from tower.versions.branches import MAIN

router = strict_router(prefix="/api/anime", tags=["story"])

EXAMPLE: JsonValue = {"project_id": 1, "name": "The shrine's secret", "milestones": [{"title": "Kai finds the seal"}]}
EpisodeId = Annotated[uuid.UUID, Field(strict=False)]


class Milestone(Body):
    title: Title
    description: Text = ""
    episode_id: EpisodeId | None = None


class ArcFields(Edit):
    description: Text = ""
    status: Annotated[ArcStatus, Field(strict=False)] = ArcStatus.PLANNED
    position: int = Field(0, ge=0, le=1_000_000, description="Order among the arcs.")
    episode_ids: Annotated[list[EpisodeId], Field(max_length=1000)] = Field(
        default_factory=list, description="In story order."
    )
    milestones: Annotated[list[Milestone], Field(max_length=1000)] = Field(
        default_factory=list, description="In story order."
    )

    def columns(self) -> dict[str, Any]:
        """What was sent, by the names of the table."""
        given = self.given()
        if "episode_ids" in given:
            given["episode_keys"] = given.pop("episode_ids")
        if "milestones" in given:
            given["milestones"] = [_renamed(one, "episode_id", "episode_key") for one in given["milestones"]]
        return given


class NewArc(ArcFields):
    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    project_id: RowId
    name: Title


class ArcChange(ArcFields):
    """What is left out stays as it is; what is given replaces the whole field."""

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
    def of(cls, fields: Mapping[str, Any], place: Mapping[str, Any]) -> Self:
        return cls(
            **{name: fields[name] for name in ("name", "description", "status", "position")},
            **place,
            episode_ids=fields["episode_keys"],
            milestones=[_renamed(one, "episode_key", "episode_id") for one in fields["milestones"]],
        )


@router.post("/story-arcs", status_code=201, responses=documented(400, 404, 409, 413, 415))
def create_story_arc(body: NewArc, session: DatabaseSession, author: Author, response: Response) -> ArcAnswer:
    """A new arc."""
    fields = body.columns()
    del fields["project_id"]
    with session.begin():
        on = entities.held(session, body.project_id, body.branch_name or MAIN)
        answer = _answer(entities.create(session, StoryArc, fields, on=on, note=Note(author, body.message)))
    response.headers["Location"] = f"{router.prefix}/story-arcs/{answer.id}"
    tagged(response, answer)
    return answer


@router.get("/story-arcs", responses=documented(404))
def list_story_arcs(
    project_id: ProjectQuery,
    session: ReadingSession,
    pages: Pages,
    branch: BranchQuery = None,
    status: ArcStatus | None = None,
) -> list[ArcAnswer]:
    """The arcs of a project, in the order of their making; `position` says their order in the story."""
    rows = entities.on_branch(session, StoryArc, project_id=project_id, branch=branch or MAIN)
    if status is not None:
        rows = rows.where(StoryArc.status == status)
    page = page_of(session, rows, StoryArc.id, wanted=pages.wanted)
    return pages.answer(page, lambda row: _answer(Found(row, project_id, branch or MAIN)))


@router.get("/story-arcs/{arc_id}", responses=documented(404))
def get_story_arc(
    arc_id: RowId, session: ReadingSession, response: Response, branch: BranchQuery = None, at: AtQuery = None
) -> ArcAnswer:
    """An arc; `branch` shows it as it is on another branch, `at` as it was."""
    one_time(branch, at)
    if at is None:
        answer = _answer(entities.find(session, StoryArc, arc_id, branch=branch))
    else:
        found, fields = entities.past(session, StoryArc, arc_id, at=at)
        answer = ArcAnswer.of(fields, past_place(found.project_id, found.row.key, at))
    tagged(response, answer)
    return answer


@router.put("/story-arcs/{arc_id}", responses=documented(400, 404, 412, 413, 415))
def change_story_arc(
    arc_id: RowId,
    body: ArcChange,
    session: DatabaseSession,
    author: Author,
    *,
    response: Response,
    if_match: IfMatch = None,
) -> ArcAnswer:
    """Change some fields."""
    with session.begin():
        found = entities.find(session, StoryArc, arc_id, branch=body.branch_name, to_change=True)
        require_match(if_match, _answer(found))
        answer = _answer(entities.change(session, found, body.columns(), note=Note(author, body.message)))
    tagged(response, answer)
    return answer


@router.delete("/story-arcs/{arc_id}", responses=documented(404))
def delete_story_arc(arc_id: RowId, session: DatabaseSession, author: Author, branch: BranchQuery = None) -> Deleted:
    """Delete it from its branch (or `branch`)."""
    with session.begin():
        found = entities.find(session, StoryArc, arc_id, branch=branch, to_change=True)
        return delete(session, found, author=author)


def _answer(found: Found[StoryArc]) -> ArcAnswer:
    return ArcAnswer.of(found.fields, place_of(found.row, found.branch))


def _renamed(one: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if name == old else name: value for name, value in one.items()}
