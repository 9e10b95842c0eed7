"""Projects and their production settings."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from db.base import ANIME_API, Base, IdMixin, TimestampMixin, text_enum
from db.columns import json_object


class ProjectStatus(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    COMPLETED = "completed"
    ARCHIVED = "archived"


class QualityPreset(StrEnum):
    ULTRA = "ultra_production"
    CURRENT = "current_workflow"
    FAST = "fast_preview"


class Project(IdMixin, TimestampMixin, Base):
    __tablename__ = "anime_projects"
    __table_args__ = (
        CheckConstraint("char_length(name) between 1 and 200", name="name"),
        Index("ix_anime_projects_kept", "id", postgresql_where=text("deleted_at is null")),
        Index("ix_anime_projects_deleted_at", "deleted_at", postgresql_where=text("deleted_at is not null")),
        {"schema": ANIME_API, "comment": "Projects: each owns its story, its settings and its generations."},
    )

    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="", server_default="")
    status: Mapped[ProjectStatus] = mapped_column(
        text_enum(ProjectStatus, "status"),
        default=ProjectStatus.DRAFT,
        server_default=ProjectStatus.DRAFT.value,
        comment="A project is a draft until its first scene or generation.",
    )
    details: Mapped[dict[str, Any]] = json_object("Fields of the author: genre, target_length, …", name="metadata")
    deleted_at: Mapped[datetime | None] = mapped_column(
        sort_order=92,
        comment="Time of the deletion. The project is purged with its files 30 days later. Null: not deleted.",
    )
    series_key: Mapped[uuid.UUID] = mapped_column(
        default=uuid.uuid4,
        server_default=func.gen_random_uuid(),
        unique=True,
        sort_order=93,
        comment="Identifies the published series under every name, also beside those of other installations.",
    )

    settings: Mapped[ProjectSettings | None] = relationship(
        back_populates="project", cascade="all, delete-orphan", passive_deletes=True
    )


class ProjectSettings(TimestampMixin, Base):
    __tablename__ = "projects"
    __table_args__ = (
        CheckConstraint("fps between 1 and 120", name="fps"),
        CheckConstraint("width between 256 and 2048 and mod(width, 2) = 0", name="width"),
        CheckConstraint("height between 256 and 2048 and mod(height, 2) = 0", name="height"),
        {
            "schema": ANIME_API,
            "comment": "Production settings of a project, one row per project. Null: the preset decides.",
        },
    )

    project_id: Mapped[int] = mapped_column(
        ForeignKey("anime_api.anime_projects.id", ondelete="CASCADE"), primary_key=True
    )
    series_name: Mapped[str | None] = mapped_column(comment="Published name of the series. Null: the project's name.")
    fps: Mapped[float | None] = mapped_column(comment="Frames per second.")
    width: Mapped[int | None] = mapped_column(comment="Width of the picture. Pixels.")
    height: Mapped[int | None] = mapped_column(comment="Height of the picture. Pixels.")
    default_style: Mapped[str | None] = mapped_column(comment="Name of a style template.")
    workflow: Mapped[str | None] = mapped_column(comment="Name of a workflow.")
    model: Mapped[str | None] = mapped_column(comment="File name of the checkpoint.")
    quality_preset: Mapped[QualityPreset | None] = mapped_column(
        text_enum(QualityPreset, "quality_preset"),
        comment="Quality preset. Null: the one set by POST /config, or else the default.",
    )

    project: Mapped[Project] = relationship(back_populates="settings")
