"""The cut of an episode: which parts of which scenes it shows, in which order, with cards and music."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

from fastapi import Response

from api.episodes.cut_bodies import CutAnswer, CutChange, to_answers
from api.episodes.reading import read_episode
from api.episodes.routes import OptionalProject
from api.errors import error_responses
from api.http.dependencies import ReadingSession
from api.http.etags import IfMatch
from api.http.field_types import AtQuery, BranchQuery
from api.http.strict_routes import strict_router
from api.versions.editing import Editing, change_entity
from api.versions.reading import with_etag
from api.versions.resources import VersionedResource
from db.models.episodes import Episode
from tower.story.entities import LocatedRow
from tower.story.episodes import find_episode, read_contents
from tower.versions.episode_cuts import CutContent

router = strict_router(prefix="/api/anime/episodes/{episode_id}", tags=["cuts"])
CUTS = VersionedResource(Episode, to_answers, CutAnswer, router.prefix)


@router.get("/cut", responses=error_responses(404, 409))
def get_cut(
    episode_id: uuid.UUID,
    session: ReadingSession,
    response: Response,
    *,
    branch: BranchQuery = None,
    at: AtQuery = None,
    project_id: OptionalProject = None,
) -> CutAnswer:
    """The cut of an episode; `branch` reads another branch, `at` a past state."""
    found = read_episode(session, episode_id, project_id=project_id, branch=branch, at=at)
    return with_etag(response, to_answers(session, [found])[0])


@router.put("/cut", responses=error_responses(400, 404, 409, 412, 413, 415))
def change_cut(
    episode_id: uuid.UUID,
    body: CutChange,
    edit: Editing,
    *,
    if_match: IfMatch = None,
    project_id: OptionalProject = None,
) -> CutAnswer:
    """Change the fields of the cut that the body has, in one commit."""

    def fields(found: LocatedRow[Episode]) -> dict[str, Any]:
        contents = read_contents(edit.session, [found.row])[found.row.id]
        return {"cut": body.to_content(edit.session, contents, CutContent.of(found.fields))}

    find = partial(find_episode, edit.session, episode_id, project_id=project_id, branch=body.branch_name, lock=True)
    return change_entity(CUTS, edit, body, find=find, if_match=if_match, fields=fields)
