"""A batch: a short run that starts what is due while the window is open, and publishes the report."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.batches import open_due_batch, publish_report


@flow(name="batch")
async def batch(batch_id: int | None = None) -> State[None]:
    """Start the entries that are due, in the batch of the open window. Their generations go on after this run.

    The reconciler asks for another run when a waiting entry can start, and with `batch_id` when the batch has ended.
    """
    opened = open_due_batch()
    for one in sorted({one for one in (batch_id, opened.batch_id) if one is not None}):
        publish_report(one)
    return Completed(message=opened.describe())
