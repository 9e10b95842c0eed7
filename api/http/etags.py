"""No lost updates: an answer has an ETag, and a change that sends it as If-Match is refused if it changed since."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Annotated

from fastapi import Header, Response
from pydantic import BaseModel

from tower.versions.editing import PreconditionFailedError

IfMatch = Annotated[
    str | None,
    Header(description="The ETag of the state that the change is meant for; 412 if it is not that any more."),
]


def tagged(response: Response, answer: BaseModel) -> None:
    """Send the answer's ETag with it."""
    response.headers["ETag"] = etag(answer)


def etag(answer: BaseModel) -> str:
    """The same for the same content, and only for it."""
    return f'"{hashlib.sha256(answer.model_dump_json().encode()).hexdigest()[:32]}"'


def require_match(if_match: str | None, answer: BaseModel | Callable[[], BaseModel]) -> None:
    """Raises PreconditionFailedError unless the header is left out, is `*`, or names the ETag of the present state."""
    if if_match is None or if_match.strip() == "*":
        return
    present = etag(answer if isinstance(answer, BaseModel) else answer())
    if present not in (tag.strip() for tag in if_match.split(",")):
        raise PreconditionFailedError(
            "It was changed since you read it: read it again, and send its ETag with your change",
            details={"if_match": if_match, "etag": present},
        )
