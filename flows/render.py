"""The recipe that renders one segment on a gpu worker."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.render_segment import Drawing, carry_out, draw, store


@flow(name="render")
async def render(segment_id: int) -> State[None]:
    """Render one row of the render queue. The recipe of the job waits for the row, not for this run."""
    return await carry_out(segment_id, make_clip)


async def make_clip(drawing: Drawing) -> None:
    """Render → store: only a stored clip is a take."""
    remarks = draw(drawing)
    store(drawing, remarks)
