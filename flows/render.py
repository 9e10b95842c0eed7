"""The recipe that renders one segment on a gpu worker."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.render_segment import ClaimedSegment, render_clip, run_segment, store_clip


@flow(name="render")
async def render(segment_id: int) -> State[None]:
    """Render one row of the render queue. The recipe of the job waits for the row, not for this run."""
    return await run_segment(segment_id, make_clip)


async def make_clip(claimed: ClaimedSegment) -> None:
    """Render → store: only a stored clip is a take."""
    remarks = render_clip(claimed)
    store_clip(claimed, remarks)
