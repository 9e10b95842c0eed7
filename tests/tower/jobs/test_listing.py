"""The list of jobs. Its pages neither lose nor repeat a job, in order of ids or, with a time filter, of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.models.jobs import JobStatus, JobType
from tower.jobs import lifecycle
from tower.jobs.listing import JobFilter, list_jobs
from tower.jobs.spec import GenerationSpec
from tower.pages import PageRequest

NOON = datetime(2001, 1, 1, 12, tzinfo=UTC)  # Earlier than all others.
MINUTE = timedelta(minutes=1)


@pytest.fixture
def ids(session: Session) -> list[int]:
    """Six jobs at intervals of a minute. The third and fourth have the same time, and the last is older than its id."""
    offsets = [0, 1, 2, 2, 4, 3]
    rows = [lifecycle.open_job(session, GenerationSpec(prompt="x"), job_type=JobType.STANDARD) for _ in offsets]
    for row, minute in zip(rows, offsets, strict=True):
        row.created_at = NOON + minute * MINUTE
    rows[1].status = JobStatus.CANCELLED
    session.flush()
    return [row.id for row in rows]


def pages(session: Session, limit: int, **only: Any) -> list[int]:
    listed_ids: list[int] = []
    cursor = None
    while True:
        page = list_jobs(session, JobFilter(**only), PageRequest(limit, cursor))
        assert len(page.rows) <= limit
        listed_ids += [job.id for job in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            return listed_ids


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_pages_by_time_list_each_job_once_newest_first(session: Session, ids: list[int], limit: int) -> None:
    window = {"since": NOON, "until": NOON + 10 * MINUTE}
    assert pages(session, limit, **window) == [ids[index] for index in (4, 5, 3, 2, 1, 0)]


def test_the_start_of_the_period_is_included_and_the_end_is_not(session: Session, ids: list[int]) -> None:
    listed_ids = pages(session, 2, since=NOON + 2 * MINUTE, until=NOON + 4 * MINUTE)
    assert listed_ids == [ids[5], ids[3], ids[2]]


def test_filters_combine(session: Session, ids: list[int]) -> None:
    until = NOON + 10 * MINUTE
    assert pages(session, 2, status=JobStatus.CANCELLED, until=until) == [ids[1]]
    assert pages(session, 2, job_type=JobType.FAST, until=until) == []


def test_without_a_time_filter_jobs_are_ordered_by_id(session: Session, ids: list[int]) -> None:
    newest = list_jobs(session, JobFilter(), PageRequest(3))
    assert [job.id for job in newest.rows] == ids[:2:-1]
    following = list_jobs(session, JobFilter(), PageRequest(3, newest.next_cursor))
    assert [job.id for job in following.rows] == ids[2::-1]
