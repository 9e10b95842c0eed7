"""The subtitles of an episode as a file."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from fastapi import Response

from api.episodes.routes import OptionalProject
from api.errors import error_responses
from api.http.dependencies import ReadingSession
from api.http.field_types import BranchQuery
from api.http.strict_routes import strict_router
from tower.assembly.planning import plan_cut
from tower.assembly.subtitles import SubtitleFormat, write_subtitles
from tower.story.episodes import find_episode

router = strict_router(prefix="/api/anime/episodes/{episode_id}", tags=["cuts"])

MEDIA_TYPES = {
    SubtitleFormat.SRT: "application/x-subrip",
    SubtitleFormat.VTT: "text/vtt",
    SubtitleFormat.ASS: "text/x-ssa",
}
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file, in UTF-8.",
        "content": {media: {"schema": {"type": "string"}} for media in MEDIA_TYPES.values()},
    }
}


@router.get("/subtitles.{kind}", response_class=Response, responses={**FILE, **error_responses(404, 409, 422)})
def get_subtitles(
    episode_id: uuid.UUID,
    kind: SubtitleFormat,
    session: ReadingSession,
    *,
    branch: BranchQuery = None,
    project_id: OptionalProject = None,
) -> Response:
    """The dialogue of the planned film with its times, as SRT, WebVTT or ASS.

    409 lists the scenes that have no take.
    """
    cut = plan_cut(session, find_episode(session, episode_id, project_id=project_id, branch=branch))
    text = write_subtitles(cut.subtitles, cut.form.fps, kind)
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    return Response(text, media_type=f"{MEDIA_TYPES[kind]}; charset=utf-8", headers={"ETag": etag})
