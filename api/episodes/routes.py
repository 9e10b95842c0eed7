"""Episodes: create, list, change and delete them on any branch; every edit is a commit."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Annotated

from fastapi import Query, Response

from api.episodes.bodies import EpisodeAnswer, EpisodeChange, NewEpisode, to_answers
from api.episodes.reading import read_episode
from api.errors import error_responses
from api.http.dependencies import ReadingSession
from api.http.etags import IfMatch
from api.http.field_types import AtQuery, BranchQuery, StorableText
from api.http.paging import MAX_ID, Pages
from api.http.strict_routes import strict_router
from api.versions.answers import refuse_branch_with_at
from api.versions.editing import DeletedEntity, Editing, answer_edit, change_entity, delete_entity
from api.versions.entity_history import EntityVersion
from api.versions.reading import list_past, with_etag
from api.versions.resources import VersionedResource
from db.models.episodes import Episode, EpisodeStatus
from tower.errors import InvalidError
from tower.pages import fetch_page
from tower.story import entities, episodes
from tower.story.entities import LocatedRow
from tower.story.episodes import EpisodeFilter, find_episode
from tower.versions import history
from tower.versions.branches import MAIN
from tower.versions.kinds import Kind

router = strict_router(prefix="/api/anime", tags=["episodes"])
EPISODES = VersionedResource(Episode, to_answers, EpisodeAnswer, f"{router.prefix}/episodes")

OptionalProject = Annotated[
    int | None, Query(ge=1, le=MAX_ID, description="Needed only for an id that copies of a project share.")
]


@router.post("/episodes", status_code=201, responses=error_responses(400, 404, 409, 413, 415))
def create_episode(body: NewEpisode, edit: Editing) -> EpisodeAnswer:
    """Create an episode. A scene joins it by an edit that names its id."""
    fields = body.to_columns()
    with edit.session.begin():
        on = entities.lock_branch(edit.session, body.project_id, body.branch_name or MAIN)
        if body.episode_number is None:
            fields["episode_number"] = episodes.next_episode_number(edit.session, on)
        made = entities.insert_entity(edit.session, Episode, fields, head=on, note=edit.make_note(body))
    return answer_edit(EPISODES, edit, made, is_new=True)


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
        return list_past(EPISODES, session, pages, project_id=project_id, at=at)
    branch = branch or MAIN
    rows = episodes.select_episodes(session, EpisodeFilter(status, q), project_id=project_id, branch=branch)
    order = Episode.id if project_id is None else Episode.episode_number
    page = fetch_page(session, rows, order, page=pages.page_request)
    pages.set_next_link(page)
    return to_answers(session, entities.locate_rows(session, page.rows))


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
    found = read_episode(session, episode_id, project_id=project_id, branch=branch, at=at)
    answer = to_answers(session, [found])[0]
    if answer.film is not None and isinstance(found, LocatedRow):
        answer.film = answer.film.compared(session, found)
    return with_etag(response, answer)


@router.put("/episodes/{episode_id}", responses=error_responses(400, 404, 409, 412, 413, 415))
def change_episode(
    episode_id: uuid.UUID,
    body: EpisodeChange,
    edit: Editing,
    *,
    if_match: IfMatch = None,
    project_id: OptionalProject = None,
) -> EpisodeAnswer:
    """Change the fields that the body has."""
    find = partial(find_episode, edit.session, episode_id, project_id=project_id, branch=body.branch_name, lock=True)
    return change_entity(EPISODES, edit, body, find=find, if_match=if_match, fields=lambda _: body.to_columns())


@router.delete("/episodes/{episode_id}", responses=error_responses(404, 409))
def delete_episode(
    episode_id: uuid.UUID,
    edit: Editing,
    *,
    branch: BranchQuery = None,
    project_id: OptionalProject = None,
) -> DeletedEntity:
    """Delete an episode from its branch or from `branch`. Its scenes stay, and so does its history.

    A published film stays in the library; DELETE …/publication removes it, also afterwards.
    """
    find = partial(find_episode, edit.session, episode_id, project_id=project_id, branch=branch, lock=True)
    return delete_entity(edit, find)


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
