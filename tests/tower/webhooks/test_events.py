"""The end of a job, in the transaction in which it ends."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.jobs import JobType, ProductionJob
from db.models.webhooks import Webhook, WebhookDelivery
from tests.tower.webhooks.test_outbox import list_rows
from tower.errors import MergeError, RenderError, SupersededError, TowerError
from tower.jobs import attempts, lifecycle
from tower.jobs.attempts import Attempt
from tower.jobs.spec import GenerationSpec
from tower.webhooks.signing import make_secret


@pytest.fixture
def webhook(session: Session) -> Webhook:
    made = Webhook(url="https://hook.example/", secret=make_secret(), events=["completed", "failed"])
    session.add(made)
    session.flush()
    return made


def open_claimed_job(session: Session) -> tuple[ProductionJob, Attempt]:
    job = lifecycle.open_job(session, GenerationSpec(prompt="rain"), job_type=JobType.STANDARD)
    return job, attempts.claim_job(session, job.id, flow_run_id=None, timeout_s=60)


@pytest.mark.parametrize("error", [RenderError("No frames"), MergeError("No join")])
def test_a_failed_job_is_told_once_with_its_reason(session: Session, webhook: Webhook, error: TowerError) -> None:
    job, attempt = open_claimed_job(session)
    attempts.fail_job(session, attempt, error)
    with pytest.raises(SupersededError):
        attempts.fail_job(session, attempt, error)
    (row,) = list_rows(session)
    data = json.loads(row.body)["data"]
    assert (row.event.value, data["job_id"], data["error"]) == ("failed", job.id, error.message)
    assert (data["error_code"], data["prompt"], data["id"]) == (error.code, "rain", str(job.comfyui_job_id))
    assert data["ended_at"] is not None


def test_progress_and_a_cancel_are_not_told(session: Session, webhook: Webhook) -> None:
    job, attempt = open_claimed_job(session)
    attempts.report_progress(session, attempt, progress=0.5)
    lifecycle.cancel_job(session, job.id)
    assert list_rows(session) == []


def test_a_rolled_back_end_is_not_told(session: Session, webhook: Webhook) -> None:
    _, attempt = open_claimed_job(session)
    with session.begin_nested() as step:
        attempts.fail_job(session, attempt, RenderError("No frames"))
        step.rollback()
    assert session.scalar(select(WebhookDelivery.id)) is None
