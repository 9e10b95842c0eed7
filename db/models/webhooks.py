"""Webhooks: who is called when something ends, and the calls that are due."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from db.base import PUBLIC, Base, IdMixin, TimestampMixin, text_enum


class WebhookEvent(StrEnum):
    COMPLETED = "completed"
    FAILED = "failed"
    PUBLISHED = "published"
    PING = "ping"  # a test


class DeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    GAVE_UP = "gave_up"


class Webhook(IdMixin, TimestampMixin, Base):
    __tablename__ = "webhooks"
    __table_args__ = (
        CheckConstraint("url ~ '^https?://' and char_length(url) <= 2000", name="url"),
        CheckConstraint(
            "events <@ array['completed', 'failed', 'published'] and cardinality(events) > 0", name="events"
        ),
        CheckConstraint("(old_secret is null) = (old_secret_until is null)", name="old_secret_has_end"),
        Index("ix_webhooks_project_id", "project_id"),
        {"schema": PUBLIC, "comment": "Addresses that are called when jobs end and films are published."},
    )

    url: Mapped[str]
    secret: Mapped[str] = mapped_column(comment="Key of the signatures, which is shown once, when it is made.")
    events: Mapped[list[str]] = mapped_column(ARRAY(Text), comment="Events that it is called for.")
    project_id: Mapped[int | None] = mapped_column(
        ForeignKey("anime_api.anime_projects.id", ondelete="CASCADE"),
        comment="Project whose events it is called for. Null: all.",
    )
    active: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    old_secret: Mapped[str | None] = mapped_column(
        sort_order=92, comment="The secret before it, which signs too. Null: there is none."
    )
    old_secret_until: Mapped[datetime | None] = mapped_column(
        sort_order=93, comment="Time until which the old secret signs."
    )


class WebhookDelivery(IdMixin, Base):
    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        CheckConstraint("tries_before between 0 and tries", name="tries"),
        CheckConstraint("(state = 'pending') = (next_try_at is not null)", name="pending_has_time"),
        CheckConstraint("(state = 'pending') = (ended_at is null)", name="ended_has_time"),
        CheckConstraint("state <> 'gave_up' or reason is not null", name="gave_up_has_reason"),
        Index("ix_webhook_deliveries_webhook_id_id", "webhook_id", "id"),
        Index("ix_webhook_deliveries_due", "next_try_at", postgresql_where=text("state = 'pending'")),
        Index("ix_webhook_deliveries_ended_at", "ended_at", postgresql_where=text("ended_at is not null")),
        {"schema": PUBLIC, "comment": "Calls of webhooks, written in the transaction of what they report."},
    )

    webhook_id: Mapped[int] = mapped_column(ForeignKey("public.webhooks.id", ondelete="CASCADE"))
    key: Mapped[uuid.UUID] = mapped_column(
        default=uuid.uuid4, unique=True, comment="Id of the message, the same in every try."
    )
    event: Mapped[WebhookEvent] = mapped_column(text_enum(WebhookEvent, "event"))
    body: Mapped[str] = mapped_column(comment="JSON exactly as it is signed and sent.")
    state: Mapped[DeliveryState] = mapped_column(
        text_enum(DeliveryState, "state"),
        default=DeliveryState.PENDING,
        server_default=DeliveryState.PENDING.value,
    )
    tries: Mapped[int] = mapped_column(default=0, server_default="0", comment="Number of tries begun so far.")
    tries_before: Mapped[int] = mapped_column(
        default=0,
        server_default="0",
        sort_order=92,
        comment="Number of tries before it was last sent again by hand.",
    )
    attempts: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB,
        default=list,
        server_default=text("'[]'::jsonb"),
        sort_order=93,
        comment="The last tries: begin, end, answer, reason. Without an end it runs, or its process was killed.",
    )
    next_try_at: Mapped[datetime | None] = mapped_column(
        server_default=func.now(),
        comment="Earliest time of the next try; during a try, of the one after a kill. Null: it has ended.",
    )
    answer: Mapped[int | None] = mapped_column(comment="HTTP status of the last answer. Null: none.")
    reason: Mapped[str | None] = mapped_column(comment="Why the last try failed, in one sentence. Null: it did not.")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]
