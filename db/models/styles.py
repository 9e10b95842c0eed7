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
        {"schema": ANIME_API, "comment": "Styles: the built-in ones, and each project's own on each branch."},
    )

    project_id: Mapped[int | None] = mapped_column(comment="null: built in, for every project")
    branch_id: Mapped[int | None]
    key: Mapped[uuid.UUID] = mapped_column(
        default=uuid.uuid4,
        server_default=func.gen_random_uuid(),
        comment="names the same style on every branch, whatever it is called there",
    )
    name: Mapped[str] = mapped_column(comment="what a request's `style` says")
    description: Mapped[str] = mapped_column(default="", server_default="")
    prompt: Mapped[str] = mapped_column(comment="joined to the positive prompt")
    negative_prompt: Mapped[str] = mapped_column(default="", server_default="", comment="joined to the negative prompt")
    sampler_settings: Mapped[dict[str, Any]] = json_object("steps, cfg, sampler, …; what is missing the preset decides")
    version: Mapped[int] = mapped_column(
        default=1, server_default="1", sort_order=89, comment="1, 2, …: counts the edits of this row"
    )
