"""Is the music service well, and what can it do here?"""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from api.http.dependencies import CurrentSettings, DatabaseSession, ServiceName
from api.http.strict_routes import strict_router
from api.middleware.key_check import OPEN
from db import figures
from tower.errors import UnavailableError
from tower.library.features import features
from tower.library.roots import library_roots

router: APIRouter = strict_router(prefix="/api", tags=["health"])


class Features(BaseModel):
    """Each was tried when it was asked."""

    audio_quality_monitoring: bool
    music_library: bool
    streaming: bool
    search: bool


class MusicHealth(BaseModel):
    status: str = "healthy"
    service: str
    version: str
    features: Features
    reasons: dict[str, str] = Field(description="Why a feature is false.")


@router.get("/health", openapi_extra=OPEN)
def health(settings: CurrentSettings, session: DatabaseSession, service: ServiceName) -> MusicHealth:
    """Healthy, or 503 if the database does not answer."""
    try:
        figures.answers(session)
        found = features(session, library_roots(settings))
    except (OperationalError, PoolTimeoutError) as silent:
        raise UnavailableError(
            "The database does not answer; run `tower doctor`",
            details={"status": "unhealthy", "service": service},
        ) from silent
    return MusicHealth(
        service=service,
        version=version("tower"),
        features=Features(**{name: feature.there for name, feature in found.items()}),
        reasons={name: feature.reason for name, feature in found.items() if feature.reason},
    )
