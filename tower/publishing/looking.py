"""Asks Jellyfin again for publications that it has not shown yet, ever less often, and for a week at most."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.publications import Publication, PublicationState
from tower.errors.foreign import one_line
from tower.jobs.rows import database_now
from tower.publishing.setup import look_in_jellyfin
from tower.settings import Settings

LOOKED_FOR = timedelta(days=7)  # after the publication
SHORTEST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)  # a quarter of the time since then, within these
WITHIN_S = 5.0  # of one look
BATCH = 10  # publications of one pass
UNSEEN = (PublicationState.PUBLISHED, PublicationState.NOT_SEEN_YET)  # published: killed before the first look
log = logging.getLogger(__name__)


class JellyfinWatch:
    """Looks in a thread of its own, so that a slow Jellyfin delays nothing else."""

    def __init__(self, sessions: SessionFactory, settings: Settings, *, interval_s: float = 30.0) -> None:
        self._sessions = sessions
        self._settings = settings
        self._interval_s = interval_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jellyfin", daemon=True)

    def start(self) -> None:
        """Begin, if a Jellyfin is configured."""
        if self._settings.jellyfin_url is not None and self._settings.jellyfin_key is not None:
            self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=2 * WITHIN_S)

    def look_again(self) -> Sequence[Publication]:
        """Look for the publications that are due, and return them as they are then."""
        with self._sessions() as session:
            due = find_due(session, self._settings)
        seen = []
        for row in due:
            if self._stopping.is_set():
                break
            seen.append(look_in_jellyfin(self._sessions, self._settings, row, within_s=WITHIN_S))
        return seen

    def _run(self) -> None:
        while not self._stopping.wait(self._interval_s):
            try:
                self.look_again()
            except OperationalError as error:
                log.warning("Jellyfin is asked later: %s", one_line(str(error)))
            except Exception:
                log.exception("A look at Jellyfin failed; the next one tries again")


def find_due(session: Session, settings: Settings) -> Sequence[Publication]:
    """The publications of this library that are to be looked for now, the one that has waited longest first."""
    now = database_now(session)
    rows = select(Publication).where(
        Publication.library == str(settings.library),
        Publication.state.in_(UNSEEN),
        Publication.published_at > now - LOOKED_FOR,
    )
    unseen = session.scalars(rows.order_by(Publication.updated_at)).all()
    return [row for row in unseen if row.published_at and row.updated_at + _wait(now - row.published_at) <= now][:BATCH]


def _wait(age: timedelta) -> timedelta:
    return min(max(age / 4, SHORTEST_WAIT), LONGEST_WAIT)
