"""The collaborators of the episodes service, and the dependencies that hand them to its endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from api.http.collaborators import Collaborators, collaborators_of
from tower.rendering.studio import Studio


@dataclass(frozen=True, kw_only=True)
class EpisodesCollaborators(Collaborators):
    studio: Studio


async def _studio(request: Request) -> Studio:
    return collaborators_of(request.app, EpisodesCollaborators).studio


CurrentStudio = Annotated[Studio, Depends(_studio)]
