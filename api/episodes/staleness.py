"""Which scenes of an episode are stale or missing, and whether its film is older than its cut."""

from __future__ import annotations

import uuid

from pydantic import BaseModel, Field

from api.episodes.routes import OptionalProject
from api.errors import error_responses
from api.http.dependencies import CurrentSettings, ReadingSession
from api.http.field_types import BranchQuery
from api.http.staleness_answers import StaleSceneAnswer
from api.http.strict_routes import strict_router
from tower.shots.scene_jobs import live_jobs_by_scene
from tower.staleness import report
from tower.staleness.films import FilmState, compare_film
from tower.staleness.rendering import scene_ids
from tower.story.episodes import find_episode

router = strict_router(prefix="/api/anime/episodes/{episode_id}", tags=["staleness"])


class FilmAnswer(BaseModel):
    """The film against the cut that would be made now."""

    state: FilmState
    reason: str | None = Field(description="Null for a current film.")


class EpisodeStaleness(BaseModel):
    """Each scene is fresh, stale, missing (without an accepted take), or has your own video."""

    episode_id: uuid.UUID
    project_id: int
    branch_name: str
    scenes: int
    fresh: int
    own_videos: int
    stale_scenes: list[int] = Field(description="Ids of the stale scenes, by scene number.")
    stale: list[StaleSceneAnswer]
    missing: list[int] = Field(description="Ids of the scenes without an accepted take.")
    film: FilmAnswer


@router.get("/stale", responses=error_responses(404, 409))
def episode_staleness(
    episode_id: uuid.UUID,
    session: ReadingSession,
    settings: CurrentSettings,
    *,
    branch: BranchQuery = None,
    project_id: OptionalProject = None,
) -> EpisodeStaleness:
    """The scenes whose accepted take is stale, with the reasons, those without one, and the state of the film."""
    found = find_episode(session, episode_id, project_id=project_id, branch=branch)
    counted = report.report_episode(session, found.row, settings)
    stale = scene_ids(counted.stale)
    running = live_jobs_by_scene(session, stale) if stale else {}
    film = compare_film(session, found)
    return EpisodeStaleness(
        episode_id=episode_id,
        project_id=found.project_id,
        branch_name=found.branch,
        scenes=counted.scenes,
        fresh=counted.fresh,
        own_videos=counted.own_videos,
        stale_scenes=stale,
        stale=[StaleSceneAnswer.of(scene, running.get(scene.scene.id)) for scene in counted.stale],
        missing=list(counted.missing),
        film=FilmAnswer(state=film.state, reason=film.reason),
    )
