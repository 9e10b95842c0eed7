"""Paged lists: the query has `limit` and `cursor`, the answer has X-Next-Cursor and Link (rel=next)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Query, Request, Response

from api.http import strict_routes
from tower.pages import Page, PageRequest

MAX_ID = strict_routes.MAX_ID
Row = TypeVar("Row")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Paging:
    """The requested page, and the response whose headers lead to the next one."""

    page_request: PageRequest
    request: Request
    response: Response

    def answer(self, page: Page[Row], to_answer: Callable[[Row], Answer]) -> list[Answer]:
        self.set_next_link(page)
        return [to_answer(row) for row in page.rows]

    def set_next_link(self, page: Page[Row]) -> None:
        """Set the headers that lead to the next page, if there is one."""
        if page.next_cursor is not None:
            next_url = self.request.url.include_query_params(cursor=page.next_cursor)
            self.response.headers["X-Next-Cursor"] = str(page.next_cursor)
            self.response.headers["Link"] = f'<{next_url.path}?{next_url.query}>; rel="next"'


async def _paging(
    request: Request,
    response: Response,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[int | None, Query(ge=1, le=MAX_ID, description="X-Next-Cursor of the previous page.")] = None,
) -> Paging:
    return Paging(PageRequest(limit, cursor), request, response)


Pages = Annotated[Paging, Depends(_paging)]
