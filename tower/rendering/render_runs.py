"""Finds segments whose render run is lost, and abandons that attempt."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from uuid import UUID

from db.engine import SessionFactory
from db.models.rendering import RenderSegment, SegmentState
from tower.clients.prefect import FlowRunInfo, PrefectClient
from tower.errors import ConflictError, UnavailableError
from tower.jobs import lifecycle
from tower.jobs.lost_runs import ClaimWatch, describe_end
from tower.rendering import segments


@dataclass(frozen=True)
class LostRender:
    """An abandoned attempt. `was_claimed` is False if no worker began its run."""

    reason: str
    was_claimed: bool


def abandon_if_lost(
    sessions: SessionFactory, prefect: PrefectClient, row: RenderSegment, flow_run_id: UUID, *, watch: ClaimWatch
) -> LostRender | None:
    """Abandon the attempt if its run is lost, and stop the run. A run that the user cancelled cancels the job.

    Returns None if the run is alive, or if the attempt has meanwhile been claimed or ended. Raises UnavailableError.
    """
    run = prefect.get_runs([flow_run_id]).get(flow_run_id)
    if run is not None and run.state.type in ("CANCELLING", "CANCELLED"):
        _cancel_job(sessions, row.job_id)
        return None
    was_claimed = row.state != SegmentState.QUEUED
    if run is None or run.state.has_ended:
        loss = describe_end(run.state if run else None)
    elif was_claimed or (found := watch.find_loss(flow_run_id, run)) is None:
        return None
    else:
        loss = found
    with sessions.begin() as session:
        if not segments.abandon_segment(session, row.id, loss.reason, was_claimed=was_claimed):
            return None
    _stop_run(prefect, flow_run_id, run)
    return LostRender(loss.reason, was_claimed)


def _cancel_job(sessions: SessionFactory, job_id: int) -> None:
    with contextlib.suppress(ConflictError), sessions.begin() as session:  # it has just ended
        lifecycle.cancel_job(session, job_id)


def _stop_run(prefect: PrefectClient, flow_run_id: UUID, run: FlowRunInfo | None) -> None:
    """Stop an abandoned run, so that it holds no slot. If Prefect does not answer, the end of the job stops it."""
    if run is not None and not run.state.has_ended:
        with contextlib.suppress(UnavailableError):
            prefect.cancel(flow_run_id, run.state)
