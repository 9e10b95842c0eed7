"""Versions: content-addressed objects, commits, branches and tags."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from db.base import ANIME_API, Base, IdMixin, TimestampMixin, text_enum

SHA256_PATTERN = "^[0-9a-f]{64}$"


class ObjectKind(StrEnum):
    ENTITY = "entity"
    TREE = "tree"


def commit_foreign_key(column: str) -> ForeignKeyConstraint:
    """Return a foreign key from `column` to a commit of the same project. It prevents the commit's deletion."""
    return ForeignKeyConstraint(
        ["project_id", column], ["anime_api.commits.project_id", "anime_api.commits.id"], ondelete="NO ACTION"
    )


class VersionObject(Base):
    __tablename__ = "version_objects"
    __table_args__ = (
        CheckConstraint(f"hash ~ '{SHA256_PATTERN}'", name="hash"),
        {
            "schema": ANIME_API,
            "comment": "Content-addressed states of entities and trees. Each is written once and shared by commits.",
        },
    )

    project_id: Mapped[int] = mapped_column(
        ForeignKey("anime_api.anime_projects.id", ondelete="CASCADE"), primary_key=True
    )
    hash: Mapped[str] = mapped_column(primary_key=True, comment="SHA-256 of kind and content, in hex.")
    kind: Mapped[ObjectKind] = mapped_column(text_enum(ObjectKind, "kind"))
    content: Mapped[bytes] = mapped_column(comment="Canonical JSON: exactly the bytes that were hashed.")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Commit(IdMixin, Base):
    __tablename__ = "commits"
    __table_args__ = (
        UniqueConstraint("project_id", "hash"),
        UniqueConstraint("project_id", "id"),
        CheckConstraint(f"hash ~ '{SHA256_PATTERN}'", name="hash"),
        CheckConstraint("generation >= 0 and (generation = 0) = (parent_id is null)", name="generation"),
        CheckConstraint("merged_id is null or (parent_id is not null and merged_id <> parent_id)", name="merged"),
        ForeignKeyConstraint(
            ["project_id", "tree_hash"],
            ["anime_api.version_objects.project_id", "anime_api.version_objects.hash"],
            ondelete="NO ACTION",
        ),
        commit_foreign_key("parent_id"),
        commit_foreign_key("merged_id"),
        Index("ix_commits_project_id_tree_hash", "project_id", "tree_hash"),
        Index("ix_commits_project_id_parent_id", "project_id", "parent_id"),
        Index("ix_commits_project_id_merged_id", "project_id", "merged_id"),
        {
            "schema": ANIME_API,
            "comment": "Commits: each is one edit of a project's story, with the whole state after it.",
        },
    )

    project_id: Mapped[int] = mapped_column(ForeignKey("anime_api.anime_projects.id", ondelete="CASCADE"))
    hash: Mapped[str] = mapped_column(comment="SHA-256 of tree, parents, message, author and time, in hex.")
    tree_hash: Mapped[str] = mapped_column(comment="Hash of the whole state after the commit.")
    parent_id: Mapped[int | None] = mapped_column(comment="Previous commit. Null: the first commit of the project.")
    merged_id: Mapped[int | None] = mapped_column(comment="Second parent of a merge. Null: not a merge.")
    generation: Mapped[int] = mapped_column(
        comment="Length of the longest path to a first commit. Orders the search for a merge base."
    )
    branch_name: Mapped[str] = mapped_column(comment="Name of the branch at the time of the commit.")
    message: Mapped[str]
    author: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Branch(IdMixin, TimestampMixin, Base):
    __tablename__ = "branches"
    __table_args__ = (
        UniqueConstraint("project_id", "name"),
        UniqueConstraint("project_id", "id"),
        CheckConstraint("char_length(name) between 1 and 200", name="name"),
        commit_foreign_key("head_id"),
        commit_foreign_key("forked_from_id"),
        Index("ix_branches_project_id_head_id", "project_id", "head_id"),
        Index("ix_branches_project_id_forked_from_id", "project_id", "forked_from_id"),
        {"schema": ANIME_API, "comment": "Branches of a project's story. Every project has `main`."},
    )

    project_id: Mapped[int] = mapped_column(ForeignKey("anime_api.anime_projects.id", ondelete="CASCADE"))
    name: Mapped[str]
    description: Mapped[str] = mapped_column(default="", server_default="")
    head_id: Mapped[int | None] = mapped_column(comment="Newest commit of the branch. Null: no commit yet.")
    forked_from_id: Mapped[int | None] = mapped_column(
        comment="Commit from which the branch was created. Null: none, as for `main`."
    )


class Tag(IdMixin, Base):
    __tablename__ = "tags"
    __table_args__ = (
        UniqueConstraint("project_id", "name"),
        CheckConstraint("char_length(name) between 1 and 200", name="name"),
        commit_foreign_key("commit_id"),
        Index("ix_tags_project_id_commit_id", "project_id", "commit_id"),
        {"schema": ANIME_API, "comment": "Tags: names for commits. A tag always names the same commit."},
    )

    project_id: Mapped[int] = mapped_column(ForeignKey("anime_api.anime_projects.id", ondelete="CASCADE"))
    name: Mapped[str]
    commit_id: Mapped[int]
    message: Mapped[str] = mapped_column(default="", server_default="")
    author: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
