"""Health of the service: it is healthy if its database answers."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from api.http.database_health import require_database
from api.http.dependencies import DatabaseSession, ServiceName
from api.http.strict_routes import strict_router
from api.middleware.key_check import OPEN

router: APIRouter = strict_router(tags=["health"])


class Health(BaseModel):
    status: str = "healthy"
    service: str


class EnhancedHealth(Health):
    enhanced: bool = True


@router.get("/api/anime/health", openapi_extra=OPEN)
def health(session: DatabaseSession, service: ServiceName) -> Health:
    """Healthy, or 503 if the database does not answer."""
    require_database(session, service)
    return Health(service=service)


@router.get("/api/anime-enhanced/health", openapi_extra=OPEN)
def enhanced_health(session: DatabaseSession, service: ServiceName) -> EnhancedHealth:
    """The same as /api/anime/health, under an older path."""
    require_database(session, service)
    return EnhancedHealth(service=service)
