"""Workflow graphs for ComfyUI."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import PUBLIC, Base, IdMixin, TimestampMixin
from db.columns import json_list, json_object


class Workflow(IdMixin, TimestampMixin, Base):
    __tablename__ = "workflows"
    __table_args__ = (
        UniqueConstraint("name", "version"),
        CheckConstraint("version >= 1", name="version"),
        CheckConstraint("char_length(name) between 1 and 100", name="name"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        {
            "schema": PUBLIC,
            "comment": "Workflow graphs and what may be set in them; the highest version is the present one.",
        },
    )

    name: Mapped[str]
    version: Mapped[int] = mapped_column(comment="1, 2, … within the name; a graph is never changed, only followed")
    description: Mapped[str] = mapped_column(default="", server_default="")
    graph: Mapped[dict[str, Any]] = mapped_column(comment="ComfyUI's API format")
    bindings: Mapped[dict[str, Any]] = json_object("which node's input takes prompt, seed, steps, size, …")
    node_classes: Mapped[list[Any]] = json_list("what a server must have to run it")
    sha256: Mapped[str] = mapped_column(comment="of the graph and its bindings, as canonical JSON")
    built_in: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    enabled: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
