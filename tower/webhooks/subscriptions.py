"""The webhooks of this installation: made, listed, changed and removed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models.projects import Project
from db.models.webhooks import DeliveryState, Webhook, WebhookDelivery, WebhookEvent
from tower.errors import ConflictError, InvalidError, NotFoundError
from tower.pages import Page, PageRequest, fetch_page
from tower.webhooks import outbox
from tower.webhooks.calling import make_calls
from tower.webhooks.signing import make_secret
from tower.webhooks.targets import check_url

MAX_WEBHOOKS = 100  # each job writes a call for each
SUBSCRIBED = (WebhookEvent.COMPLETED, WebhookEvent.FAILED, WebhookEvent.PUBLISHED)


@dataclass(frozen=True)
class WebhookFields:
    """The fields of a webhook. None leaves a field as it is."""

    url: str | None = None
    events: Sequence[WebhookEvent] | None = None
    active: bool | None = None


def create_webhook(
    session: Session, url: str, events: Sequence[WebhookEvent], *, project_id: int | None, allow_private: bool
) -> Webhook:
    """Make a webhook with a new secret. Raises InvalidError, ConflictError if there are too many."""
    if session.scalars(select(func.count(Webhook.id))).one() >= MAX_WEBHOOKS:
        raise ConflictError(f"There are {MAX_WEBHOOKS} webhooks already; remove one first")
    _check_project(session, project_id)
    made = Webhook(
        url=check_url(url, allow_private=allow_private),
        secret=make_secret(),
        events=_ordered(events),
        project_id=project_id,
    )
    session.add(made)
    session.flush()
    return made


def list_webhooks(session: Session, page: PageRequest) -> Page[Webhook]:
    return fetch_page(session, select(Webhook), Webhook.id, page=page)


def find_webhook(session: Session, webhook_id: int, *, lock: bool = False) -> Webhook:
    """Raises NotFoundError."""
    found = session.get(Webhook, webhook_id, with_for_update=lock or None, populate_existing=True)
    if found is None:
        raise NotFoundError(f"There is no webhook {webhook_id}")
    return found


def change_webhook(session: Session, webhook_id: int, fields: WebhookFields, *, allow_private: bool) -> Webhook:
    """Set the given fields. One that is switched off gives up its pending calls. Raises NotFoundError, InvalidError."""
    found = find_webhook(session, webhook_id, lock=True)
    if fields.url is not None:
        found.url = check_url(fields.url, allow_private=allow_private)
    if fields.events is not None:
        found.events = _ordered(fields.events)
    if fields.active is not None:
        found.active = fields.active
    if not found.active:
        outbox.give_up_all(session, webhook_id, "The webhook was switched off")
    session.flush()
    session.refresh(found)
    return found


def replace_secret(session: Session, webhook_id: int, *, old_valid_for: timedelta) -> Webhook:
    """Make a new secret. The one before signs too for this time; one before that, no longer. Raises NotFoundError."""
    found = find_webhook(session, webhook_id, lock=True)
    found.old_secret, found.old_secret_until = None, None
    if old_valid_for:
        found.old_secret, found.old_secret_until = found.secret, outbox.read_clock(session) + old_valid_for
    found.secret = make_secret()
    session.flush()
    session.refresh(found)
    return found


def remove_webhook(session: Session, webhook_id: int) -> None:
    """Remove a webhook with its calls. Raises NotFoundError."""
    session.delete(find_webhook(session, webhook_id, lock=True))
    session.flush()


def list_deliveries(
    session: Session, webhook_id: int, page: PageRequest, *, state: DeliveryState | None = None
) -> Page[WebhookDelivery]:
    """The calls of a webhook, newest first. Raises NotFoundError."""
    find_webhook(session, webhook_id)
    rows = select(WebhookDelivery).where(WebhookDelivery.webhook_id == webhook_id)
    if state is not None:
        rows = rows.where(WebhookDelivery.state == state)
    return fetch_page(session, rows, WebhookDelivery.id, page=page, newest_first=True)


def find_delivery(session: Session, webhook_id: int, delivery_id: int) -> WebhookDelivery:
    """Raises NotFoundError."""
    return _find_delivery(session, webhook_id, delivery_id, lock=False)


def send_again(session: Session, webhook_id: int, delivery_id: int) -> WebhookDelivery:
    """Make a call due again, with the same message id. Raises NotFoundError, ConflictError."""
    webhook = find_webhook(session, webhook_id, lock=True)
    row = _find_delivery(session, webhook_id, delivery_id, lock=True)
    if row.event == WebhookEvent.PING:
        raise ConflictError("A test call is not sent again; test the webhook again")
    if not webhook.active:
        raise ConflictError(f"Webhook {webhook_id} is switched off; switch it on first")
    outbox.send_again(session, row)
    session.flush()
    return row


def open_ping(session: Session, webhook_id: int) -> outbox.DueCall:
    """Begin the only try of a test call. Raises NotFoundError."""
    webhook = find_webhook(session, webhook_id)
    data = {"webhook_id": webhook_id, "project_id": webhook.project_id}
    row = WebhookDelivery(
        webhook_id=webhook_id, event=WebhookEvent.PING, body=outbox.write_body(WebhookEvent.PING, data)
    )
    session.add(row)
    session.flush()
    return outbox.claim(row, webhook, outbox.read_clock(session))


def call_once(call: outbox.DueCall, *, allow_private: bool) -> outbox.CallResult:
    """Make a call that is not tried again."""
    (result,) = make_calls([call], allow_private=allow_private)
    return outbox.CallResult(result.answer, result.reason, is_final=True)


def _find_delivery(session: Session, webhook_id: int, delivery_id: int, *, lock: bool) -> WebhookDelivery:
    found = session.get(WebhookDelivery, delivery_id, with_for_update=lock or None, populate_existing=True)
    if found is None or found.webhook_id != webhook_id:
        raise NotFoundError(f"Webhook {webhook_id} has no call {delivery_id}")
    return found


def _check_project(session: Session, project_id: int | None) -> None:
    known = select(Project.id).where(Project.id == project_id, Project.deleted_at.is_(None))
    if project_id is not None and session.scalar(known) is None:
        raise InvalidError.field("project_id", project_id, "the id of an existing project")


def _ordered(events: Sequence[WebhookEvent]) -> list[str]:
    """The events once each. Raises InvalidError if there are none, or one that cannot be subscribed to."""
    if not events or not set(events) <= set(SUBSCRIBED):
        names = ", ".join(SUBSCRIBED)
        raise InvalidError.field("events", [event.value for event in events], f"at least one of {names}")
    return [event.value for event in SUBSCRIBED if event in events]
