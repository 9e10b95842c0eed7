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
from tower.errors import ConflictError
from tower.webhooks import outbox, subscriptions
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


def test_a_call_that_was_given_up_is_sent_again_under_its_id_with_all_its_tries(session: Session) -> None:
    webhook = add_webhook(session, WebhookEvent.FAILED)
    outbox.record_event(session, WebhookEvent.FAILED, {}, project_id=None)
    (first,) = outbox.claim_due(session)
    outbox.record_result(session, first, CallResult(410, "It answered 410", is_final=True))
    (row,) = list_rows(session)
    subscriptions.send_again(session, webhook.id, row.id)
    (again,) = outbox.claim_due(session)
    assert (again.message_id, again.body, again.tries) == (first.message_id, first.body, 2)
    with pytest.raises(ConflictError, match="is being made"):
        outbox.send_again(session, row)
    outbox.record_result(session, again, FAILED)
    assert row.next_try_at is not None
    delay = row.next_try_at - datetime.now(UTC)
    assert timedelta() < delay <= RETRY_DELAYS[0]
    assert (row.state, row.ended_at) == (DeliveryState.PENDING, None)
    assert [(one["answer"], one["reason"]) for one in row.attempts] == [(410, "It answered 410"), (500, FAILED.reason)]


def test_a_try_whose_process_was_killed_is_listed_without_an_end_and_can_be_made_again(session: Session) -> None:
    webhook = add_webhook(session, WebhookEvent.FAILED)
    outbox.record_event(session, WebhookEvent.FAILED, {}, project_id=None)
    outbox.claim_due(session)
    (row,) = list_rows(session)
    long_ago = datetime.now(UTC) - outbox.LEASE
    row.attempts = [row.attempts[0] | {"began_at": long_ago.isoformat()}]
    subscriptions.send_again(session, webhook.id, row.id)
    (call,) = outbox.claim_due(session)
    outbox.record_result(session, call, CallResult(204))
    assert [one["ended_at"] is None for one in row.attempts] == [True, False]


def test_the_old_secret_signs_for_the_stated_time(session: Session) -> None:
    webhook = add_webhook(session, WebhookEvent.FAILED)
    first = webhook.secret
    subscriptions.replace_secret(session, webhook.id, old_valid_for=timedelta(hours=1))
    now = datetime.now(UTC)
    assert outbox.list_secrets(webhook, now) == (webhook.secret, first)
    assert outbox.list_secrets(webhook, now + timedelta(hours=1)) == (webhook.secret,)
    second = webhook.secret
    subscriptions.replace_secret(session, webhook.id, old_valid_for=timedelta(hours=1))
    assert outbox.list_secrets(webhook, now) == (webhook.secret, second)
    subscriptions.replace_secret(session, webhook.id, old_valid_for=timedelta())
    assert outbox.list_secrets(webhook, now) == (webhook.secret,)


def test_an_old_secret_is_deleted_once_it_no_longer_signs(session: Session) -> None:
    webhook = add_webhook(session, WebhookEvent.FAILED)
    subscriptions.replace_secret(session, webhook.id, old_valid_for=timedelta(hours=1))
    outbox.forget_old_secrets(session)
    session.refresh(webhook)
    assert webhook.old_secret is not None
    webhook.old_secret_until = datetime.now(UTC) - timedelta(minutes=1)
    session.flush()
    outbox.forget_old_secrets(session)
    session.expire(webhook)
    assert session.get_one(Webhook, webhook.id).old_secret is None


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
