"""The thread that makes the calls, on a real database and a real receiver."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from db.engine import SessionFactory
from db.models.webhooks import DeliveryState, Webhook, WebhookDelivery, WebhookEvent
from tests.webhook_receiver import Receiver
from tower.webhooks import outbox
from tower.webhooks.deliverer import WebhookDeliverer
from tower.webhooks.signing import make_secret


@pytest.fixture
def deliverer(sessions: SessionFactory, receiver: Receiver) -> Iterator[WebhookDeliverer]:
    with sessions.begin() as session:
        session.add(Webhook(url=receiver.url, secret=make_secret(), events=["failed"]))
    made = WebhookDeliverer(sessions, allow_private=True, interval_s=0.05)
    made.start()
    yield made
    made.stop()


def test_what_is_committed_is_delivered_and_a_failure_is_tried_again(
    deliverer: WebhookDeliverer, sessions: SessionFactory, receiver: Receiver
) -> None:
    receiver.statuses = [503]
    with sessions.begin() as session:
        outbox.record_event(session, WebhookEvent.FAILED, {"job_id": 1}, project_id=None)
    receiver.wait_for(1)
    with sessions.begin() as session:
        outbox.record_event(session, WebhookEvent.FAILED, {"job_id": 2}, project_id=None)
    receiver.wait_for(2)
    with sessions.begin() as session:  # the time of the next try has come
        due = update(WebhookDelivery).where(WebhookDelivery.state == DeliveryState.PENDING)
        session.execute(due.values(next_try_at=WebhookDelivery.created_at))
    calls = receiver.wait_for(3)
    assert len({call.headers["webhook-id"] for call in calls}) == 2
    deliverer.stop()
    with sessions() as session:
        rows = session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)).all()
    assert {row.state for row in rows} == {DeliveryState.DELIVERED}
