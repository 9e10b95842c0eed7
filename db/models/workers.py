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
        {"schema": PUBLIC, "comment": "Workers of the gpu pool with their last report, one row per worker."},
    )

    name: Mapped[str] = mapped_column(
        primary_key=True, comment="Name of the worker in Prefect. It stays the same after a restart."
    )
    host: Mapped[str]
    state: Mapped[WorkerState] = mapped_column(text_enum(WorkerState, "state"), default=WorkerState.READY)
    slots: Mapped[int] = mapped_column(comment="Number of simultaneous renders.")
    engine: Mapped[str] = mapped_column(comment="Engine for shots that request none.")
    engines: Mapped[list[str]] = mapped_column(
        ARRAY(Text),
        default=list,
        server_default=text("'{}'"),
        sort_order=10,
        comment="All engines that the worker offers.",
    )
    comfyui_url: Mapped[str | None]
    gpu: Mapped[str | None] = mapped_column(comment="Name of the GPU as ComfyUI reports it. Null: none, or unknown.")
    vram_total_bytes: Mapped[int | None]
    vram_free_bytes: Mapped[int | None] = mapped_column(
        comment="Free GPU memory at the last report. Bytes. Null: unknown."
    )
    failures_in_a_row: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="Number of consecutive failures caused by the worker itself."
    )
    last_failure: Mapped[str | None] = mapped_column(comment="Last failure, in one sentence. Null: none.")
    last_failure_code: Mapped[str | None]
    last_failure_at: Mapped[datetime | None]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now(), comment="Time of the last report.")


class Configuration(Base):
    __tablename__ = "configuration"
    __table_args__ = (
        {"schema": PUBLIC, "comment": "Values set by POST /config, such as the default model and quality preset."},
    )

    key: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
