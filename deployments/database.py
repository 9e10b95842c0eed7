"""Tower's database, for a command that needs no other part of the stack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from db.migrate import MigrationError, upgrade
from deployments import external, services, stack
from deployments.data_folder import prepare_data_folder
from deployments.postgres import DATABASE, EmbeddedPostgres
from tower.addresses import used_form
from tower.errors import StackError
from tower.settings import Settings


@contextmanager
def open_database(settings: Settings) -> Iterator[str]:
    """Yield the URL of a migrated database; raise StackError if there is none.

    It is TOWER_DATABASE_URL, the database of the running stack, or an embedded PostgreSQL started for the duration.
    """
    if url := _existing_url(settings):
        yield _migrate(url)
        return
    prepare_data_folder(settings.data)
    log = services.log_path(settings.data, "postgres")
    server = EmbeddedPostgres(settings.data / "postgres", settings.ports.postgres, log_file=log)
    server.start()
    try:
        yield _migrate(server.url(DATABASE))
    finally:
        server.stop()


def _existing_url(settings: Settings) -> str | None:
    found = stack.find_running(settings)
    own = external.without_stale_addresses(settings).database_url
    return used_form(own or "") or (found.database_url if found else None)


def _migrate(url: str) -> str:
    try:
        upgrade(url)
    except MigrationError as error:
        raise StackError(str(error)) from error
    return url
