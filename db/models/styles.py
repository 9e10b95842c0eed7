"""Style templates: additions to a prompt, and sampler settings."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import ANIME_API, Base, IdMixin, TimestampMixin
from db.columns import json_object


class StyleTemplate(IdMixin, TimestampMixin, Base):
    __tablename__ = "style_templates"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "branch_id"],
            ["anime_api.branches.project_id", "anime_api.branches.id"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("branch_id", "key", postgresql_nulls_not_distinct=True),
        CheckConstraint("char_length(name) between 1 and 100", name="name"),
        CheckConstraint("(project_id is null) = (branch_id is null)", name="built_in_or_on_branch"),
        Index(
            "uq_style_templates_branch_id_lower_name",
            "branch_id",
            text("lower(name)"),
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_style_templates_project_id_branch_id_id", "project_id", "branch_id", "id"),
        {"schema": ANIME_API, "comment": "Styles: the built-in ones, and the current ones of each branch."},
    )

    project_id: Mapped[int | None] = mapped_column(
        comment="Project that owns the style. Null: built in, for every project."
    )
    branch_id: Mapped[int | None]
    key: Mapped[uuid.UUID] = mapped_column(
        default=uuid.uuid4,
        server_default=func.gen_random_uuid(),
        comment="Identifies the same style on every branch, even if its name differs.",
    )
    name: Mapped[str] = mapped_column(comment="Name of the style: the `style` of a request.")
    description: Mapped[str] = mapped_column(default="", server_default="")
    prompt: Mapped[str] = mapped_column(comment="Text that is added to the positive prompt.")
    negative_prompt: Mapped[str] = mapped_column(
        default="", server_default="", comment="Text that is added to the negative prompt."
    )
    sampler_settings: Mapped[dict[str, Any]] = json_object(
        "Sampler settings: steps, cfg, sampler, … The preset decides missing ones."
    )
    version: Mapped[int] = mapped_column(
        default=1,
        server_default="1",
        sort_order=89,
        comment="Number of the row's state, from 1. Every edit increases it.",
    )
