"""Episodes: create, list, change and delete them on any branch; every edit is a commit."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query, Response
from sqlalchemy.orm import Session

from api.episodes.bodies import EpisodeAnswer, EpisodeChange, NewEpisode
from api.errors import error_responses
from api.http.dependencies import DatabaseSession, ReadingSession
from api.http.etags import IfMatch
from api.http.field_types import AtQuery, BranchQuery, StorableText
from api.http.paging import MAX_ID, Pages
from api.http.strict_routes import strict_router
from api.versions.answers import refuse_branch_with_at
from api.versions.editing import DeletedEntity, Editing, answer_edit, change_entity, delete_entity
from api.versions.entity_history import EntityVersion
from api.versions.reading import list_past, with_etag
from db.models.episodes import Episode, EpisodeStatus
from tower.errors import InvalidError
from tower.pages import fetch_page
from tower.story import entities, episodes
from tower.story.entities import LocatedRow, PastEntity
from tower.story.episodes import EpisodeFilter, find_episode, find_past_episode
from tower.versions import history
from tower.versions.branches import MAIN
from tower.versions.kinds import Kind

router = strict_router(prefix="/api/anime", tags=["episodes"])

OptionalProject = Annotated[
    int | None, Query(ge=1, le=MAX_ID, description="Needed only for an id that copies of a project share.")
]


@router.post("/episodes", status_code=201, responses=error_responses(400, 404, 409, 413, 415))
def create_episode(body: NewEpisode, session: DatabaseSession, edit: Editing) -> EpisodeAnswer:
    """Create an episode. A scene joins it by an edit that names its id."""
    fields = body.to_columns()
    del fields["project_id"]
    with session.begin():
        on = entities.lock_branch(session, body.project_id, body.branch_name or MAIN)
        if body.episode_number is None:
            fields["episode_number"] = episodes.next_episode_number(session, on)
        made = entities.insert_entity(session, Episode, fields, head=on, note=edit.make_note(body))
    location = f"{router.prefix}/episodes"
    return answer_edit(session, made, edit, to_answers=_answers, answer_as=EpisodeAnswer, location=location)


@router.get("/episodes", responses=error_responses(404))
def list_episodes(
    session: ReadingSession,
    pages: Pages,
    *,
    project_id: Annotated[int | None, Query(ge=1, le=MAX_ID, description="By default, all projects.")] = None,
    branch: BranchQuery = None,
    at: AtQuery = None,
    status: EpisodeStatus | None = None,
    q: Annotated[
        StorableText | None, Query(max_length=200, description="A part of the title or synopsis, in any case.")
    ] = None,
) -> list[EpisodeAnswer]:
    """Episodes by number; those of all projects in the order of creation. `at` lists a whole past state."""
    refuse_branch_with_at(branch, at)
    if at is not None:
        if project_id is None:
            raise InvalidError.field("project_id", None, "the project of the commit or tag")
        return list_past(session, Kind.EPISODES, project_id=project_id, at=at, pages=pages, to_answers=_answers)
    branch = branch or MAIN
    rows = episodes.select_episodes(session, EpisodeFilter(status, q), project_id=project_id, branch=branch)
    order = Episode.id if project_id is None else Episode.episode_number
    page = fetch_page(session, rows, order, page=pages.page_request)
    pages.set_next_link(page)
    return _answers(session, [LocatedRow(row, row.project_id, branch) for row in page.rows])


@router.get("/episodes/{episode_id}", responses=error_responses(404, 409))
def get_episode(
    episode_id: uuid.UUID,
    session: ReadingSession,
    response: Response,
    *,
    branch: BranchQuery = None,
    at: AtQuery = None,
    project_id: OptionalProject = None,
) -> EpisodeAnswer:
    """An episode; `branch` reads another branch, `at` a past state."""
    refuse_branch_with_at(branch, at)
    found = (
        find_episode(session, episode_id, project_id=project_id, branch=branch)
        if at is None
        else find_past_episode(session, episode_id, ref=at, project_id=project_id)
    )
    return with_etag(response, _answer(session, found))


@router.put("/episodes/{episode_id}", responses=error_responses(400, 404, 409, 412, 413, 415))
def change_episode(
    episode_id: uuid.UUID,
    body: EpisodeChange,
    session: DatabaseSession,
    edit: Editing,
    *,
    if_match: IfMatch = None,
    project_id: OptionalProject = None,
) -> EpisodeAnswer:
    """Change the fields that the body has."""
    return change_entity(
        session,
        edit,
        find=lambda: find_episode(session, episode_id, project_id=project_id, branch=body.branch_name, lock=True),
        if_match=if_match,
        fields=lambda _: body.to_columns(),
        note=edit.make_note(body),
        to_answers=_answers,
        answer_as=EpisodeAnswer,
    )


@router.delete("/episodes/{episode_id}", responses=error_responses(404, 409))
def delete_episode(
    episode_id: uuid.UUID,
    session: DatabaseSession,
    edit: Editing,
    *,
    branch: BranchQuery = None,
    project_id: OptionalProject = None,
) -> DeletedEntity:
    """Delete an episode from its branch or from `branch`. Its scenes stay, and so does its history."""
    return delete_entity(
        session, edit, find=lambda: find_episode(session, episode_id, project_id=project_id, branch=branch, lock=True)
    )


@router.get("/episodes/{episode_id}/versions", responses=error_responses(404, 409))
def episode_versions(
    episode_id: uuid.UUID,
    session: ReadingSession,
    pages: Pages,
    *,
    branch: BranchQuery = None,
    project_id: OptionalProject = None,
) -> list[EntityVersion]:
    """Every past state, newest first, with the commits that made them."""
    found = find_episode(session, episode_id, project_id=project_id, branch=branch)
    past = history.entity_history(
        session, found.project_id, found.branch, Kind.EPISODES, key=episode_id, page_request=pages.page_request
    )
    return pages.answer(past, EntityVersion.of)


def _answers(session: Session, found: Sequence[Any]) -> list[EpisodeAnswer]:
    """The answers for current episodes, or for episodes of one past state."""
    current = episodes.read_contents(session, [entity.row for entity in found if isinstance(entity, LocatedRow)])
    past = episodes.read_past_contents(session, [entity for entity in found if isinstance(entity, PastEntity)])
    return [
        EpisodeAnswer.of(entity, past[entity.key] if isinstance(entity, PastEntity) else current[entity.row.id])
        for entity in found
    ]


def _answer(session: Session, found: LocatedRow[Episode] | PastEntity) -> EpisodeAnswer:
    return _answers(session, [found])[0]
