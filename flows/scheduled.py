"""The run of an entry of the production schedule: it starts the renders that are due."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.batches import open_due_batch, publish_report, wait_until_due


@flow(name="scheduled")
async def scheduled(schedule_id: int) -> State[None]:
    """Start the entry, and every other one that is due, in the batch of the open window."""
    await wait_until_due(schedule_id)
    opened = open_due_batch(run_of=schedule_id)
    if opened.batch_id is not None:
        publish_report(opened.batch_id)
    return Completed(message=opened.describe())
