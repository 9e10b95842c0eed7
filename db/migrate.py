"""Bring a database to the shape that this Tower knows. Two at once wait for each other.

The `alembic` command goes back.
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

MIN_SERVER = 15  # SET NULL of one column of a foreign key, UNIQUE NULLS NOT DISTINCT
LOCK = 7_238_011_905  # any number, the same for every Tower
LOCK_TIMEOUT_S = 60


class MigrationError(Exception):
    """The database cannot be migrated. The message is one sentence, fit for the user."""


def upgrade(url: str) -> None:
    """Bring the database to `head()`. Does nothing if it is there already."""
    with migrating(url) as connection:
        _require_known(connection)
        try:
            command.upgrade(_config(connection), "head")
        except ProgrammingError as error:
            if not isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
                raise
            raise MigrationError(f"Make the database user its owner: {_first_line(error)}") from error


def current(url: str) -> str | None:
    """The revision that the database has; null if it has none yet."""
    with _connected(url) as connection:
        return _revision(connection)


def head() -> str:
    """The newest revision that this Tower knows."""
    revision = _scripts().get_current_head()
    if revision is None:
        raise MigrationError("This copy of Tower has no migrations: install it again.")
    return revision


@contextmanager
def migrating(url: str) -> Iterator[Connection]:
    """A connection that holds the lock on migrations until it is closed."""
    with _connected(url) as connection:
        _require_server(connection)
        connection.execute(text(f"set lock_timeout = '{LOCK_TIMEOUT_S}s'"))
        try:
            connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": LOCK})
        except OperationalError as error:
            raise MigrationError(
                f"Another Tower has been migrating this database for {LOCK_TIMEOUT_S} s: try again when it has ended."
            ) from error
        connection.commit()
        yield connection


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    """A connection of its own, closed afterwards. Every name must be said with its schema: none is searched."""
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
    if version < MIN_SERVER:
        raise MigrationError(f"The database server is PostgreSQL {version}; Tower needs {MIN_SERVER} or newer.")
    if encoding != "UTF8":
        raise MigrationError(f"The database has the encoding {encoding}: make one with the encoding UTF8 for Tower.")


def _require_known(connection: Connection) -> None:
    revision = _revision(connection)
    if revision and revision not in {script.revision for script in _scripts().walk_revisions()}:
        raise MigrationError(
            f"The database has revision {revision}, made by a newer Tower than this one: install the newer one again."
        )


def _revision(connection: Connection) -> str | None:
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
