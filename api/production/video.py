"""The video of a generation, whole or by Range."""

from __future__ import annotations

import os
import re
from pathlib import Path

from fastapi.responses import FileResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from api.collaborators import DatabaseSession
from api.envelope import documented
from api.strict import strict_router
from db.models.jobs import LIVE, JobStatus, ProductionJob
from tower import jobs
from tower.errors import NotFoundError

ONE_RANGE = re.compile(r"bytes=\s*(?:(?P<first>\d{1,18})-(?P<last>\d{0,18})|-(?P<suffix>\d{1,18}))\s*")

router = strict_router(prefix="/api/anime", tags=["generation"])


class VideoResponse(FileResponse):
    """One byte range, or the whole file; what cannot be satisfied is answered 416 in the envelope.

    Several ranges, other units and broken headers are ignored, as RFC 9110 14.2 allows.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = ONE_RANGE.fullmatch(Headers(scope=scope).get("range", ""))
        if asked is None or (asked["last"] and int(asked["last"]) < int(asked["first"])):
            scope = _without_range(scope)
        elif not self._reaches(asked):
            size = self.headers["content-length"]
            raise HTTPException(416, f"The video has {size} bytes", headers={"Content-Range": f"bytes */{size}"})
        await super().__call__(scope, receive, send)

    def _reaches(self, asked: re.Match[str]) -> bool:
        if asked["suffix"] is not None:
            return int(asked["suffix"]) > 0
        return int(asked["first"]) < int(self.headers["content-length"])


@router.head("/generation/{generation}/video", include_in_schema=False)
@router.get(
    "/generation/{generation}/video",
    response_class=VideoResponse,
    responses={
        200: {"content": {"video/mp4": {}}, "description": "The whole video"},
        206: {"content": {"video/mp4": {}}, "description": "The range asked for"},
        **documented(404, 416),
    },
)
def generation_video(generation: str, session: DatabaseSession) -> VideoResponse:
    """The MP4 file. 404 with the reason while there is none, or if it failed or was cancelled."""
    job = jobs.find_job(session, generation)
    path = _file(job)
    return VideoResponse(
        path,
        media_type="video/mp4",
        filename=f"tower-{job.id}.mp4",
        content_disposition_type="inline",
        stat_result=_stat(job, path),
    )


def _file(job: ProductionJob) -> Path:
    if job.status in LIVE:
        raise NotFoundError(
            f"Generation {job.id} has no video yet: it is {round(job.progress * 100)} % done",
            details={"status": job.status.value, "stage": job.stage.value, "progress": job.progress},
            code="VIDEO_NOT_READY",
        )
    if job.status != JobStatus.COMPLETED or job.output_path is None:
        reason = job.error_message or "it ended before there was one"
        raise NotFoundError(
            f"Generation {job.id} is {job.status} and has no video: {reason}",
            details={"status": job.status.value},
            code="NO_VIDEO",
        )
    return Path(job.output_path)


def _stat(job: ProductionJob, path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as gone:
        raise NotFoundError(
            f"The file of generation {job.id} cannot be read: {gone.strerror}; was {path} moved or deleted?",
            code="VIDEO_MISSING",
        ) from gone


def _without_range(scope: Scope) -> Scope:
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"range"]}
