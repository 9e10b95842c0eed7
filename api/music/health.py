"""Health of the music service, and which of its features work here."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.http.database_health import needs_database
from api.http.dependencies import CurrentSettings, DatabaseSession, ServiceName
from api.http.strict_routes import strict_router
from api.middleware.key_check import OPEN
from db import figures
from tower.library.features import check_features
from tower.library.roots import library_roots

router: APIRouter = strict_router(prefix="/api", tags=["health"])


class Features(BaseModel):
    """Each feature is tried at every request."""

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
    with needs_database(service):
        figures.check_connection(session)
        states = check_features(session, library_roots(settings))
    return MusicHealth(
        service=service,
        version=version("tower"),
        features=Features(**{name: feature.is_available for name, feature in states.items()}),
        reasons={name: feature.reason for name, feature in states.items() if feature.reason},
    )
