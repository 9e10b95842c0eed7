"""The scenes of a branch."""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.base import ANIME_API, Base, text_enum
from db.columns import BranchMixin, branch_foreign_key, branch_table_args, json_list


class SceneStatus(StrEnum):
    DRAFT = "draft"
    GENERATED = "generated"
    RENDERED = "rendered"
    FINAL = "final"


# The searched text of a scene. Search words contain no line breaks, so they cannot match across its parts.
SEARCH_TEXT_SQL = """coalesce(title, '') || chr(10) || description || chr(10) || coalesce(location, '') || chr(10)
    || coalesce(mood, '') || chr(10) || jsonb_path_query_array(dialogue,
        '$[*].keyvalue() ? (@.key == "line" || @.key == "character").value')::text"""

# Searches scan the pending list of a GIN index entry by entry, so it is limited to 64 kB instead of 4 MB.
_SEARCHED: dict[str, Any] = {"postgresql_using": "gin", "postgresql_with": {"gin_pending_list_limit": 64}}


class Scene(BranchMixin, Base):
    __tablename__ = "scenes"
    __table_args__ = (
        *branch_table_args(
            "scenes",
            UniqueConstraint("branch_id", "scene_number", deferrable=True, initially="DEFERRED"),
            branch_foreign_key("episode_key", "public.episodes", ondelete="SET NULL (episode_key)"),
            CheckConstraint("scene_number >= 1", name="scene_number"),
            CheckConstraint("duration_s > 0", name="duration_s"),
            CheckConstraint("status not in ('rendered', 'final') or video_path is not null", name="rendered_has_video"),
            CheckConstraint(
                "accepted_asset_id is null or accepted_fingerprint is not null", name="accepted_take_has_fingerprint"
            ),
            Index("ix_scenes_branch_id_episode_key_scene_number", "branch_id", "episode_key", "scene_number"),
            Index("ix_scenes_characters", "characters", **_SEARCHED),
            Index("ix_scenes_accepted_asset_id", "accepted_asset_id"),
            Index("ix_scenes_words", text(f"({SEARCH_TEXT_SQL}) public.gin_trgm_ops"), **_SEARCHED),
            Index("ix_scenes_accepted", "branch_id", postgresql_where=text("accepted_fingerprint is not null")),
        ),
        {"schema": ANIME_API, "comment": "Current scenes of each branch."},
    )

    scene_number: Mapped[int] = mapped_column(
        comment="Number within the branch, from 1. Uniqueness is checked at the end of a transaction."
    )
    title: Mapped[str | None]
    description: Mapped[str]
    status: Mapped[SceneStatus] = mapped_column(
        text_enum(SceneStatus, "status"), default=SceneStatus.DRAFT, server_default=SceneStatus.DRAFT.value
    )
    episode_key: Mapped[uuid.UUID | None]
    duration_s: Mapped[float | None] = mapped_column(comment="Length of the scene. Seconds. Null: not set.")
    characters: Mapped[list[Any]] = json_list(
        "Characters in the given order: [{name, key}]. Null key: no such character yet."
    )
    dialogue: Mapped[list[Any]] = json_list(
        "Lines of dialogue: [{character, line, timestamp}]. Timestamps are seconds of the scene."
    )
    scene_type: Mapped[str | None] = mapped_column(
        comment="Type of the scene: dialogue, action, emotional or epic. Null: not set."
    )
    style: Mapped[str | None] = mapped_column(comment="Name of a style template. Null: the project's style.")
    location: Mapped[str | None]
    mood: Mapped[str | None]
    camera: Mapped[str | None]
    video_path: Mapped[str | None] = mapped_column(
        comment="Path of the accepted take, or of a video that the user set. Null: none."
    )
    accepted_asset_id: Mapped[int | None] = mapped_column(ForeignKey("public.assets.id", ondelete="SET NULL"))
    accepted_fingerprint: Mapped[str | None] = mapped_column(
        comment="Fingerprint of the accepted take. The scene is stale if its current fingerprint differs."
    )
    accepted_inputs: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True),
        deferred=True,  # about 2 kB per scene that lists do not need
        sort_order=93,
        comment="Inputs of the accepted take: {wish: overrides of the request, parts: inputs of the fingerprint}.",
    )
