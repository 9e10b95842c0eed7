"""Finds batches, and notes which reports were published."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from db.models.batches import Batch
from db.models.schedule import ProductionSchedule
from tower.errors import NotFoundError
from tower.pages import Page, PageRequest, fetch_page
from tower.versions.refs import check_project_exists


def find_batch(session: Session, batch_id: int) -> Batch:
    """The batch with this id. Raises NotFoundError."""
    row = session.get(Batch, batch_id, populate_existing=True)
    if row is None:
        raise NotFoundError(f"There is no batch {batch_id}")
    return row


def list_batches(
    session: Session, *, project_id: int | None, is_live: bool | None, page_request: PageRequest
) -> Page[Batch]:
    """The batches, the newest first; of a project, those with an entry of it. Raises NotFoundError."""
    rows = select(Batch)
    if project_id is not None:
        check_project_exists(session, project_id)
        has_entry = (ProductionSchedule.batch_id == Batch.id, ProductionSchedule.project_id == project_id)
        rows = rows.where(exists().where(*has_entry))
    if is_live is not None:
        rows = rows.where(Batch.ended_at.is_(None) if is_live else Batch.ended_at.is_not(None))
    return fetch_page(session, rows, Batch.id, page=page_request, newest_first=True)


def mark_reported(session: Session, batch_id: int, *, ended_at: datetime) -> None:
    """Note that the report of the batch that ended then was published. The caller commits."""
    ended = (Batch.id == batch_id, Batch.ended_at == ended_at)
    session.execute(update(Batch).where(*ended).values(reported_at=func.now()))
