"""One leader among the processes that share the jobs: the one that holds an advisory lock of PostgreSQL.

The lock belongs to a transaction, so it is free as soon as its process ends. PostgreSQL ends the transaction of a
leader that hangs, or whose machine is cut off, after LEADER_TIMEOUT_S.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from db.engine import SessionFactory

LEADER_LOCK_ID = 0x6A_6F_62_73  # an arbitrary advisory lock id, the same in every installation
LEADER_TIMEOUT_S = 60  # longer than a pass


@contextlib.contextmanager
def leadership(sessions: SessionFactory, *, timeout_s: int = LEADER_TIMEOUT_S) -> Iterator[bool]:
    """Lead for the duration of the block. Yields False if another process leads."""
    session = sessions()
    try:
        session.execute(text(f"set local idle_in_transaction_session_timeout = '{timeout_s}s'"))
        yield bool(session.scalar(select(func.pg_try_advisory_xact_lock(LEADER_LOCK_ID))))
    finally:
        with contextlib.suppress(DBAPIError):  # PostgreSQL has ended the transaction; its lock is free
            session.rollback()
        session.close()
