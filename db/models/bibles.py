"""The bible of a project: its world, rules, characters and history."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import ANIME_API, Base, IdMixin, text_enum
from db.columns import BranchMixin, branch_foreign_key, branch_table_args, json_list, json_object
from db.models.versions import commit_foreign_key


class BiblePart(StrEnum):
    BIBLE = "bible"
    CHARACTER = "bible_character"


class ProjectBible(BranchMixin, Base):
    __tablename__ = "project_bibles"
    __table_args__ = (
        *branch_table_args(
            "project_bibles",
            UniqueConstraint("branch_id"),
            CheckConstraint("char_length(title) between 1 and 200", name="title"),
            CheckConstraint("char_length(description) between 1 and 2000", name="description"),
        ),
        {"schema": ANIME_API, "comment": "Current bible of each branch. A branch has at most one."},
    )

    title: Mapped[str]
    description: Mapped[str]
    visual_style: Mapped[dict[str, Any]] = json_object()
    world_setting: Mapped[dict[str, Any]] = json_object()
    narrative_guidelines: Mapped[dict[str, Any]] = json_object()
    content: Mapped[dict[str, Any]] = json_object("Further sections of the author: world_building, plot_outline, …")


class BibleCharacter(BranchMixin, Base):
    __tablename__ = "bible_characters"
    __table_args__ = (
        *branch_table_args(
            "bible_characters",
            branch_foreign_key("bible_key", "anime_api.project_bibles", ondelete="CASCADE"),
            branch_foreign_key("character_key", "anime_api.characters", ondelete="SET NULL (character_key)"),
            CheckConstraint("char_length(name) between 1 and 100", name="name"),
            CheckConstraint("char_length(description) between 1 and 1000", name="description"),
            Index(
                "uq_bible_characters_branch_id_bible_key_name",
                "branch_id",
                "bible_key",
                text("lower(name)"),
                unique=True,
            ),
            Index("ix_bible_characters_branch_id_character_key", "branch_id", "character_key"),
        ),
        {"schema": ANIME_API, "comment": "Current characters of the bible of each branch."},
    )

    bible_key: Mapped[uuid.UUID]
    character_key: Mapped[uuid.UUID | None] = mapped_column(
        comment="Key of the character that is drawn for it. Null: none yet."
    )
    name: Mapped[str]
    role: Mapped[str | None] = mapped_column(comment="Role in the story: protagonist, mentor, …")
    description: Mapped[str | None]
    personality: Mapped[str | None]
    personality_traits: Mapped[dict[str, Any]] = json_object()
    backstory: Mapped[str | None]
    visual_description: Mapped[str | None]
    visual_traits: Mapped[dict[str, Any]] = json_object("Visible traits: hair, eyes, coat, …")
    abilities: Mapped[list[Any]] = json_list()
    relationships: Mapped[dict[str, Any]] = json_object("Relationships, by the name of the other character.")
    evolution_arc: Mapped[list[Any]] = json_list("Changes of the character, in story order.")


class BibleHistory(IdMixin, Base):
    __tablename__ = "bible_history"
    __table_args__ = (
        CheckConstraint("before is not null or after is not null", name="change"),
        commit_foreign_key("commit_id"),
        Index("ix_bible_history_project_id_branch_name_id", "project_id", "branch_name", "id"),
        Index("ix_bible_history_project_id_commit_id", "project_id", "commit_id"),
        {"schema": ANIME_API, "comment": "Changes to bibles and to the characters in them."},
    )

    project_id: Mapped[int] = mapped_column(ForeignKey("anime_api.anime_projects.id", ondelete="CASCADE"))
    branch_name: Mapped[str] = mapped_column(
        comment="Name of the branch at the time of the change. The branch may no longer exist."
    )
    part: Mapped[BiblePart] = mapped_column(text_enum(BiblePart, "part"))
    part_key: Mapped[uuid.UUID]
    before: Mapped[dict[str, Any] | None] = mapped_column(comment="State before the change. Null: the part was added.")
    after: Mapped[dict[str, Any] | None] = mapped_column(comment="State after the change. Null: the part was removed.")
    commit_id: Mapped[int]
    author: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
