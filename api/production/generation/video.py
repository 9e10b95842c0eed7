"""The video of a generation, whole or by Range."""

from __future__ import annotations

import os
from pathlib import Path

from api.http.dependencies import ReadingSession
from api.http.ranged_file import RangedFile, video_responses
from api.http.strict_routes import strict_router
from db.models.jobs import LIVE_STATUSES, JobStatus, ProductionJob
from tower.errors import NotFoundError
from tower.errors.codes import ErrorCode
from tower.jobs import lifecycle

router = strict_router(prefix="/api/anime", tags=["generation"])


@router.head("/generation/{generation}/video", include_in_schema=False)
@router.get(
    "/generation/{generation}/video",
    response_class=RangedFile,
    responses=video_responses("video", 404, 416),
)
def generation_video(generation: str, session: ReadingSession) -> RangedFile:
    """The MP4 file. 404 with the reason if there is none yet, or if the generation failed or was cancelled."""
    job = lifecycle.find_job(session, generation)
    path = _video_path(job)
    return RangedFile(
        path,
        media_type="video/mp4",
        filename=f"tower-{job.id}.mp4",
        content_disposition_type="inline",
        stat_result=_stat(job, path),
    )


def _video_path(job: ProductionJob) -> Path:
    if job.status in LIVE_STATUSES:
        raise NotFoundError(
            f"Generation {job.id} has no video yet: it is {round(job.progress * 100)} % done",
            details={"status": job.status.value, "stage": job.stage.value, "progress": job.progress},
            code=ErrorCode.VIDEO_NOT_READY,
        )
    if job.status != JobStatus.COMPLETED or job.output_path is None:
        reason = job.error_message or "it ended before there was a video"
        raise NotFoundError(
            f"Generation {job.id} is {job.status} and has no video: {reason}",
            details={"status": job.status.value},
            code=ErrorCode.NO_VIDEO,
        )
    return Path(job.output_path)


def _stat(job: ProductionJob, path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as error:
        raise NotFoundError(
            f"The file of generation {job.id} cannot be read: {error.strerror}; was {path} moved or deleted?",
            code=ErrorCode.VIDEO_MISSING,
        ) from error
