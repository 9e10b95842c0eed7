"""Paged lists: the query has `limit` and `cursor`, the answer has X-Next-Cursor and Link (rel=next)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Query, Request, Response

from api.http import strict_routes
from tower.pages import Page, Wanted

LARGEST_ID = strict_routes.LARGEST_ID
Row = TypeVar("Row")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Paging:
    """The requested page, and the response whose headers lead to the next one."""

    wanted: Wanted
    request: Request
    response: Response

    def answer(self, page: Page[Row], show: Callable[[Row], Answer]) -> list[Answer]:
        self.announce(page)
        return [show(row) for row in page.rows]

    def announce(self, page: Page[Row]) -> None:
        """Set the headers that lead to the next page, if there is one."""
        if page.next_cursor is not None:
            next_url = self.request.url.include_query_params(cursor=page.next_cursor)
            self.response.headers["X-Next-Cursor"] = str(page.next_cursor)
            self.response.headers["Link"] = f'<{next_url.path}?{next_url.query}>; rel="next"'


async def _paging(
    request: Request,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="X-Next-Cursor of the previous page.")] = None,
) -> Paging:
    return Paging(Wanted(limit, cursor), request, response)


Pages = Annotated[Paging, Depends(_paging)]
