"""The film of an episode, whole or by Range."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from sqlalchemy.orm import Session

from api.episodes.routes import OptionalProject
from api.http.dependencies import ReadingSession
from api.http.field_types import BranchQuery
from api.http.ranged_file import RangedFile, video_responses
from api.http.strict_routes import strict_router
from db.models.episodes import Episode, EpisodeStatus
from db.models.jobs import ProductionJob
from tower.errors import NotFoundError
from tower.errors.codes import ErrorCode
from tower.story.episodes import find_episode
from tower.story.film_jobs import current_status, newest_film_jobs

router = strict_router(prefix="/api/anime/episodes/{episode_id}", tags=["films"])


@router.head("/video", include_in_schema=False)
@router.get(
    "/video",
    response_class=RangedFile,
    responses=video_responses("film", 404, 409, 416),
)
def episode_video(
    episode_id: uuid.UUID,
    session: ReadingSession,
    *,
    branch: BranchQuery = None,
    project_id: OptionalProject = None,
) -> RangedFile:
    """The MP4 file of the last film that was made, also while a newer one is in the making. 404 if there is none."""
    row = find_film(session, episode_id, project_id=project_id, branch=branch)
    path = Path(row.video_path or "")
    name = f"episode-{row.episode_number}.mp4"
    return RangedFile(
        path, media_type="video/mp4", filename=name, content_disposition_type="inline", stat_result=stat_film(path)
    )


def find_film(session: Session, episode_id: uuid.UUID, *, project_id: int | None, branch: str | None) -> Episode:
    """The episode, which has a film. Raises NotFoundError with the reason if it has none."""
    found = find_episode(session, episode_id, project_id=project_id, branch=branch)
    if found.row.video_path is None:
        raise _refusal(found.row, newest_film_jobs(session, [found]).get(found.row.id))
    return found.row


def stat_film(path: Path) -> os.stat_result:
    """Raises NotFoundError if the file of a film is gone."""
    try:
        return path.stat()
    except OSError as error:
        raise NotFoundError(
            f"The film cannot be read: {error.strerror}; was {path} moved or deleted? Assemble the episode again",
            code=ErrorCode.VIDEO_MISSING,
        ) from error


def _refusal(episode: Episode, job: ProductionJob | None) -> NotFoundError:
    """Why there is no film yet."""
    number, status = episode.episode_number, current_status(episode, job)
    if job is not None and status == EpisodeStatus.PROCESSING:
        return NotFoundError(
            f"Episode {number} has no film yet: it is {round(job.progress * 100)} % done",
            details={"job_id": job.id, "progress": job.progress},
            code=ErrorCode.VIDEO_NOT_READY,
        )
    reason = "it is not assembled yet" if job is None else job.error_message or "its assembly was cancelled"
    return NotFoundError(f"Episode {number} has no film: {reason}", code=ErrorCode.NO_VIDEO)
