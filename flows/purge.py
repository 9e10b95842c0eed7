"""The daily purge: what was in the bin long enough goes for good."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.purge import purge_bin
from tower.story.projects import KEPT_IN_BIN


@flow(name="purge")
async def purge(older_than_days: int = KEPT_IN_BIN.days) -> State[None]:
    """Started by hand with fewer days, it purges sooner."""
    done = purge_bin(older_than_days)
    return Completed(message=f"{len(done.projects)} projects, {done.files} files, {done.bytes} bytes")
