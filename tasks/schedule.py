"""The steps of a scheduled run."""

from __future__ import annotations

import asyncio

from tasks.resources import resources
from tasks.retries import retrying_task
from tower.engines.comfyui.servers import ComfyUIServers
from tower.rendering.studio import Studio
from tower.staleness.scheduled_renders import seconds_until_due, start_due_entries

MAX_EARLY_S = 900.0  # seconds that the clock of Prefect may be ahead of the database's
LOOK_S = 5.0


@retrying_task("wait until due")
async def wait_until_due(schedule_id: int) -> None:
    """Wait if the clock of the database is behind that of Prefect. An entry that was moved far away is not awaited."""
    while 0 < (left_s := _seconds_left(schedule_id)) <= MAX_EARLY_S:
        await asyncio.sleep(min(left_s, LOOK_S))


@retrying_task("start")
def start_due_renders() -> list[int]:
    """Start the entries that are due. An entry that another run has started is left alone."""
    studio = Studio(resources().settings, ComfyUIServers())
    try:
        return start_due_entries(resources().sessions, studio)
    finally:
        studio.servers.close()


def _seconds_left(schedule_id: int) -> float:
    with resources().sessions() as session:
        return seconds_until_due(session, schedule_id) or 0.0
