"""The daily purge: it deletes the projects that have been in the bin long enough."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from tasks.purge import purge_bin
from tower.story.projects import RESTORABLE_FOR


@flow(name="purge")
async def purge(older_than_days: int = RESTORABLE_FOR.days) -> State[None]:
    """Delete the projects that were moved to the bin more than `older_than_days` ago."""
    purged = purge_bin(older_than_days)
    return Completed(message=f"{len(purged.projects)} projects, {purged.files} files, {purged.bytes} bytes")
