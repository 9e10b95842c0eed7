"""The bible of a project: its world, rules, characters and history."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import ANIME_API, Base, Numbered, one_of
from db.columns import Branched, on_branch, open_list, open_object, same_branch
from db.models.versions import commit_of_project


class BiblePart(StrEnum):
    BIBLE = "bible"
    CHARACTER = "bible_character"


class ProjectBible(Branched, Base):
    __tablename__ = "project_bibles"
    __table_args__ = (
        *on_branch(
            "project_bibles",
            UniqueConstraint("branch_id"),
            CheckConstraint("char_length(title) between 1 and 200", name="title"),
            CheckConstraint("char_length(description) between 1 and 2000", name="description"),
        ),
        {"schema": ANIME_API, "comment": "The bible of a project as it is on each branch; at most one a branch."},
    )

    title: Mapped[str]
    description: Mapped[str]
    visual_style: Mapped[dict[str, Any]] = open_object()
    world_setting: Mapped[dict[str, Any]] = open_object()
    narrative_guidelines: Mapped[dict[str, Any]] = open_object()
    content: Mapped[dict[str, Any]] = open_object("the creator's own chapters: world_building, plot_outline, …")


class BibleCharacter(Branched, Base):
    __tablename__ = "bible_characters"
    __table_args__ = (
        *on_branch(
            "bible_characters",
            same_branch("bible_key", "anime_api.project_bibles", ondelete="CASCADE"),
            same_branch("character_key", "anime_api.characters", ondelete="SET NULL (character_key)"),
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
        {"schema": ANIME_API, "comment": "Characters as the bible defines them, on each branch."},
    )

    bible_key: Mapped[uuid.UUID]
    character_key: Mapped[uuid.UUID | None] = mapped_column(comment="the character that is drawn; null: none yet")
    name: Mapped[str]
    role: Mapped[str | None] = mapped_column(comment="protagonist, mentor, …")
    description: Mapped[str | None]
    personality: Mapped[str | None]
    personality_traits: Mapped[dict[str, Any]] = open_object()
    backstory: Mapped[str | None]
    visual_description: Mapped[str | None]
    visual_traits: Mapped[dict[str, Any]] = open_object("hair, eyes, coat, …")
    abilities: Mapped[list[Any]] = open_list()
    relationships: Mapped[dict[str, Any]] = open_object("by the other character's name")
    evolution_arc: Mapped[list[Any]] = open_list("how it changes, in story order")


class BibleHistory(Numbered, Base):
    __tablename__ = "bible_history"
    __table_args__ = (
        CheckConstraint("before is not null or after is not null", name="change"),
        commit_of_project("commit_id"),
        Index("ix_bible_history_project_id_branch_name_id", "project_id", "branch_name", "id"),
        Index("ix_bible_history_project_id_commit_id", "project_id", "commit_id"),
        {"schema": ANIME_API, "comment": "Each change to a bible or to a character in it."},
    )

    project_id: Mapped[int] = mapped_column(ForeignKey("anime_api.anime_projects.id", ondelete="CASCADE"))
    branch_name: Mapped[str] = mapped_column(comment="as called then; the history outlives the branch")
    part: Mapped[BiblePart] = mapped_column(one_of(BiblePart, "part"))
    part_key: Mapped[uuid.UUID]
    before: Mapped[dict[str, Any] | None] = mapped_column(comment="null: added")
    after: Mapped[dict[str, Any] | None] = mapped_column(comment="null: removed")
    commit_id: Mapped[int]
    author: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
