"""Lists in pages. Rows are in the order of a number that never changes, so new rows do not shift a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of a list. `next_cursor` requests the next page; None on the last page."""

    rows: Sequence[Row]
    next_cursor: int | None


@dataclass(frozen=True)
class Wanted:
    """The request for a page. `limit` counts rows; `cursor` is the `next_cursor` of the previous page."""

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
    """Read a page in the order of `by`, a unique number of the rows."""
    if wanted.cursor is not None:
        rows = rows.where(by < wanted.cursor if newest_first else by > wanted.cursor)
    fetched = session.scalars(rows.order_by(by.desc() if newest_first else by).limit(wanted.limit + 1)).all()
    page_rows = fetched[: wanted.limit]
    return Page(page_rows, _read_number(page_rows[-1], by.key) if len(fetched) > wanted.limit else None)


def slice_of(rows: Sequence[Row], wanted: Wanted) -> Page[Row]:
    """Cut a page from a list that does not change. Its cursor counts the rows before the page."""
    start = wanted.cursor or 0
    end = start + wanted.limit
    return Page(rows[start:end], end if end < len(rows) else None)


def _read_number(row: Any, name: str) -> int:
    number: int = getattr(row, name)
    return number
