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
        {"schema": ANIME_API, "comment": "Current characters of each branch."},
    )

    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="", server_default="")
    image_path: Mapped[str | None] = mapped_column(
        comment="Path of the reference image, under a media root. Null: none."
    )
    comfyui_workflow: Mapped[str | None] = mapped_column(
        comment="Name of the workflow that renders this character. Null: the default one."
    )
    seed: Mapped[int | None] = mapped_column(
        comment="Fixed seed for renders of this character. Null: the seed of the job."
    )
    role: Mapped[str | None] = mapped_column(comment="Role in the story: protagonist, mentor, …")
    personality: Mapped[str | None]
    personality_traits: Mapped[dict[str, Any]] = json_object()
    backstory: Mapped[str | None]
    visual_description: Mapped[str | None]
    visual_traits: Mapped[dict[str, Any]] = json_object("Visible traits that prompts name: hair, eyes, coat, …")
    abilities: Mapped[list[Any]] = json_list()
    relationships: Mapped[dict[str, Any]] = json_object("Relationships, by the name of the other character.")
    evolution_arc: Mapped[list[Any]] = json_list("Changes of the character, in story order.")


class CharacterAppearance(IdMixin, Base):
    __tablename__ = "character_appearances"
    __table_args__ = (
        UniqueConstraint("asset_id", "character_key"),
        CheckConstraint("consistency_score between 0 and 10", name="consistency_score"),
        Index("ix_character_appearances_project_id_character_key_id", "project_id", "character_key", "id"),
        Index("ix_character_appearances_character_id", "character_id"),
        {"schema": PUBLIC, "comment": "Characters that a take shows, each with its version at that time."},
    )

    project_id: Mapped[int] = mapped_column(ForeignKey("anime_api.anime_projects.id", ondelete="CASCADE"))
    asset_id: Mapped[int] = mapped_column(
        ForeignKey("public.assets.id", ondelete="CASCADE"), comment="File of the take."
    )
    character_id: Mapped[int | None] = mapped_column(ForeignKey("anime_api.characters.id", ondelete="SET NULL"))
    character_key: Mapped[uuid.UUID]
    character_name: Mapped[str] = mapped_column(comment="Name of the character when the take was made.")
    character_version: Mapped[int]
    character_hash: Mapped[str | None] = mapped_column(
        comment="Hash of the character's version object. Null: its state has no commit."
    )
    scene_key: Mapped[uuid.UUID | None]
    consistency_score: Mapped[float | None] = mapped_column(
        comment="Likeness to the reference image, 0–10. Null: not measured."
    )
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
