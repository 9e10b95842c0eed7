"""Columns that many tables have alike: open JSON values, and the address of a row on a branch."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, MappedColumn, mapped_column
from sqlalchemy.schema import SchemaItem

from db.base import Dated, Numbered


def open_object(comment: str | None = None, *, name: str | None = None) -> MappedColumn[dict[str, Any]]:
    """A JSON object that is empty unless set, in a column called `name` (default: as the attribute)."""
    return mapped_column(name=name, default=dict, server_default=text("'{}'::jsonb"), comment=comment)


def open_list(comment: str | None = None) -> MappedColumn[list[Any]]:
    """A JSON list that is empty unless set."""
    return mapped_column(default=list, server_default=text("'[]'::jsonb"), comment=comment)


class Branched(Numbered, Dated):
    """The current state of one creative thing on one branch; its past is in the commits."""

    project_id: Mapped[int] = mapped_column(sort_order=-9)
    branch_id: Mapped[int] = mapped_column(sort_order=-8)
    key: Mapped[uuid.UUID] = mapped_column(
        default=uuid.uuid4,
        server_default=func.gen_random_uuid(),
        sort_order=-7,
        comment="names the same thing on every branch, whatever it is called there",
    )
    version: Mapped[int] = mapped_column(
        default=1, server_default="1", sort_order=89, comment="1, 2, …: counts the edits of this row"
    )


def on_branch(table: str, *more: SchemaItem) -> tuple[SchemaItem, ...]:
    """What every table of branched rows has, and `more`: a branch of the same project, and one row a key."""
    return (
        ForeignKeyConstraint(
            ["project_id", "branch_id"],
            ["anime_api.branches.project_id", "anime_api.branches.id"],
            ondelete="CASCADE",
        ),
        UniqueConstraint("branch_id", "key"),
        Index(f"ix_{table}_project_id_branch_id_id", "project_id", "branch_id", "id"),
        *more,
    )


def same_branch(key: str, target: str, *, ondelete: str) -> ForeignKeyConstraint:
    """A reference by `key` to a row of `target` ("schema.table") on the same branch."""
    return ForeignKeyConstraint(["branch_id", key], [f"{target}.branch_id", f"{target}.key"], ondelete=ondelete)
