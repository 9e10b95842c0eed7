"""Webhooks: addresses that are called when jobs end and films are published."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Self

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.errors import error_responses
from api.http.dependencies import CurrentSettings, DatabaseSession, DatabaseSessions, ReadingSession
from api.http.field_types import RowId
from api.http.paging import Pages
from api.http.strict_routes import Body, strict_router
from api.middleware.key_check import ADMIN
from db.models.webhooks import DeliveryState, Webhook, WebhookDelivery, WebhookEvent
from tower.webhooks import outbox, subscriptions
from tower.webhooks.subscriptions import SUBSCRIBED, WebhookFields
from tower.webhooks.targets import MAX_URL_LENGTH

router = strict_router(prefix="/api/anime/webhooks", tags=["webhooks"], dependencies=[ADMIN])

MAX_OLD_VALID_HOURS = 30 * 24
URL_EXAMPLE = "https://hooks.example.com/tower"
WebhookUrl = Annotated[str, StringConstraints(min_length=1, max_length=MAX_URL_LENGTH)]
Events = Annotated[list[Annotated[WebhookEvent, Field(strict=False)]], Field(min_length=1, max_length=len(SUBSCRIBED))]


class NewWebhook(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"url": URL_EXAMPLE, "events": ["failed"]}]})

    url: WebhookUrl = Field(description="An http or https address outside of this network.", examples=[URL_EXAMPLE])
    events: Events = Field(
        default_factory=lambda: list(SUBSCRIBED), description="Of completed, failed and published; by default all."
    )
    project_id: RowId | None = Field(None, description="Only the events of this project.")


class WebhookChange(Body):
    """A field that is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"active": False}]})

    url: WebhookUrl | None = None
    events: Events | None = None
    active: bool | None = Field(None, description="One that is switched off gives up its pending calls.")


class WebhookAnswer(BaseModel):
    id: int
    url: str
    events: list[WebhookEvent]
    project_id: int | None
    active: bool
    old_secret_until: datetime | None = Field(
        description="Until then, calls have a signature by the secret before it too. Null: only by the present one."
    )
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Webhook) -> Self:
        return cls.model_validate({name: getattr(row, name) for name in cls.model_fields})


class SecretChange(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"old_valid_hours": 24}]})

    old_valid_hours: int = Field(
        24, ge=0, le=MAX_OLD_VALID_HOURS, description="How long the secret before signs too. 0: not at all."
    )


class CreatedWebhook(WebhookAnswer):
    secret: str = Field(description="The key of the signatures, which is shown only here.")


class AttemptAnswer(BaseModel):
    """A try of a call. Without `ended_at` it runs, or its process was killed."""

    began_at: datetime
    ended_at: datetime | None
    answer: int | None = Field(description="HTTP status of the answer; null: none.")
    reason: str | None = Field(description="Why it failed; null: it did not.")


class DeliveryAnswer(BaseModel):
    """A call. The receiver gets `message_id` in the header webhook-id, the same in every try."""

    id: int
    message_id: str
    event: WebhookEvent
    state: DeliveryState
    tries: int
    answer: int | None = Field(description="HTTP status of the last answer; null: none.")
    reason: str | None = Field(description="Why the last try failed; null: it did not.")
    attempts: list[AttemptAnswer] = Field(description="Its last 50 tries, the oldest first.")
    next_try_at: datetime | None = Field(description="Null once it has ended.")
    created_at: datetime
    ended_at: datetime | None
    body: str = Field(description="JSON exactly as it is signed and sent.")

    @classmethod
    def of(cls, row: WebhookDelivery) -> Self:
        shared = {name: getattr(row, name) for name in cls.model_fields if name != "message_id"}
        return cls.model_validate({**shared, "message_id": outbox.message_id(row.key)})


class PingAnswer(BaseModel):
    """Whether a test call was delivered, and why not."""

    delivered: bool
    delivery_id: int
    answer: int | None
    reason: str | None


class DeletedWebhook(BaseModel):
    id: int
    deleted: bool = True


@router.post("", status_code=201, responses=error_responses(400, 409, 413, 415))
def create_webhook(body: NewWebhook, session: DatabaseSession, settings: CurrentSettings) -> CreatedWebhook:
    """Add a webhook. Its secret is in this answer only."""
    with session.begin():
        made = subscriptions.create_webhook(
            session, body.url, body.events, project_id=body.project_id, allow_private=settings.webhook_private
        )
        return CreatedWebhook.of(made)


@router.get("")
def webhooks(session: ReadingSession, pages: Pages) -> list[WebhookAnswer]:
    """Webhooks by id."""
    return pages.answer(subscriptions.list_webhooks(session, pages.page_request), WebhookAnswer.of)


@router.get("/{webhook_id}", responses=error_responses(404))
def webhook(webhook_id: RowId, session: ReadingSession) -> WebhookAnswer:
    """A webhook, without its secret."""
    return WebhookAnswer.of(subscriptions.find_webhook(session, webhook_id))


@router.put("/{webhook_id}", responses=error_responses(400, 404, 413, 415))
def change_webhook(
    webhook_id: RowId, body: WebhookChange, session: DatabaseSession, settings: CurrentSettings
) -> WebhookAnswer:
    """Change the fields that the body has."""
    fields = WebhookFields(**body.model_dump())
    with session.begin():
        return WebhookAnswer.of(
            subscriptions.change_webhook(session, webhook_id, fields, allow_private=settings.webhook_private)
        )


@router.delete("/{webhook_id}", responses=error_responses(404))
def delete_webhook(webhook_id: RowId, session: DatabaseSession) -> DeletedWebhook:
    """Remove a webhook and the record of its calls."""
    with session.begin():
        subscriptions.remove_webhook(session, webhook_id)
    return DeletedWebhook(id=webhook_id)


@router.get("/{webhook_id}/deliveries", responses=error_responses(404))
def webhook_deliveries(
    webhook_id: RowId,
    session: ReadingSession,
    pages: Pages,
    state: Annotated[DeliveryState | None, Query(description="By default all.")] = None,
) -> list[DeliveryAnswer]:
    """The calls of the last 30 days, newest first."""
    found = subscriptions.list_deliveries(session, webhook_id, pages.page_request, state=state)
    return pages.answer(found, DeliveryAnswer.of)


@router.get("/{webhook_id}/deliveries/{delivery_id}", responses=error_responses(404))
def webhook_delivery(webhook_id: RowId, delivery_id: RowId, session: ReadingSession) -> DeliveryAnswer:
    """A call with its tries."""
    return DeliveryAnswer.of(subscriptions.find_delivery(session, webhook_id, delivery_id))


@router.post("/{webhook_id}/deliveries/{delivery_id}/resend", status_code=202, responses=error_responses(404, 409))
def resend_webhook_delivery(webhook_id: RowId, delivery_id: RowId, session: DatabaseSession) -> DeliveryAnswer:
    """Send a call again, also one that was delivered or given up: with the same message id, and with all tries.

    It is made within seconds; its answer is in `attempts`. 409: a try runs, or the webhook is switched off.
    """
    with session.begin():
        return DeliveryAnswer.of(subscriptions.send_again(session, webhook_id, delivery_id))


@router.post("/{webhook_id}/secret", responses=error_responses(400, 404, 413, 415))
def replace_webhook_secret(webhook_id: RowId, body: SecretChange, session: DatabaseSession) -> CreatedWebhook:
    """Replace the secret. The new one is in this answer only; until `old_secret_until`, calls are signed by both."""
    old_valid_for = timedelta(hours=body.old_valid_hours)
    with session.begin():
        changed = subscriptions.replace_secret(session, webhook_id, old_valid_for=old_valid_for)
        return CreatedWebhook.of(changed)


@router.post("/{webhook_id}/test", responses=error_responses(404))
def ping_webhook(webhook_id: RowId, sessions: DatabaseSessions, settings: CurrentSettings) -> PingAnswer:
    """Call the webhook once with the event `ping`, and answer how that went. Takes up to 15 s."""
    with sessions.begin() as session:
        call = subscriptions.open_ping(session, webhook_id)
    result = subscriptions.call_once(call, allow_private=settings.webhook_private)
    with sessions.begin() as session:
        outbox.record_result(session, call, result)
    return PingAnswer(
        delivered=result.reason is None, delivery_id=call.delivery_id, answer=result.answer, reason=result.reason
    )
