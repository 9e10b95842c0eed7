"""ETags prevent lost updates: a change with If-Match is refused if the entity has changed since it was read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Annotated

from fastapi import Header, Response
from pydantic import BaseModel

from tower.versions.editing import PreconditionFailedError

IfMatch = Annotated[
    str | None,
    Header(description="The ETag of the state that you read; 412 if the entity has changed since."),
]


def set_etag(response: Response, answer: BaseModel) -> None:
    """Set the ETag header for the answer."""
    response.headers["ETag"] = compute_etag(answer)


def compute_etag(answer: BaseModel) -> str:
    """A quoted hash of the answer's content."""
    return f'"{hashlib.sha256(answer.model_dump_json().encode()).hexdigest()[:32]}"'


def require_match(if_match: str | None, answer: BaseModel | Callable[[], BaseModel]) -> None:
    """Raises PreconditionFailedError unless the header is left out, is `*`, or names the current ETag."""
    if if_match is None or if_match.strip() == "*":
        return
    current = compute_etag(answer if isinstance(answer, BaseModel) else answer())
    if current not in (tag.strip() for tag in if_match.split(",")):
        raise PreconditionFailedError(
            "It has changed since you read it: read it again and send the new ETag with your change",
            details={"if_match": if_match, "etag": current},
        )
