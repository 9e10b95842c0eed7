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
        {"schema": PUBLIC, "comment": "Beats and tempo of a file's content, once for each version of the method."},
    )

    sha256: Mapped[str] = mapped_column(comment="of the file's bytes, wherever it lies")
    version: Mapped[int] = mapped_column(comment="of the method")
    hint: Mapped[str] = mapped_column(comment="what it was told beforehand: bpm=…,low_bpm=…,high_bpm=…; empty: nothing")
    bpm: Mapped[float | None] = mapped_column(comment="null: no beat was heard")
    confidence: Mapped[float]
    duration_s: Mapped[float]
    analysis: Mapped[dict[str, Any]] = mapped_column(
        JSONB(), comment="all of it: beats, downbeats, changes, candidates"
    )
    seconds: Mapped[float] = mapped_column(comment="that the analysis took")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    structure: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True), comment="key, sections, energy and drops; null: not asked for yet"
    )
    structure_version: Mapped[int | None] = mapped_column(comment="of the method that found the structure")
    structure_seconds: Mapped[float | None] = mapped_column(comment="that finding the structure took")
