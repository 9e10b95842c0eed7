"""Connect to the database: one pooled engine per process, and session factories."""

from __future__ import annotations

from typing import Any

from psycopg.errors import FeatureNotSupported
from sqlalchemy import Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.orm import Session, sessionmaker

SessionFactory = sessionmaker[Session]


class ReadSession(Session):
    """A session without transactions, in which each statement is autocommitted."""


DEAD_PEER_S = 60  # a connection whose other end does not answer for this time is broken
# libpq and the server look for a dead peer every ten seconds after half a minute of silence. By default a machine that
# is cut off keeps its locks in the database for two hours, and its own statement waits for a quarter of an hour.
_KEEPALIVES = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_SERVER_OPTIONS = {
    "timezone": "UTC",
    **{f"tcp_{name}": value for name, value in _KEEPALIVES.items()},
    "tcp_user_timeout": DEAD_PEER_S * 1000,
}
PREPARE_THRESHOLD = 5  # executions of a statement on a connection before the server prepares it
MAX_PREPARED_STATEMENTS = 500  # prepared statements per connection; the least recently used are dropped


def open_engine(url: str, *, pool_size: int = 5, application: str = "tower", wait_s: float = 30) -> Engine:
    """Return an engine for a `postgresql://…` URL with any driver, on psycopg 3, with a pool and prepared statements.

    Connections are tested before use, so a restarted server causes a reconnect instead of an error. If all connections
    are in use, the engine waits up to `wait_s` seconds for one and then raises SQLAlchemy's TimeoutError.
    """
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=wait_s,
        pool_pre_ping=True,
        pool_use_lifo=True,  # consecutive requests use one connection, which soon has their statements prepared
        connect_args={
            "application_name": application,
            "connect_timeout": 5,
            "options": " ".join(f"-c {name}={value}" for name, value in _SERVER_OPTIONS.items()),
            **_KEEPALIVES,
            "tcp_user_timeout": DEAD_PEER_S * 1000,
            "prepare_threshold": PREPARE_THRESHOLD,
        },
    )
    event.listen(engine, "connect", _set_prepared_max)
    event.listen(engine, "handle_error", _drop_stale_connection)
    return engine


def session_factory(engine: Engine) -> SessionFactory:
    """Return a factory of sessions whose objects stay readable after a commit."""
    return sessionmaker(engine, expire_on_commit=False)


def read_session_factory(engine: Engine) -> sessionmaker[ReadSession]:
    """Return a factory of sessions without transactions, for reads that need no lock and no consistent snapshot."""
    autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
    return sessionmaker(autocommit, class_=ReadSession, expire_on_commit=False)


def _set_prepared_max(connection: Any, _: object) -> None:
    connection.prepared_max = MAX_PREPARED_STATEMENTS


def _drop_stale_connection(context: ExceptionContext) -> None:
    """Reconnect if a migration has changed a column's type, as statements prepared before then always fail."""
    error = context.original_exception
    if isinstance(error, FeatureNotSupported) and "cached plan must not change result type" in str(error):
        context.is_disconnect = True
