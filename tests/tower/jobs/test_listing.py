"""The list of jobs: pages that neither lose nor repeat a job, in the order of ids or, where a time narrows, of time."""

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

NOON = datetime(2001, 1, 1, 12, tzinfo=UTC)  # before all others
MINUTE = timedelta(minutes=1)


@pytest.fixture
def ids(session: Session) -> list[int]:
    """Six jobs, a minute apart, but the third and the fourth are of one time and the last is older than its id."""
    made = [0, 1, 2, 2, 4, 3]
    rows = [lifecycle.open_job(session, GenerationSpec(prompt="x"), job_type=JobType.STANDARD) for _ in made]
    for row, minute in zip(rows, made, strict=True):
        row.created_at = NOON + minute * MINUTE
    rows[1].status = JobStatus.CANCELLED
    session.flush()
    return [row.id for row in rows]


def pages(session: Session, limit: int, **only: Any) -> list[int]:
    found: list[int] = []
    cursor = None
    while True:
        page = list_jobs(session, JobFilter(**only), PageRequest(limit, cursor))
        assert len(page.rows) <= limit
        found += [job.id for job in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_pages_of_a_time_have_each_job_once_newest_first(session: Session, ids: list[int], limit: int) -> None:
    window = {"since": NOON, "until": NOON + 10 * MINUTE}
    assert pages(session, limit, **window) == [ids[at] for at in (4, 5, 3, 2, 1, 0)]


def test_the_beginning_is_included_and_the_end_is_not(session: Session, ids: list[int]) -> None:
    found = pages(session, 2, since=NOON + 2 * MINUTE, until=NOON + 4 * MINUTE)
    assert found == [ids[5], ids[3], ids[2]]


def test_filters_narrow_together(session: Session, ids: list[int]) -> None:
    until = NOON + 10 * MINUTE
    assert pages(session, 2, status=JobStatus.CANCELLED, until=until) == [ids[1]]
    assert pages(session, 2, job_type=JobType.FAST, until=until) == []


def test_without_a_time_the_ids_decide(session: Session, ids: list[int]) -> None:
    newest = list_jobs(session, JobFilter(), PageRequest(3))
    assert [job.id for job in newest.rows] == ids[:2:-1]
    following = list_jobs(session, JobFilter(), PageRequest(3, newest.next_cursor))
    assert [job.id for job in following.rows] == ids[2::-1]
