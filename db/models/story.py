"""The events of a story in order, and facts that are true from an event on."""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.orm import Mapped, mapped_column

from db.base import ANIME_API, Base, text_enum
from db.columns import BranchMixin, branch_foreign_key, branch_table_args, json_object


class FactKind(StrEnum):
    CHARACTER = "character"
    RELATIONSHIP = "relationship"
    PLACE = "place"
    OBJECT = "object"
    WORLD = "world"


class StoryTimeline(BranchMixin, Base):
    __tablename__ = "story_timelines"
    __table_args__ = (
        *branch_table_args(
            "story_timelines",
            UniqueConstraint("branch_id", "position", deferrable=True, initially="DEFERRED"),
            branch_foreign_key("scene_key", "anime_api.scenes", ondelete="SET NULL (scene_key)"),
            CheckConstraint("position >= 1", name="position"),
            CheckConstraint("char_length(title) between 1 and 200", name="title"),
            Index("ix_story_timelines_branch_id_scene_key", "branch_id", "scene_key"),
        ),
        {"schema": ANIME_API, "comment": "The events of a story in the order in which they happen, on each branch."},
    )

    position: Mapped[int] = mapped_column(comment="1, 2, … in story order; checked at commit, to allow reorder")
    story_time: Mapped[str | None] = mapped_column(comment="when it happens, in the story's own words")
    title: Mapped[str]
    description: Mapped[str] = mapped_column(default="", server_default="")
    scene_key: Mapped[uuid.UUID | None] = mapped_column(comment="the scene that shows it; null: off screen")
    character_keys: Mapped[list[uuid.UUID]] = mapped_column(
        ARRAY(UUID(as_uuid=True)), default=list, server_default=text("'{}'"), comment="who takes part"
    )


class StorylineContext(BranchMixin, Base):
    __tablename__ = "storyline_context"
    __table_args__ = (
        *branch_table_args(
            "storyline_context",
            branch_foreign_key("event_key", "anime_api.story_timelines", ondelete="CASCADE"),
            branch_foreign_key("until_event_key", "anime_api.story_timelines", ondelete="SET NULL (until_event_key)"),
            Index("ix_storyline_context_branch_id_event_key", "branch_id", "event_key"),
            Index("ix_storyline_context_branch_id_until_event_key", "branch_id", "until_event_key"),
            Index("ix_storyline_context_branch_id_subject_key", "branch_id", "subject_key"),
        ),
        {"schema": ANIME_API, "comment": "What is true from one event of the story on: fed to planner and enhancer."},
    )

    event_key: Mapped[uuid.UUID] = mapped_column(comment="true from this event on")
    until_event_key: Mapped[uuid.UUID | None] = mapped_column(
        comment="no longer true from this one on; null: it stays true"
    )
    kind: Mapped[FactKind] = mapped_column(text_enum(FactKind, "kind"))
    subject: Mapped[str] = mapped_column(comment="whom or what it is about, in words")
    subject_key: Mapped[uuid.UUID | None] = mapped_column(comment="the character or scene it is about, if it is one")
    statement: Mapped[str] = mapped_column(comment="one sentence")
    prompt_terms: Mapped[dict[str, Any]] = json_object("what it adds to pictures: {positive, negative}")
