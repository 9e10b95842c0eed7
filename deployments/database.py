"""Our database for a command that needs nothing else of the stack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from db.migrate import MigrationError, upgrade
from deployments import external, services, stack
from deployments.postgres import DATABASE, EmbeddedPostgres
from deployments.state_files import require_writable
from tower.errors import StackError
from tower.settings import Settings


@contextmanager
def opened(settings: Settings) -> Iterator[str]:
    """The URL of TOWER_DATABASE_URL, of the running stack, or of the embedded PostgreSQL, started meanwhile.

    Brought up to date. StackError if it cannot be.
    """
    if url := _running(settings):
        yield _up_to_date(url)
        return
    require_writable(settings.data)
    log = services.log_file(settings.data, "postgres")
    server = EmbeddedPostgres(settings.data / "postgres", settings.ports.postgres, log_file=log)
    server.start()
    try:
        yield _up_to_date(server.url(DATABASE))
    finally:
        server.stop()


def _running(settings: Settings) -> str | None:
    found = stack.running(settings)
    return external.without_stale(settings).database_url or (found.database_url if found else None)


def _up_to_date(url: str) -> str:
    try:
        upgrade(url)
    except MigrationError as error:
        raise StackError(str(error)) from error
    return url
