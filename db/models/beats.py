"""Beat analyses of audio files."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.base import PUBLIC, Base, IdMixin


class BeatAnalysis(IdMixin, Base):
    __tablename__ = "beat_analyses"
    __table_args__ = (
        UniqueConstraint("sha256", "version", "hint"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        CheckConstraint("bpm between 20 and 400", name="bpm"),
        CheckConstraint("confidence between 0 and 1", name="confidence"),
        CheckConstraint("duration_s >= 0 and seconds >= 0", name="durations"),
        Index("ix_beat_analyses_version", "version"),
        {"schema": PUBLIC, "comment": "Tempo and beats of audio files, by content, method version and hint."},
    )

    sha256: Mapped[str] = mapped_column(comment="SHA-256 of the file's bytes.")
    version: Mapped[int] = mapped_column(comment="Version of the analysis method.")
    hint: Mapped[str] = mapped_column(comment="Tempo hint of the request: bpm=…,low_bpm=…,high_bpm=…. Empty: no hint.")
    bpm: Mapped[float | None] = mapped_column(comment="Detected tempo. Beats per minute. Null: no beat was detected.")
    confidence: Mapped[float] = mapped_column(comment="Confidence of the tempo, 0–1.")
    duration_s: Mapped[float] = mapped_column(comment="Length of the sound. Seconds.")
    analysis: Mapped[dict[str, Any]] = mapped_column(
        JSONB(), comment="Whole result: beats, downbeats, tempo changes, candidates."
    )
    seconds: Mapped[float] = mapped_column(comment="Duration of the analysis. Seconds.")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    structure: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True), comment="Key, sections, energy and drops. Null: not requested yet."
    )
    structure_version: Mapped[int | None] = mapped_column(
        comment="Version of the method that found the structure. Null: not requested yet."
    )
    structure_seconds: Mapped[float | None] = mapped_column(
        comment="Duration of the structure analysis. Seconds. Null: not requested yet."
    )
