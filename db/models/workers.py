"""Render workers, and settings shared by all of them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, CheckConstraint, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import PUBLIC, Base, text_enum


class WorkerState(StrEnum):
    READY = "ready"
    UNWELL = "unwell"
    STOPPED = "stopped"


class Worker(Base):
    __tablename__ = "workers"
    __table_args__ = (
        CheckConstraint("failures_in_a_row >= 0", name="failures_in_a_row"),
        CheckConstraint("vram_free_bytes <= vram_total_bytes", name="vram"),
        CheckConstraint("state <> 'unwell' or last_failure is not null", name="unwell_has_reason"),
        {"schema": PUBLIC, "comment": "Each worker of the gpu pool as it reported itself; one row a worker."},
    )

    name: Mapped[str] = mapped_column(primary_key=True, comment="as Prefect knows it; the same after a restart")
    host: Mapped[str]
    state: Mapped[WorkerState] = mapped_column(text_enum(WorkerState, "state"), default=WorkerState.READY)
    slots: Mapped[int] = mapped_column(comment="renders at once")
    engine: Mapped[str] = mapped_column(comment="what it renders with unless a shot asks otherwise")
    engines: Mapped[list[str]] = mapped_column(
        ARRAY(Text), default=list, server_default=text("'{}'"), sort_order=10, comment="all that it can render with"
    )
    comfyui_url: Mapped[str | None]
    gpu: Mapped[str | None] = mapped_column(comment="as its ComfyUI names it; null: none, or it could not be asked")
    vram_total_bytes: Mapped[int | None]
    vram_free_bytes: Mapped[int | None] = mapped_column(comment="when it was last seen")
    failures_in_a_row: Mapped[int] = mapped_column(default=0, server_default="0", comment="for its own reasons")
    last_failure: Mapped[str | None] = mapped_column(comment="one sentence")
    last_failure_code: Mapped[str | None]
    last_failure_at: Mapped[datetime | None]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now(), comment="its last report")


class Configuration(Base):
    __tablename__ = "configuration"
    __table_args__ = (
        {"schema": PUBLIC, "comment": "What POST /config has set: the default model and quality preset, …"},
    )

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
