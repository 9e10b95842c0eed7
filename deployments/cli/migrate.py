"""`tower migrate`: brings the database up to date."""

from __future__ import annotations

import typer

from deployments.cli.printing import print_line
from deployments.cli.settings_option import load_settings


def register(app: typer.Typer) -> None:
    app.command()(migrate)


def migrate() -> None:
    """Migrate the database to the schema of this version. `tower up` does this automatically.

    Uses TOWER_DATABASE_URL, or else the database of the running stack.

    Example:  TOWER_DATABASE_URL=postgresql://me@db.example/anime_production tower migrate
    """
    from db.migrate import MigrationError, head_revision, upgrade
    from deployments.stack import find_running
    from tower.addresses import used_form
    from tower.errors import StackError

    loaded = load_settings()
    addresses = None if loaded.database_url else find_running(loaded)
    url = used_form(loaded.database_url or "") or (addresses.database_url if addresses else None)
    if url is None:
        raise StackError("No database to migrate: start the stack with `tower up`, or set TOWER_DATABASE_URL.")
    try:
        upgrade(url)
    except MigrationError as error:
        raise StackError(str(error)) from error
    print_line(f"The database is at revision {head_revision()}.")
