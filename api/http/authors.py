"""The author of a change, as recorded with it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from api.middleware.key_check import CALLER
from tower.api_keys import Caller

LOCAL_AUTHOR = "local"  # the author where API keys are off


async def _author(request: Request) -> str:
    caller: Caller | None = request.scope.get(CALLER)
    return LOCAL_AUTHOR if caller is None else caller.name


Author = Annotated[str, Depends(_author)]
