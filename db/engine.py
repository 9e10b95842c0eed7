"""The way to the database: one pooled engine a process, sessions made from it."""

from __future__ import annotations

from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.orm import Session, sessionmaker

Sessions = sessionmaker[Session]


def connect(url: str, *, pool_size: int = 5, application: str = "tower") -> Engine:
    """An engine for a `postgresql://…` URL of any spelling, on psycopg 3, with a pool and prepared statements.

    Connections are tested before use, so a restarted server costs one reconnect instead of an error.
    """
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        connect_args={"application_name": application, "connect_timeout": 5, "options": "-c timezone=UTC"},
    )


def sessions(engine: Engine) -> Sessions:
    """Sessions whose rows stay readable after commit."""
    return sessionmaker(engine, expire_on_commit=False)
