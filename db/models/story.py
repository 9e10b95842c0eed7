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
        {"schema": ANIME_API, "comment": "Current events of each branch, in story order."},
    )

    position: Mapped[int] = mapped_column(
        comment="Position in story order, from 1. Uniqueness is checked at the end of a transaction."
    )
    story_time: Mapped[str | None] = mapped_column(
        comment="Time within the story, in the author's words. Null: not given."
    )
    title: Mapped[str]
    description: Mapped[str] = mapped_column(default="", server_default="")
    scene_key: Mapped[uuid.UUID | None] = mapped_column(
        comment="Key of the scene that shows the event. Null: off screen."
    )
    character_keys: Mapped[list[uuid.UUID]] = mapped_column(
        ARRAY(UUID(as_uuid=True)),
        default=list,
        server_default=text("'{}'"),
        comment="Keys of the characters that take part.",
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
        {"schema": ANIME_API, "comment": "Facts that hold from one event of the story on, on each branch."},
    )

    event_key: Mapped[uuid.UUID] = mapped_column(comment="Key of the event from which the fact holds.")
    until_event_key: Mapped[uuid.UUID | None] = mapped_column(
        comment="Key of the event from which the fact no longer holds. Null: it keeps holding."
    )
    kind: Mapped[FactKind] = mapped_column(text_enum(FactKind, "kind"))
    subject: Mapped[str] = mapped_column(comment="Person, place or thing that the fact is about.")
    subject_key: Mapped[uuid.UUID | None] = mapped_column(
        comment="Key of the character or scene that the fact is about. Null: something else."
    )
    statement: Mapped[str] = mapped_column(comment="The fact, in one sentence.")
    prompt_terms: Mapped[dict[str, Any]] = json_object("Additions to prompts: {positive, negative}.")
