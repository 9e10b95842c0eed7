"""A project's frame rate may be a fraction: 23.976 is 24000/1001.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table anime_api.projects alter column fps type double precision")


def downgrade() -> None:
    op.execute("alter table anime_api.projects alter column fps type bigint using round(fps)")
