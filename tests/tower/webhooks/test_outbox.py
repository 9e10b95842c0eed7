"""The outbox: who gets which event, tries and their times, and what two processes do at once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.projects import Project
from db.models.webhooks import DeliveryState, Webhook, WebhookDelivery, WebhookEvent
from tower.webhooks import outbox
from tower.webhooks.outbox import MAX_TRIES, RETRY_DELAYS, CallResult
from tower.webhooks.signing import make_secret

FAILED = CallResult(500, "It answered 500")


def add_webhook(session: Session, *events: WebhookEvent, **fields: Any) -> Webhook:
    made = Webhook(url="https://hook.example/", secret=make_secret(), events=[e.value for e in events], **fields)
    session.add(made)
    session.flush()
    return made


def list_rows(session: Session) -> list[WebhookDelivery]:
    return list(session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))


def make_due(session: Session) -> None:
    session.execute(update(WebhookDelivery).values(next_try_at=datetime.now(UTC) - timedelta(seconds=1)))


def test_an_event_goes_to_those_who_want_it(session: Session) -> None:
    project, other = Project(name="A"), Project(name="B")
    session.add_all([project, other])
    session.flush()
    everything = add_webhook(session, WebhookEvent.FAILED, WebhookEvent.COMPLETED)
    own = add_webhook(session, WebhookEvent.FAILED, project_id=project.id)
    add_webhook(session, WebhookEvent.FAILED, project_id=other.id)
    add_webhook(session, WebhookEvent.PUBLISHED)
    add_webhook(session, WebhookEvent.FAILED, active=False)
    outbox.record_event(session, WebhookEvent.FAILED, {"job_id": 7}, project_id=project.id)
    rows = list_rows(session)
    assert [row.webhook_id for row in rows] == [everything.id, own.id]
    body = json.loads(rows[0].body)
    assert (body["type"], body["data"]) == ("failed", {"job_id": 7})
    assert datetime.fromisoformat(body["timestamp"]).tzinfo is not None


def test_a_failed_call_is_tried_again_ever_later_and_given_up_after_a_day(session: Session) -> None:
    add_webhook(session, WebhookEvent.FAILED)
    outbox.record_event(session, WebhookEvent.FAILED, {}, project_id=None)
    delays = []
    for _ in range(MAX_TRIES):
        make_due(session)
        (call,) = outbox.claim_due(session)
        assert outbox.claim_due(session) == []  # until the lease ends
        outbox.record_result(session, call, FAILED)
        (row,) = list_rows(session)
        if row.next_try_at is not None:
            delays.append(row.next_try_at - datetime.now(UTC))
    assert [round(delay.total_seconds() / 5) for delay in delays] == [
        round(delay.total_seconds() / 5) for delay in RETRY_DELAYS
    ]
    assert timedelta(hours=20) < sum(RETRY_DELAYS, timedelta()) < timedelta(hours=26)
    assert (row.state, row.tries, row.reason) == (DeliveryState.GAVE_UP, 8, "It answered 500")
    assert (row.answer, row.ended_at is not None) == (500, True)


def test_a_delivered_or_refused_call_is_not_made_again(session: Session) -> None:
    add_webhook(session, WebhookEvent.FAILED)
    for result, state in (
        (CallResult(200), DeliveryState.DELIVERED),
        (CallResult(410, "It answered 410", is_final=True), DeliveryState.GAVE_UP),
    ):
        outbox.record_event(session, WebhookEvent.FAILED, {}, project_id=None)
        (call,) = outbox.claim_due(session)
        outbox.record_result(session, call, result)
        assert list_rows(session)[-1].state == state
    make_nothing_due = outbox.claim_due(session)
    assert make_nothing_due == []


def test_a_late_result_of_a_lost_try_is_dropped(session: Session) -> None:
    add_webhook(session, WebhookEvent.FAILED)
    outbox.record_event(session, WebhookEvent.FAILED, {}, project_id=None)
    (lost,) = outbox.claim_due(session)
    make_due(session)  # its process was killed, and the lease has ended
    (again,) = outbox.claim_due(session)
    assert (again.message_id, again.body) == (lost.message_id, lost.body)
    outbox.record_result(session, lost, FAILED)
    assert list_rows(session)[0].answer is None
    outbox.record_result(session, again, CallResult(204))
    assert list_rows(session)[0].state == DeliveryState.DELIVERED


def test_two_processes_never_make_one_call_at_once(sessions: SessionFactory) -> None:
    with sessions.begin() as session:
        add_webhook(session, WebhookEvent.FAILED)
        outbox.record_event(session, WebhookEvent.FAILED, {}, project_id=None)
    with sessions.begin() as one, sessions.begin() as other:
        assert len(outbox.claim_due(one)) == 1
        assert outbox.claim_due(other) == []


def test_old_calls_are_forgotten_and_pending_ones_stay(session: Session) -> None:
    webhook = add_webhook(session, WebhookEvent.FAILED)
    for _ in range(2):
        outbox.record_event(session, WebhookEvent.FAILED, {}, project_id=None)
    first, second = list_rows(session)
    outbox.give_up_all(session, webhook.id, "The webhook was switched off")
    session.refresh(first)
    first.ended_at = datetime.now(UTC) - timedelta(days=31)
    session.flush()
    assert outbox.forget_ended(session) == 1
    assert [row.id for row in list_rows(session)] == [second.id]


@pytest.mark.parametrize("count", [outbox.BATCH + 5])
def test_a_pass_takes_a_bounded_number_of_calls(session: Session, count: int) -> None:
    add_webhook(session, WebhookEvent.FAILED)
    for _ in range(count):
        outbox.record_event(session, WebhookEvent.FAILED, {}, project_id=None)
    assert len(outbox.claim_due(session)) == outbox.BATCH
    assert len(outbox.claim_due(session)) == 5
