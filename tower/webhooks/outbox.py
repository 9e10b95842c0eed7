"""The outbox: calls that are due, written in the transaction of what they report, so that none is lost or invented."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import any_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from db.models.webhooks import DeliveryState, Webhook, WebhookDelivery, WebhookEvent
from tower.errors import ConflictError

RETRY_DELAYS = tuple(  # between the tries, about a day in all
    timedelta(seconds=seconds) for seconds in (5, 60, 300, 1800, 7200, 6 * 3600, 14 * 3600)
)
MAX_TRIES = len(RETRY_DELAYS) + 1
LEASE = timedelta(seconds=90)  # longer than a try; after a kill the next one begins then
BATCH = 20  # calls of one pass, which are made at once
KEPT_ATTEMPTS = 50  # of one call, which can be sent again any number of times
KEPT_FOR = timedelta(days=30)


@dataclass(frozen=True)
class DueCall:
    """A call that this process has to make now."""

    delivery_id: int
    message_id: str
    url: str
    secrets: Sequence[str]
    body: str
    tries: int


@dataclass(frozen=True)
class CallResult:
    """The answer's status, if there was one, and why the call failed. `is_final`: trying again would not help."""

    answer: int | None
    reason: str | None = None
    is_final: bool = False


def record_event(session: Session, event: WebhookEvent, data: Mapping[str, Any], *, project_id: int | None) -> None:
    """Write a call for each webhook that wants the event. The caller commits."""
    wanted = select(Webhook.id).where(
        Webhook.active,
        any_(Webhook.events) == event.value,
        or_(Webhook.project_id.is_(None), Webhook.project_id == project_id),
    )
    for webhook_id in session.scalars(wanted):
        session.add(WebhookDelivery(webhook_id=webhook_id, event=event, body=write_body(event, data)))
    session.flush()


def wants_event(session: Session, event: WebhookEvent) -> bool:
    """Whether any webhook is called for the event, so that nothing has to be read for it otherwise."""
    wanted = select(Webhook.id).where(Webhook.active, any_(Webhook.events) == event.value)
    return session.scalar(wanted.limit(1)) is not None


def write_body(event: WebhookEvent, data: Mapping[str, Any]) -> str:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return json.dumps({"type": event.value, "timestamp": now, "data": dict(data)}, ensure_ascii=False, default=str)


def claim_due(session: Session, *, limit: int = BATCH) -> Sequence[DueCall]:
    """Take calls that are due, so that no other process makes them while the lease lasts. The caller commits."""
    now = read_clock(session)
    due = (
        select(WebhookDelivery, Webhook)
        .join(Webhook, Webhook.id == WebhookDelivery.webhook_id)
        .where(WebhookDelivery.state == DeliveryState.PENDING, WebhookDelivery.next_try_at <= now)
        .order_by(WebhookDelivery.next_try_at)
        .limit(limit)
        .with_for_update(of=WebhookDelivery, skip_locked=True)
    )
    return [claim(row, webhook, now) for row, webhook in session.execute(due)]


def claim(row: WebhookDelivery, webhook: Webhook, now: datetime) -> DueCall:
    """Begin a try."""
    row.tries += 1
    row.next_try_at = now + LEASE
    begun = {"began_at": now.isoformat(), "ended_at": None, "answer": None, "reason": None}
    row.attempts = [*row.attempts, begun][-KEPT_ATTEMPTS:]
    return DueCall(row.id, message_id(row.key), webhook.url, list_secrets(webhook, now), row.body, row.tries)


def list_secrets(webhook: Webhook, now: datetime) -> tuple[str, ...]:
    """The secrets that sign a call now, the newest first."""
    if webhook.old_secret is None or webhook.old_secret_until is None or webhook.old_secret_until <= now:
        return (webhook.secret,)
    return (webhook.secret, webhook.old_secret)


def message_id(key: UUID) -> str:
    return f"msg_{key.hex}"


def record_result(session: Session, call: DueCall, result: CallResult) -> None:
    """Record how a try ended. A late result of a try whose lease has ended is dropped."""
    row = session.get(WebhookDelivery, call.delivery_id, with_for_update=True, populate_existing=True)
    if row is None or row.tries != call.tries:
        return
    now = read_clock(session)
    ended = {"ended_at": now.isoformat(), "answer": result.answer, "reason": result.reason}
    row.attempts = [*row.attempts[:-1], row.attempts[-1] | ended]
    if row.state != DeliveryState.PENDING:  # its webhook was switched off meanwhile
        return
    row.answer, row.reason = result.answer, result.reason
    tries = call.tries - row.tries_before
    if result.reason is None:
        _end(row, DeliveryState.DELIVERED, now)
    elif result.is_final or tries >= MAX_TRIES:
        _end(row, DeliveryState.GAVE_UP, now)
    else:
        row.next_try_at = now + RETRY_DELAYS[tries - 1]


def send_again(session: Session, row: WebhookDelivery) -> None:
    """Make the call due now, with all tries before it, whether it has ended or not. The caller holds its lock.

    Raises ConflictError while a try runs.
    """
    now = read_clock(session)
    last = row.attempts[-1] if row.attempts else None
    if last and last["ended_at"] is None and datetime.fromisoformat(last["began_at"]) + LEASE > now:
        raise ConflictError(f"Call {row.id} is being made; read how it ends first")
    row.state, row.next_try_at, row.ended_at = DeliveryState.PENDING, now, None
    row.tries_before = row.tries


def give_up_all(session: Session, webhook_id: int, reason: str) -> None:
    """End the pending calls of a webhook."""
    session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.state == DeliveryState.PENDING)
        .values(state=DeliveryState.GAVE_UP, next_try_at=None, ended_at=func.now(), reason=reason),
        execution_options={"synchronize_session": False},
    )


def forget_ended(session: Session) -> int:
    """Delete calls that ended KEPT_FOR ago, and return their count."""
    old = delete(WebhookDelivery).where(WebhookDelivery.ended_at < func.now() - KEPT_FOR)
    return len(session.scalars(old.returning(WebhookDelivery.id)).all())


def forget_old_secrets(session: Session) -> None:
    """Delete the secrets that no longer sign."""
    values: dict[str, Any] = {"old_secret": None, "old_secret_until": None, "updated_at": Webhook.updated_at}
    session.execute(update(Webhook).where(Webhook.old_secret_until <= func.now()).values(values))


def read_clock(session: Session) -> datetime:
    """The time by the database's clock, which all processes share."""
    now: datetime = session.scalars(select(func.clock_timestamp())).one()
    return now


def _end(row: WebhookDelivery, state: DeliveryState, now: datetime) -> None:
    row.state, row.next_try_at, row.ended_at = state, None, now
