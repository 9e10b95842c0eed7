"""The way to the database: one pooled engine a process, sessions made from it."""

from __future__ import annotations

from typing import Any

from psycopg.errors import FeatureNotSupported
from sqlalchemy import Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.orm import Session, sessionmaker

Sessions = sessionmaker[Session]


class Reading(Session):
    """One in which each statement is on its own."""


PREPARED_AFTER = 5  # executions of a statement on a connection; from then on the server keeps it parsed and planned
PREPARED_MOST = 500  # statements on a connection; the one used longest ago goes first


def connect(url: str, *, pool_size: int = 5, application: str = "tower", wait_s: float = 30) -> Engine:
    """An engine for a `postgresql://…` URL of any spelling, on psycopg 3, with a pool and prepared statements.

    Connections are tested before use, so a restarted server costs one reconnect instead of an error. Where all are in
    use, one is waited for so long, then SQLAlchemy's TimeoutError is raised.
    """
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=wait_s,
        pool_pre_ping=True,
        connect_args={
            "application_name": application,
            "connect_timeout": 5,
            "options": "-c timezone=UTC",
            "prepare_threshold": PREPARED_AFTER,
        },
    )
    event.listen(engine, "connect", _keep_prepared)
    event.listen(engine, "handle_error", _give_up_outdated_plans)
    return engine


def sessions(engine: Engine) -> Sessions:
    """Sessions whose rows stay readable after commit."""
    return sessionmaker(engine, expire_on_commit=False)


def reading(engine: Engine) -> sessionmaker[Reading]:
    """The same without transactions: for what only reads, and needs no lock and no one moment for all statements."""
    alone = engine.execution_options(isolation_level="AUTOCOMMIT")
    return sessionmaker(alone, class_=Reading, expire_on_commit=False)


def _keep_prepared(connection: Any, _: object) -> None:
    connection.prepared_max = PREPARED_MOST


def _give_up_outdated_plans(context: ExceptionContext) -> None:
    """After a migration that changed the type of a column, what was prepared before fails for good: start afresh."""
    error = context.original_exception
    if isinstance(error, FeatureNotSupported) and "cached plan must not change result type" in str(error):
        context.is_disconnect = True
