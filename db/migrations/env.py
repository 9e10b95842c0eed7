"""What Alembic runs: on the connection that db.migrate hands over, or, from the `alembic` command, on TOWER_DATABASE_URL."""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import Connection

from db import models
from db.base import ANIME_API, PUBLIC
from db.migrate import migration_connection


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=models.METADATA,
        version_table_schema=PUBLIC,
        include_schemas=True,
        include_name=_is_ours,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "schema" or name in (ANIME_API, PUBLIC)


if context.is_offline_mode():
    raise SystemExit("Tower's migrations look at the database while they run: leave out --sql.")
if handed_over := context.config.attributes.get("connection"):
    run(handed_over)
elif url := os.environ.get("TOWER_DATABASE_URL"):
    with migration_connection(url) as opened:
        run(opened)
else:
    raise SystemExit('Set TOWER_DATABASE_URL first: eval "$(tower env)" takes it from the running stack.')
