"""The episodes and story arcs of a branch."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.orm import Mapped, mapped_column

from db.base import PUBLIC, Base, text_enum
from db.columns import BranchMixin, branch_table_args, json_list, json_object


class EpisodeStatus(StrEnum):
    DRAFT = "draft"
    PROCESSING = "processing"
    COMPLETED = "completed"
    PUBLISHED = "published"
    FAILED = "failed"


class ArcStatus(StrEnum):
    PLANNED = "planned"
    ACTIVE = "active"
    RESOLVED = "resolved"


class Episode(BranchMixin, Base):
    __tablename__ = "episodes"
    __table_args__ = (
        *branch_table_args(
            "episodes",
            UniqueConstraint("branch_id", "episode_number", deferrable=True, initially="DEFERRED"),
            CheckConstraint("episode_number >= 1", name="episode_number"),
            CheckConstraint("char_length(title) between 1 and 200", name="title"),
            CheckConstraint("duration_s > 0", name="duration_s"),
            CheckConstraint("quality_score between 0 and 10", name="quality_score"),
            CheckConstraint(
                "status not in ('completed', 'published') or video_path is not null", name="completed_has_video"
            ),
            CheckConstraint("status <> 'failed' or error_message is not null", name="failed_has_reason"),
            CheckConstraint("status <> 'published' or published_path is not null", name="published_has_path"),
            Index("ix_episodes_asset_id", "asset_id"),
        ),
        {"schema": PUBLIC, "comment": "Current episodes of each branch. The API uses `key` as their id."},
    )

    episode_number: Mapped[int]
    title: Mapped[str]
    synopsis: Mapped[str] = mapped_column(default="", server_default="")
    status: Mapped[EpisodeStatus] = mapped_column(
        text_enum(EpisodeStatus, "status"), default=EpisodeStatus.DRAFT, server_default=EpisodeStatus.DRAFT.value
    )
    details: Mapped[dict[str, Any]] = json_object("Fields of the author: genre, mood, …", name="metadata")
    duration_s: Mapped[float | None] = mapped_column(
        comment="Measured length of the video. Seconds. Null: not assembled."
    )
    asset_id: Mapped[int | None] = mapped_column(ForeignKey("public.assets.id", ondelete="SET NULL"))
    video_path: Mapped[str | None]
    quality_score: Mapped[float | None]
    error_message: Mapped[str | None] = mapped_column(
        comment="Reason why the episode could not be assembled, in one sentence. Null: no failure."
    )
    published_path: Mapped[str | None] = mapped_column(comment="Path in the media library. Null: not published.")
    published_at: Mapped[datetime | None]
    cut: Mapped[dict[str, Any]] = mapped_column(
        default=dict,
        server_default=text("'{}'::jsonb"),
        sort_order=92,
        comment="Choices of the author: order, trims, transitions, cards, music. Empty: all scenes in story order.",
    )
    film_fingerprint: Mapped[str | None] = mapped_column(
        sort_order=93,
        comment="Fingerprint of the cut that the video was made from. Null: not assembled, or unknown.",
    )


class StoryArc(BranchMixin, Base):
    __tablename__ = "story_arcs"
    __table_args__ = (
        *branch_table_args(
            "story_arcs",
            CheckConstraint("char_length(name) between 1 and 200", name="name"),
            Index("ix_story_arcs_episode_keys", "episode_keys", postgresql_using="gin"),
        ),
        {"schema": PUBLIC, "comment": "Current story arcs of each branch; an arc spans episodes."},
    )

    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="", server_default="")
    status: Mapped[ArcStatus] = mapped_column(
        text_enum(ArcStatus, "status"), default=ArcStatus.PLANNED, server_default=ArcStatus.PLANNED.value
    )
    position: Mapped[int] = mapped_column(
        default=0, server_default="0", comment="Position among the arcs of the branch."
    )
    episode_keys: Mapped[list[uuid.UUID]] = mapped_column(
        ARRAY(UUID(as_uuid=True)),
        default=list,
        server_default=text("'{}'"),
        comment="Keys of the episodes, in story order.",
    )
    milestones: Mapped[list[Any]] = json_list("Milestones in story order: [{title, description, episode_key}].")
