"""The segments of fast generations: the plan, and the state of each segment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from sqlalchemy import ARRAY, BigInteger, any_, literal, select
from sqlalchemy.orm import Session

from db.models.jobs import LIVE_STATUSES, ProductionJob
from db.models.rendering import RenderSegment, SegmentState
from tower.jobs.lifecycle import parse_spec
from tower.jobs.spec import GenerationSpec
from tower.media.overlap import OVERLAP_FRAMES, segment_frames


@dataclass(frozen=True)
class PlannedSegment:
    """A segment of `frames` frames from frame `start_frame` of the whole; neighbours share `overlap_frames`."""

    segment: int
    start_frame: int
    frames: int
    overlap_frames: int


@dataclass(frozen=True)
class SegmentProgress:
    """The numbers of the segments by state, ascending.

    While the job runs, each segment is in exactly one list; `processing` includes the waiting ones. After the job's
    end, `processing` is empty, and a stopped segment is in no list.
    """

    total: int
    completed: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    processing: list[int] = field(default_factory=list)


def plan_segments(spec: GenerationSpec) -> list[PlannedSegment]:
    """Plan one segment for each second. Raises InvalidError if the frame rate is too low for the overlap."""
    lengths = segment_frames(int(spec.duration_s), spec.fps, OVERLAP_FRAMES)
    starts = accumulate((frames - OVERLAP_FRAMES for frames in lengths[:-1]), initial=0)
    return [
        PlannedSegment(number, start, frames, OVERLAP_FRAMES)
        for number, (start, frames) in enumerate(zip(starts, lengths, strict=True), start=1)
    ]


def segment_progress_by_job(session: Session, jobs: Sequence[ProductionJob]) -> dict[int, SegmentProgress]:
    """The segment lists of these fast jobs, by job id."""
    states = _read_newest_states(session, [job.id for job in jobs]) if jobs else {}
    return {job.id: _group_by_state(job, states[job.id]) for job in jobs}


def _read_newest_states(session: Session, job_ids: Sequence[int]) -> dict[int, dict[int, SegmentState]]:
    """Read the state of the newest attempt, by job and segment."""
    states: dict[int, dict[int, SegmentState]] = defaultdict(dict)
    oldest_first = (
        select(RenderSegment.job_id, RenderSegment.segment, RenderSegment.state)
        .where(RenderSegment.job_id == any_(literal(list(job_ids), ARRAY(BigInteger))))
        .order_by(RenderSegment.attempt)
    )
    for job_id, segment, state in session.execute(oldest_first):
        states[job_id][segment] = state
    return states


def _group_by_state(job: ProductionJob, states: dict[int, SegmentState]) -> SegmentProgress:
    lists = SegmentProgress(int(parse_spec(job).duration_s))
    for segment in range(1, lists.total + 1):
        match states.get(segment):
            case SegmentState.COMPLETED:
                lists.completed.append(segment)
            case SegmentState.FAILED:
                lists.failed.append(segment)
            case _ if job.status in LIVE_STATUSES:
                lists.processing.append(segment)
    return lists
