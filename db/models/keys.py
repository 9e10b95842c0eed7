"""API keys and their scopes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ARRAY, CheckConstraint, Index, Text, func, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import PUBLIC, Base, IdMixin


class Scope(StrEnum):
    """The scopes of an API key. Each includes those before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class ApiKey(IdMixin, Base):
    __tablename__ = "api_keys"
    __table_args__ = (
        CheckConstraint("cardinality(scopes) > 0 and scopes <@ array['read', 'write', 'admin']::text[]", name="scopes"),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        Index("uq_api_keys_name_in_use", "name", unique=True, postgresql_where=text("revoked_at is null")),
        {"schema": PUBLIC, "comment": "API keys. Only their hashes are stored."},
    )

    name: Mapped[str] = mapped_column(comment="Owner or purpose of the key. A revoked key's name may be used again.")
    prefix: Mapped[str] = mapped_column(unique=True, comment="Public first part of the key, which identifies the row.")
    sha256: Mapped[str] = mapped_column(comment="SHA-256 of the whole key, in hex.")
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text()))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime | None] = mapped_column(
        comment="Time of the last use, to the minute. Null: never used."
    )
    expires_at: Mapped[datetime | None] = mapped_column(comment="Time at which the key expires. Null: never.")
    revoked_at: Mapped[datetime | None]
