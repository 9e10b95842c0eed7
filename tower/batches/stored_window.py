"""Keeps the production window in the table `configuration`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models.workers import Configuration
from tower.batches.window import ALWAYS_OPEN, Window, parse_window

WINDOW = "production_window"  # key of the table


def load_window(session: Session) -> Window:
    """The window that was set; ALWAYS_OPEN without one."""
    row = session.get(Configuration, WINDOW, populate_existing=True)
    return ALWAYS_OPEN if row is None else parse_window(**row.value)


def save_window(session: Session, window: Window) -> None:
    """Set the window. ALWAYS_OPEN removes it. The caller commits."""
    if window.is_always_open:
        session.execute(delete(Configuration).where(Configuration.key == WINDOW))
        return
    changed = {"value": _to_json(window), "updated_at": func.now()}
    row = insert(Configuration).values(key=WINDOW, **changed)
    session.execute(row.on_conflict_do_update(index_elements=["key"], set_=changed))


def _to_json(window: Window) -> dict[str, Any]:
    return {"start": f"{window.start:%H:%M}", "end": f"{window.end:%H:%M}", "zone": window.zone}
