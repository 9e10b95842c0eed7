"""Batches: what was started by itself in one opening of the production window."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import PUBLIC, Base, IdMixin, TimestampMixin


class Batch(IdMixin, TimestampMixin, Base):
    __tablename__ = "batches"
    __table_args__ = (
        UniqueConstraint("opens_at"),
        CheckConstraint("(opens_at is null) = (closes_at is null) and closes_at > opens_at", name="opening"),
        CheckConstraint("ended_at is null or report is not null", name="ended_has_report"),
        Index("ix_batches_open", "id", postgresql_where=text("reported_at is null")),
        {"schema": PUBLIC, "comment": "Batches of scheduled renders, at most one for each opening of the window."},
    )

    opens_at: Mapped[datetime | None] = mapped_column(
        comment="Begin of the opening of the window that it belongs to. Null: a user started it."
    )
    closes_at: Mapped[datetime | None] = mapped_column(
        comment="End of that opening; later, no entry starts. Null: a user started it."
    )
    ended_at: Mapped[datetime | None] = mapped_column(comment="Time when its last entry ended. Null: it is live.")
    report: Mapped[dict[str, Any] | None] = mapped_column(comment="Report of its end. Null: it is live.")
    reported_at: Mapped[datetime | None] = mapped_column(
        comment="Time when the report was published in Prefect. Null: not yet."
    )
    flow_run_id: Mapped[uuid.UUID | None] = mapped_column(
        sort_order=92, comment="Prefect run that opens its entries or publishes its report. Null: none."
    )
    launches: Mapped[int] = mapped_column(
        default=0, server_default="0", sort_order=93, comment="Number of its runs that have ended."
    )
