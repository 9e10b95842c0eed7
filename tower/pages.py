"""Lists in pages: rows in the order of a number that stays with them, so that new rows shift no page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """`next_cursor` asks for the page after this one; None: this is the last."""

    rows: Sequence[Row]
    next_cursor: int | None


@dataclass(frozen=True)
class Wanted:
    """How many rows, and after which one: the `next_cursor` of the page before."""

    limit: int = 50
    cursor: int | None = None


def page_of(
    session: Session,
    rows: Select[Row],
    by: InstrumentedAttribute[int],
    *,
    wanted: Wanted,
    newest_first: bool = False,
) -> Page[Row]:
    """A page in the order of `by`, a unique number of the rows."""
    if wanted.cursor is not None:
        rows = rows.where(by < wanted.cursor if newest_first else by > wanted.cursor)
    found = session.scalars(rows.order_by(by.desc() if newest_first else by).limit(wanted.limit + 1)).all()
    shown = found[: wanted.limit]
    return Page(shown, _number(shown[-1], by.key) if len(found) > wanted.limit else None)


def slice_of(rows: Sequence[Row], wanted: Wanted) -> Page[Row]:
    """A page of a list that does not change: its cursor counts the rows before it."""
    start = wanted.cursor or 0
    end = start + wanted.limit
    return Page(rows[start:end], end if end < len(rows) else None)


def _number(row: Any, name: str) -> int:
    number: int = getattr(row, name)
    return number
