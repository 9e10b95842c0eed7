"""Checks external servers before the stack depends on them."""

from __future__ import annotations

from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from deployments.environment import replace_database
from deployments.ports import is_free
from deployments.postgres import PREFECT_DATABASE
from tower.addresses import Address, used_form
from tower.clients.prefect import PrefectClient
from tower.errors import StackError, UnavailableError
from tower.errors.foreign import reason_of
from tower.settings import LOOPBACK_HOST, Settings


def without_stale_addresses(settings: Settings) -> Settings:
    """The settings without addresses of this stack that `tower env` left in a shell after the stack stopped."""
    own = settings.ports
    stale = {
        name: None
        for name, url, port in (
            ("database_url", settings.database_url, own.postgres),
            ("prefect_api_url", settings.prefect_api_url, own.prefect),
        )
        if url and _host_and_port(url) == (LOOPBACK_HOST, port) and is_free(port)
    }
    return settings.model_copy(update=stale)


def require_database(url: str) -> None:
    """Raise StackError if Tower cannot connect to the PostgreSQL of TOWER_DATABASE_URL."""
    try:
        psycopg.connect(to_libpq_url(url), connect_timeout=5).close()
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        raise StackError(f"The database of TOWER_DATABASE_URL cannot be used: {describe_failure(error)}.") from error


def require_prefect(api_url: str, auth_string: str | None = None) -> None:
    """Raise StackError if the Prefect server of PREFECT_API_URL does not answer or asks for another secret."""
    client = PrefectClient(api_url, auth_string=auth_string)
    try:
        client.get_version()
    except UnavailableError as error:
        raise StackError(f"The Prefect server of PREFECT_API_URL cannot be used: {error.message}") from error
    finally:
        client.close()


def prepare_prefect_database(database_url: str, *, exists: bool) -> str:
    """The URL of Prefect's database on the same server. Creates it unless `exists` says that it exists."""
    if not exists:
        _create_database(PREFECT_DATABASE, database_url)
    return replace_database(to_libpq_url(database_url), PREFECT_DATABASE)


def to_libpq_url(url: str) -> str:
    """The URL in the form that libpq reads, without the name of a driver."""
    return "postgresql://" + used_form(url).partition("://")[2]


def describe_failure(error: psycopg.Error) -> str:
    """Why a database cannot be used, in our own words."""
    return "it is not an address of PostgreSQL" if isinstance(error, psycopg.ProgrammingError) else reason_of(error)


def first_error_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")


def _host_and_port(url: str) -> tuple[str | None, int | None]:
    parts = urlsplit(url)
    return parts.hostname, parts.port


def _create_database(name: str, database_url: str) -> None:
    try:
        with psycopg.connect(to_libpq_url(database_url), autocommit=True, connect_timeout=5) as connection:
            if not connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
                statement = "create database {} template template0 encoding 'UTF8'"
                connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
    except psycopg.Error as error:
        reason = Address(database_url).redact(first_error_line(error))
        raise StackError(
            f"The database {name} cannot be created on your server ({reason}): create it yourself, "
            "or set PREFECT_API_URL to a Prefect server that runs elsewhere."
        ) from error
