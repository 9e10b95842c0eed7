"""A glossary of cultural elements with their rules, and the findings of checks against it."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import PUBLIC, Base, IdMixin, TimestampMixin, text_enum
from db.columns import json_list


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class CheckedKind(StrEnum):
    PROMPT = "prompt"
    SCENE = "scene"


class CulturalFinding(StrEnum):
    NOTHING = "nothing"
    FOLLOWED = "followed"
    BROKEN = "broken"
    UNCLEAR = "unclear"


class CulturalElement(IdMixin, TimestampMixin, Base):
    __tablename__ = "cultural_elements"
    __table_args__ = (
        CheckConstraint("char_length(name) between 1 and 100", name="name"),
        Index(
            "uq_cultural_elements_project_id_lower_name",
            "project_id",
            text("lower(name)"),
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_cultural_elements_project_id_id", "project_id", "id"),
        {
            "schema": PUBLIC,
            "comment": "Glossary of cultural elements with rules, such as: a kimono closes left over right.",
        },
    )

    project_id: Mapped[int | None] = mapped_column(
        ForeignKey("anime_api.anime_projects.id", ondelete="CASCADE"),
        comment="Project that owns the element. Null: built in, for every project.",
    )
    name: Mapped[str]
    native_name: Mapped[str | None] = mapped_column(comment="Name in its own script, such as 着物. Null: not given.")
    category: Mapped[str] = mapped_column(
        comment="Category: clothing, food, ceremony, address, building, gesture, season, …"
    )
    description: Mapped[str] = mapped_column(default="", server_default="")
    triggers: Mapped[list[Any]] = json_list("Words that mention the element.")
    rule: Mapped[str] = mapped_column(comment="The rule, in one sentence.")
    violations: Mapped[list[Any]] = json_list("Words that break the rule when they appear with a trigger.")
    severity: Mapped[Severity] = mapped_column(
        text_enum(Severity, "severity"), default=Severity.WARNING, server_default=Severity.WARNING.value
    )
    advice: Mapped[str | None] = mapped_column(comment="Better wording. Null: none.")
    source: Mapped[str | None] = mapped_column(comment="Source of the rule. Null: none.")


class CulturalValidation(IdMixin, Base):
    __tablename__ = "cultural_validations"
    __table_args__ = (
        CheckConstraint("(finding = 'nothing') = (element_name is null)", name="finding_names_its_element"),
        CheckConstraint("finding not in ('broken', 'unclear') or message is not null", name="fault_has_message"),
        CheckConstraint("kind <> 'scene' or scene_key is not null", name="scene"),
        Index("ix_cultural_validations_project_id_id", "project_id", "id"),
        Index("ix_cultural_validations_check_id", "check_id"),
        Index("ix_cultural_validations_element_id", "element_id"),
        Index("ix_cultural_validations_job_id", "job_id"),
        {
            "schema": PUBLIC,
            "comment": "Checks of a prompt or scene against the glossary, one row for each element in it.",
        },
    )

    check_id: Mapped[uuid.UUID] = mapped_column(comment="Id shared by all rows of one check.")
    project_id: Mapped[int | None] = mapped_column(ForeignKey("anime_api.anime_projects.id", ondelete="CASCADE"))
    kind: Mapped[CheckedKind] = mapped_column(text_enum(CheckedKind, "kind"))
    scene_key: Mapped[uuid.UUID | None]
    job_id: Mapped[int | None] = mapped_column(ForeignKey("anime_api.production_jobs.id", ondelete="SET NULL"))
    text: Mapped[str] = mapped_column(comment="Text that was checked.")
    element_id: Mapped[int | None] = mapped_column(ForeignKey("public.cultural_elements.id", ondelete="SET NULL"))
    element_name: Mapped[str | None] = mapped_column(
        comment="Name of the element at the time of the check. Null: the text mentions no element."
    )
    finding: Mapped[CulturalFinding] = mapped_column(text_enum(CulturalFinding, "finding"))
    severity: Mapped[Severity | None] = mapped_column(text_enum(Severity, "severity"))
    message: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
