"""Migrate a database to the newest revision. Concurrent migrations wait for each other.

To downgrade, use the `alembic` command.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from db.base import PUBLIC

MIN_SERVER_VERSION = 15  # for SET NULL (column) and UNIQUE NULLS NOT DISTINCT
LOCK_ID = 7_238_011_905  # an arbitrary advisory lock id, the same in every installation
LOCK_TIMEOUT_S = 60


class MigrationError(Exception):
    """The database cannot be migrated. The message is one sentence for the user."""


def upgrade(url: str) -> None:
    """Upgrade the database to `head_revision()`. Does nothing if it is up to date."""
    with migration_connection(url) as connection:
        _require_known_revision(connection)
        try:
            command.upgrade(_config(connection), "head")
        except ProgrammingError as error:
            if not isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
                raise
            raise MigrationError(
                f"The database user must own the database and its tables: {_first_line(error)}"
            ) from error


def current_revision(url: str) -> str | None:
    """Return the revision of the database; None if it has none."""
    with _connect(url) as connection:
        return _read_revision(connection)


def head_revision() -> str:
    """Return the newest revision of this Tower."""
    revision = _scripts().get_current_head()
    if revision is None:
        raise MigrationError("This copy of Tower has no migrations: install it again")
    return revision


@contextmanager
def migration_connection(url: str) -> Iterator[Connection]:
    """Yield a connection that holds the migration lock until it is closed."""
    with _connect(url) as connection:
        _require_server(connection)
        connection.execute(text(f"set lock_timeout = '{LOCK_TIMEOUT_S}s'"))
        try:
            connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": LOCK_ID})
        except OperationalError as error:
            raise MigrationError(
                f"Another Tower has been migrating this database for {LOCK_TIMEOUT_S} s: try again after it has ended"
            ) from error
        connection.commit()
        yield connection


@contextmanager
def _connect(url: str) -> Iterator[Connection]:
    """Yield a connection. Its search_path is empty, so statements must qualify every name with its schema."""
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        poolclass=NullPool,
        connect_args={"connect_timeout": 5, "options": "-c search_path=pg_catalog -c timezone=UTC"},
    )
    try:
        connection = engine.connect()
    except OperationalError as error:
        raise MigrationError(f"Cannot reach the database: {_first_line(error)}") from error
    with connection:
        yield connection


def _require_server(connection: Connection) -> None:
    version, encoding = connection.execute(
        text("select current_setting('server_version_num')::int / 10000, current_setting('server_encoding')")
    ).one()
    if version < MIN_SERVER_VERSION:
        raise MigrationError(f"The database server is PostgreSQL {version}: Tower needs {MIN_SERVER_VERSION} or newer")
    if encoding != "UTF8":
        raise MigrationError(f"The database has the encoding {encoding}: Tower needs UTF8")


def _require_known_revision(connection: Connection) -> None:
    revision = _read_revision(connection)
    if revision and revision not in {script.revision for script in _scripts().walk_revisions()}:
        raise MigrationError(f"The database has revision {revision}, made by a newer Tower: install that version")


def _read_revision(connection: Connection) -> str | None:
    revision = MigrationContext.configure(connection, opts={"version_table_schema": PUBLIC}).get_current_revision()
    connection.commit()
    return revision


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "db:migrations")
    config.attributes["connection"] = connection
    return config


def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", "db:migrations")
    return ScriptDirectory.from_config(config)


def _first_line(error: DBAPIError) -> str:
    cause = error.orig if isinstance(error.orig, psycopg.Error) else error
    return str(cause).strip().splitlines()[0]
