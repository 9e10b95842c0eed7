"""An episode has a cut, which is content, and the fingerprint of the cut that its film was made from.

Revision ID: 0017
Revises: 0016
"""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE public.episodes
    ADD COLUMN cut JSONB DEFAULT '{}'::jsonb NOT NULL,
    ADD COLUMN film_fingerprint TEXT;
COMMENT ON COLUMN public.episodes.cut IS
    'Choices of the author: order, trims, transitions, cards, music. Empty: all scenes in story order.';
COMMENT ON COLUMN public.episodes.film_fingerprint IS
    'Fingerprint of the cut that the video was made from. Null: not assembled, or unknown.';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(COLUMNS)


def downgrade() -> None:
    op.execute("alter table public.episodes drop column cut, drop column film_fingerprint")
