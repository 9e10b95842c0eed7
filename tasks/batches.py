"""The steps of the runs that open batches."""

from __future__ import annotations

import asyncio

from prefect.artifacts import create_markdown_artifact

from tasks.resources import open_studio, resources
from tasks.retries import retrying_task
from tower.batches.listing import find_batch, mark_reported
from tower.batches.opening import OpenedBatch, open_batch
from tower.batches.report_page import render_report
from tower.batches.reporting import read_report
from tower.batches.starts import seconds_until_start

MAX_EARLY_S = 900.0  # seconds that the clock of Prefect may be ahead of the database's
LOOK_S = 5.0


@retrying_task("wait until due")
async def wait_until_due(schedule_id: int) -> None:
    """Wait if the clock of the database is behind that of Prefect. An entry that was moved far away is not awaited."""
    while 0 < (left_s := _seconds_left(schedule_id)) <= MAX_EARLY_S:
        await asyncio.sleep(min(left_s, LOOK_S))


@retrying_task("open")
def open_due_batch(run_of: int | None = None) -> OpenedBatch:
    """Start the entries that are due, if the window is open. An entry that another run has started is left alone."""
    with open_studio() as studio:
        return open_batch(resources().sessions, studio, run_of=run_of)


@retrying_task("report")
def publish_report(batch_id: int) -> None:
    """Publish the report of the batch as it is now; that of an ended batch is its last one."""
    with resources().sessions() as session:
        batch = find_batch(session, batch_id)
        page, ended_at = render_report(batch, read_report(session, batch)), batch.ended_at
    create_markdown_artifact(page, key=f"batch-{batch_id}", description=f"Batch {batch_id}")
    if ended_at is not None:
        with resources().sessions.begin() as session:
            mark_reported(session, batch_id, ended_at=ended_at)


def _seconds_left(schedule_id: int) -> float:
    with resources().sessions() as session:
        return seconds_until_start(session, schedule_id) or 0.0
