"""Shows the progress of a job's renders in the Prefect UI, as a progress artifact of its run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.exceptions import ObjectNotFound
from sqlalchemy.exc import OperationalError

from tasks.resources import resources
from tower.jobs.attempts import Attempt
from tower.rendering.segments import RenderCounts, count_renders

UPDATE_INTERVAL_S = 2.0
AWAY_ERRORS = (httpx.HTTPError, ObjectNotFound, OperationalError)  # a render goes on without its artifact
log = logging.getLogger("tower.runs")


@asynccontextmanager
async def publish_progress(attempt: Attempt, *, total: int, round_number: int) -> AsyncIterator[None]:
    """Keep the artifact up to date while the segments render, and at the end."""
    artifact = _Artifact(attempt, total, round_number)
    follower = asyncio.create_task(artifact.follow())
    try:
        yield
    finally:
        follower.cancel()
        await asyncio.gather(follower, return_exceptions=True)
    await artifact.update()


class _Artifact:
    """The artifact of one round of renders. Prefect is asked only after a change."""

    def __init__(self, attempt: Attempt, total: int, round_number: int) -> None:
        self._attempt, self._total, self._round = attempt, total, round_number
        self._id: UUID | None = None
        self._shown: tuple[float, str] | None = None

    async def follow(self) -> None:
        while True:
            await self.update()
            await asyncio.sleep(UPDATE_INTERVAL_S)

    async def update(self) -> None:
        try:
            with resources().sessions() as session:
                counts = count_renders(session, self._attempt.job_id, round_number=self._round)
            await self._show(_percent(counts, self._total), describe(counts, self._total))
        except AWAY_ERRORS as error:
            log.debug("The progress artifact was not updated", exc_info=error)

    async def _show(self, percent: float, description: str) -> None:
        if self._shown == (percent, description):
            return
        if self._id is None:
            key = f"job-{self._attempt.job_id}-progress"
            self._id = await acreate_progress_artifact(percent, key=key, description=description)
        else:
            await aupdate_progress_artifact(self._id, percent, description=description)
        self._shown = (percent, description)


def describe(counts: RenderCounts, total: int) -> str:
    """What the renders do, in words: queued, rendering 2 of 5, rendered."""
    if counts.completed >= total:
        return "rendered" if total == 1 else f"rendered all {total}"
    begun = counts.completed + counts.rendering
    if not begun:
        return "queued"
    doing = "rendering" if counts.rendering else "rendered"
    return f"{doing} {begun} of {total}" + (", the next is queued" if not counts.rendering else "")


def _percent(counts: RenderCounts, total: int) -> float:
    return min(100.0, round(100 * counts.progress / total))
