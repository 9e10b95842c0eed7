"""Preferences of a creator, set by hand or learned from accepted takes."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.base import ANIME_API, Base, IdMixin, TimestampMixin, text_enum
from db.columns import json_object


class PreferenceSource(StrEnum):
    SET = "set"
    LEARNED = "learned"


class UserCreativePreference(IdMixin, TimestampMixin, Base):
    __tablename__ = "user_creative_preferences"
    __table_args__ = (
        UniqueConstraint("user_name", "project_id", "kind", "name", "source", postgresql_nulls_not_distinct=True),
        CheckConstraint("confidence between 0 and 1", name="confidence"),
        CheckConstraint("examples >= 0", name="examples"),
        CheckConstraint("source <> 'learned' or (confidence is not null and examples > 0)", name="learned_from"),
        Index("ix_user_creative_preferences_project_id", "project_id"),
        {"schema": ANIME_API, "comment": "Preferences of a creator, such as style, camera and tempo for a mood."},
    )

    user_name: Mapped[str] = mapped_column(
        default="local", server_default="local", comment="Name of the creator. `local` while no API keys are in use."
    )
    project_id: Mapped[int | None] = mapped_column(
        ForeignKey("anime_api.anime_projects.id", ondelete="CASCADE"),
        comment="Project in which the preference applies. Null: every project.",
    )
    kind: Mapped[str] = mapped_column(comment="Kind of the preference: mood, style, camera, …")
    name: Mapped[str] = mapped_column(comment="Name within the kind, such as the mood `melancholic`.")
    preference: Mapped[dict[str, Any]] = json_object("Preferred values: {style, camera, bpm_min, bpm_max, …}.")
    source: Mapped[PreferenceSource] = mapped_column(text_enum(PreferenceSource, "source"))
    confidence: Mapped[float | None] = mapped_column(
        comment="Confidence of a learned preference, 0–1. Null: set by the user."
    )
    examples: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="Number of takes from which the preference was learned."
    )
