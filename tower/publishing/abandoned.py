"""Ends publications that killed processes left, and with which no job goes on."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from db.engine import SessionFactory
from db.models.publications import Publication, PublicationState
from tower.publishing import ledger
from tower.publishing.marking import copy_unmarked
from tower.publishing.publisher import Publisher
from tower.settings import Settings

ABANDONED_AFTER = timedelta(days=1)  # longer than any publication takes


def end_abandoned(sessions: SessionFactory, settings: Settings) -> int:
    """End the publications of this library that were begun a day ago, and return their count."""
    begun = select(Publication).where(
        Publication.library == str(settings.library),
        Publication.state == PublicationState.PUBLISHING,
        Publication.updated_at <= func.now() - ABANDONED_AFTER,
    )
    with sessions() as session:
        left = [ledger.ref_of(row) for row in session.scalars(begun)]
    publisher = Publisher(sessions, library=settings.library, renders=settings.renders, mark=copy_unmarked)
    for episode in left:
        publisher.end_interrupted(episode)
    return len(left)
