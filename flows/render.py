"""The render of one segment, on a machine that has a GPU to give."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.render_segment import Drawing, carry_out, draw, store


@flow(name="render")
async def render(segment_id: int) -> State[None]:
    """Draw one row of the render queue. Its recipe waits for the row, not for this run."""
    return await carry_out(segment_id, make_clip)


async def make_clip(drawing: Drawing) -> None:
    """Draw → store: only a stored clip is a take."""
    remarks = draw(drawing)
    store(drawing, remarks)
