"""Short pending lists: a search reads what was written lately entry by entry.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INDEXES = ("ix_scenes_words", "ix_scenes_characters")


def upgrade() -> None:
    for name in INDEXES:
        op.execute(f"ALTER INDEX anime_api.{name} SET (gin_pending_list_limit = 64)")
        op.execute(f"SELECT gin_clean_pending_list('anime_api.{name}')")


def downgrade() -> None:
    for name in INDEXES:
        op.execute(f"ALTER INDEX anime_api.{name} RESET (gin_pending_list_limit)")
