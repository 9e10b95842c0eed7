"""The characters of a branch, and their appearances in takes."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import ANIME_API, PUBLIC, Base, IdMixin
from db.columns import BranchMixin, branch_table_args, json_list, json_object


class Character(BranchMixin, Base):
    __tablename__ = "characters"
    __table_args__ = (
        *branch_table_args(
            "characters",
            CheckConstraint("char_length(name) between 1 and 100", name="name"),
            Index("uq_characters_branch_id_lower_name", "branch_id", text("lower(name)"), unique=True),
            Index("ix_characters_lower_name", text("lower(name)")),
            Index("ix_characters_first_name", text("split_part(lower(name), ' ', 1)")),
        ),
        {"schema": ANIME_API, "comment": "Characters as they are on each branch."},
    )

    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="", server_default="")
    image_path: Mapped[str | None] = mapped_column(comment="reference image, under a media root")
    comfyui_workflow: Mapped[str | None] = mapped_column(comment="name of the workflow that renders this character")
    seed: Mapped[int | None] = mapped_column(comment="fixed seed of its renders; null: the job's seed")
    role: Mapped[str | None] = mapped_column(comment="protagonist, mentor, …")
    personality: Mapped[str | None]
    personality_traits: Mapped[dict[str, Any]] = json_object()
    backstory: Mapped[str | None]
    visual_description: Mapped[str | None]
    visual_traits: Mapped[dict[str, Any]] = json_object("hair, eyes, coat, …: what the prompt says of it")
    abilities: Mapped[list[Any]] = json_list()
    relationships: Mapped[dict[str, Any]] = json_object("by the other character's name")
    evolution_arc: Mapped[list[Any]] = json_list("how it changes, in story order")


class CharacterAppearance(IdMixin, Base):
    __tablename__ = "character_appearances"
    __table_args__ = (
        UniqueConstraint("asset_id", "character_key"),
        CheckConstraint("consistency_score between 0 and 10", name="consistency_score"),
        Index("ix_character_appearances_project_id_character_key_id", "project_id", "character_key", "id"),
        Index("ix_character_appearances_character_id", "character_id"),
        {"schema": PUBLIC, "comment": "Which take shows which character, and as it was in which version."},
    )

    project_id: Mapped[int] = mapped_column(ForeignKey("anime_api.anime_projects.id", ondelete="CASCADE"))
    asset_id: Mapped[int] = mapped_column(ForeignKey("public.assets.id", ondelete="CASCADE"), comment="the take")
    character_id: Mapped[int | None] = mapped_column(ForeignKey("anime_api.characters.id", ondelete="SET NULL"))
    character_key: Mapped[uuid.UUID]
    character_name: Mapped[str] = mapped_column(comment="as called when the take was made")
    character_version: Mapped[int]
    character_hash: Mapped[str | None] = mapped_column(comment="the version object; null for a state without a commit")
    scene_key: Mapped[uuid.UUID | None]
    consistency_score: Mapped[float | None] = mapped_column(comment="likeness to the reference; null if not measured")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
