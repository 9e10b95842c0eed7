"""The picture that stands for an episode."""

from __future__ import annotations

import uuid
from pathlib import Path

from api.episodes.routes import OptionalProject
from api.episodes.videos import find_film, stat_film
from api.errors import error_responses
from api.http.dependencies import CurrentSettings, ReadingSession
from api.http.field_types import BranchQuery
from api.http.ranged_file import RangedFile
from api.http.strict_routes import strict_router
from tower.errors import NotFoundError
from tower.errors.codes import ErrorCode
from tower.films.posters import make_poster

router = strict_router(prefix="/api/anime/episodes/{episode_id}", tags=["films"])


@router.get(
    "/poster",
    response_class=RangedFile,
    responses={
        200: {"content": {"image/png": {}}, "description": "The picture"},
        304: {"description": "If-None-Match has the current ETag"},
        **error_responses(404, 409, 416),
    },
)
def episode_poster(
    episode_id: uuid.UUID,
    session: ReadingSession,
    settings: CurrentSettings,
    *,
    branch: BranchQuery = None,
    project_id: OptionalProject = None,
) -> RangedFile:
    """The frame of the film with the most contrast, as a PNG of the film's size. 404 without a film."""
    row = find_film(session, episode_id, project_id=project_id, branch=branch)
    film = Path(row.video_path or "")
    stat_film(film)
    picture = make_poster(settings, film, duration_s=row.duration_s or 0.0)
    if picture is None:
        raise NotFoundError(f"No picture of {film} can be read", code=ErrorCode.MEDIA_UNREADABLE)
    name = f"episode-{row.episode_number}.png"
    return RangedFile(
        picture, media_type="image/png", filename=name, content_disposition_type="inline", stat_result=picture.stat()
    )
