"""The check that every health endpoint makes: the database answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from api.errors import describe_database_failure
from db import figures


def require_database(session: Session, service: str) -> None:
    """Raises UnavailableError if the database does not answer."""
    with needs_database(service):
        figures.check_connection(session)


@contextmanager
def needs_database(service: str) -> Iterator[None]:
    """Raises UnavailableError with the reason if the database does not serve the block."""
    try:
        yield
    except (OperationalError, PoolTimeoutError) as error:
        raise describe_database_failure(error, details={"status": "unhealthy", "service": service}) from error
