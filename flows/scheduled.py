"""The run of an entry of the production schedule: it starts the renders that are due."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.schedule import start_due_renders, wait_until_due


@flow(name="scheduled")
async def scheduled(schedule_id: int) -> State[None]:
    """Start the entry, and every other one that is due. The reconciler launches the generations."""
    await wait_until_due(schedule_id)
    started = start_due_renders()
    return Completed(message=f"started {len(started)} entries of the schedule")
