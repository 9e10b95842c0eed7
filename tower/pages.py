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
class PageRequest:
    """The request for a page. `limit` counts rows; `cursor` is the `next_cursor` of the previous page."""

    limit: int = 50
    cursor: int | None = None


def fetch_page(
    session: Session,
    rows: Select[Row],
    order_by: InstrumentedAttribute[int],
    *,
    page: PageRequest,
    newest_first: bool = False,
) -> Page[Row]:
    """Read a page in the order of `order_by`, a unique number of the rows."""
    if page.cursor is not None:
        rows = rows.where(order_by < page.cursor if newest_first else order_by > page.cursor)
    fetched = session.scalars(rows.order_by(order_by.desc() if newest_first else order_by).limit(page.limit + 1)).all()
    page_rows = fetched[: page.limit]
    return Page(page_rows, _read_number(page_rows[-1], order_by.key) if len(fetched) > page.limit else None)


def slice_page(rows: Sequence[Row], page: PageRequest) -> Page[Row]:
    """Cut a page from a list that does not change. Its cursor counts the rows before the page."""
    start = page.cursor or 0
    end = start + page.limit
    return Page(rows[start:end], end if end < len(rows) else None)


def _read_number(row: Any, name: str) -> int:
    number: int = getattr(row, name)
    return number
