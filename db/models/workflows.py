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
            "comment": "ComfyUI workflows with their versions. The highest version of a name is current.",
        },
    )

    name: Mapped[str]
    version: Mapped[int] = mapped_column(
        comment="Version within the name, from 1. The graph of a version never changes."
    )
    description: Mapped[str] = mapped_column(default="", server_default="")
    graph: Mapped[dict[str, Any]] = mapped_column(comment="Graph in ComfyUI's API format.")
    bindings: Mapped[dict[str, Any]] = json_object("Inputs of nodes that take prompt, seed, steps, size, …")
    node_classes: Mapped[list[Any]] = json_list("Node classes that a server needs to run the graph.")
    sha256: Mapped[str] = mapped_column(comment="SHA-256 of graph and bindings as canonical JSON.")
    built_in: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    enabled: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
