"""ETags prevent lost updates and repeated answers.

A change with If-Match is refused if the entity has changed since it was read; a read with If-None-Match is answered 304
if it has not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, ClassVar

from fastapi import Header, Request, Response
from pydantic import BaseModel

from tower.versions.editing import PreconditionFailedError

IfMatch = Annotated[
    str | None,
    Header(description="The ETag of the state that you read; 412 if the entity has changed since."),
]


def set_etag(response: Response, answer: BaseModel) -> None:
    """Set the ETag header for the answer."""
    response.headers["ETag"] = compute_etag(answer)


def answer_unchanged(request: Request, response: Response) -> Response:
    """304 without a body if If-None-Match has the ETag of this answer to a read, else the answer."""
    given, etag = request.headers.get("if-none-match"), response.headers.get("etag")
    if request.method not in ("GET", "HEAD") or response.status_code != HTTPStatus.OK or not (given and etag):
        return response
    tags = {tag.strip().removeprefix("W/") for tag in given.split(",")}
    if "*" not in tags and etag.removeprefix("W/") not in tags:
        return response
    kept = {name: value for name, value in response.headers.items() if not name.startswith("content-")}
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=kept, background=response.background)


class ObservedAnswer(BaseModel):
    """An answer with fields that no user edits and that change by themselves, such as the progress of a job.

    They count for If-None-Match and not for If-Match, so that they make no edit fail.
    """

    observed_fields: ClassVar[frozenset[str]]


def compute_etag(answer: BaseModel) -> str:
    """A quoted hash of the answer's content; with observed fields, a hash without them and one of all."""
    if not isinstance(answer, ObservedAnswer):
        return f'"{_digest(answer.model_dump_json())}"'
    edited = answer.model_dump_json(exclude=set(answer.observed_fields))
    return f'"{_digest(edited)}.{_digest(answer.model_dump_json())}"'


def require_match(if_match: str | None, answer: BaseModel | Callable[[], BaseModel]) -> None:
    """Raises PreconditionFailedError unless the header is left out, is `*`, or names the current ETag."""
    if if_match is None or if_match.strip() == "*":
        return
    current = compute_etag(answer if isinstance(answer, BaseModel) else answer())
    if _edited_part(current) not in (_edited_part(tag.strip()) for tag in if_match.split(",")):
        raise PreconditionFailedError(
            "It has changed since you read it: read it again and send the new ETag with your change",
            details={"if_match": if_match, "etag": current},
        )


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def _edited_part(etag: str) -> str:
    return etag.strip('"').partition(".")[0]
