"""What each try of a webhook's call met, calls that are sent again, and the old secret while it is replaced.

Revision ID: 0023
Revises: 0022
"""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE public.webhooks
    ADD COLUMN old_secret TEXT,
    ADD COLUMN old_secret_until TIMESTAMP WITH TIME ZONE,
    ADD CONSTRAINT ck_webhooks_old_secret_has_end CHECK ((old_secret is null) = (old_secret_until is null));
COMMENT ON COLUMN public.webhooks.old_secret IS 'The secret before it, which signs too. Null: there is none.';
COMMENT ON COLUMN public.webhooks.old_secret_until IS 'Time until which the old secret signs.';
ALTER TABLE public.webhook_deliveries
    ADD COLUMN tries_before BIGINT DEFAULT '0' NOT NULL,
    ADD COLUMN attempts JSONB DEFAULT '[]'::jsonb NOT NULL,
    DROP CONSTRAINT ck_webhook_deliveries_tries,
    ADD CONSTRAINT ck_webhook_deliveries_tries CHECK (tries_before between 0 and tries);
COMMENT ON COLUMN public.webhook_deliveries.tries_before IS 'Number of tries before it was last sent again by hand.';
COMMENT ON COLUMN public.webhook_deliveries.attempts IS 'The last tries: begin, end, answer, reason. Without an end it runs, or its process was killed.';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(COLUMNS)


def downgrade() -> None:
    op.execute(
        "alter table public.webhook_deliveries drop constraint ck_webhook_deliveries_tries, "
        "drop column tries_before, drop column attempts, "
        "add constraint ck_webhook_deliveries_tries check (tries >= 0)"
    )
    op.execute("alter table public.webhooks drop column old_secret, drop column old_secret_until")
