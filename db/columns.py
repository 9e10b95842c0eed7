"""Columns and constraints that many models share: JSON values, and rows on a branch."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, MappedColumn, mapped_column
from sqlalchemy.schema import SchemaItem

from db.base import IdMixin, TimestampMixin


def json_object(comment: str | None = None, *, name: str | None = None) -> MappedColumn[dict[str, Any]]:
    """Return a JSON object column with an empty default.

    `name` is the column's name if it differs from the attribute.
    """
    return mapped_column(name=name, default=dict, server_default=text("'{}'::jsonb"), comment=comment)


def json_list(comment: str | None = None, *, sort_order: int = 0) -> MappedColumn[list[Any]]:
    """Return a JSON list column with an empty default."""
    return mapped_column(default=list, server_default=text("'[]'::jsonb"), sort_order=sort_order, comment=comment)


class BranchMixin(IdMixin, TimestampMixin):
    """Columns of a row with the current state of an entity on a branch. Its history is in the commits."""

    project_id: Mapped[int] = mapped_column(sort_order=-9)
    branch_id: Mapped[int] = mapped_column(sort_order=-8)
    key: Mapped[uuid.UUID] = mapped_column(
        default=uuid.uuid4,
        server_default=func.gen_random_uuid(),
        sort_order=-7,
        comment="Identifies the same entity on every branch, even if its name differs.",
    )
    version: Mapped[int] = mapped_column(
        default=1,
        server_default="1",
        sort_order=89,
        comment="Number of the row's state, from 1. Every edit increases it.",
    )


def branch_table_args(table: str, *more: SchemaItem) -> tuple[SchemaItem, ...]:
    """Return the constraints of a table of branched rows, and `more`:

    the branch belongs to the project, keys are unique.
    """
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


def branch_foreign_key(key: str, target: str, *, ondelete: str) -> ForeignKeyConstraint:
    """Return a foreign key from the column `key` to a row of `target` ("schema.table") on the same branch."""
    return ForeignKeyConstraint(["branch_id", key], [f"{target}.branch_id", f"{target}.key"], ondelete=ondelete)
