"""Health of the service: it is healthy if its database answers."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from api.http.dependencies import DatabaseSession, ServiceName
from api.http.strict_routes import strict_router
from api.middleware.key_check import OPEN
from db import figures
from tower.errors import UnavailableError

router: APIRouter = strict_router(tags=["health"])


class Health(BaseModel):
    status: str = "healthy"
    service: str


class EnhancedHealth(Health):
    enhanced: bool = True


@router.get("/api/anime/health", openapi_extra=OPEN)
def health(session: DatabaseSession, service: ServiceName) -> Health:
    """Healthy, or 503 if the database does not answer."""
    _require_database(session, service)
    return Health(service=service)


@router.get("/api/anime-enhanced/health", openapi_extra=OPEN)
def enhanced_health(session: DatabaseSession, service: ServiceName) -> EnhancedHealth:
    """The same as /api/anime/health, under an older path."""
    _require_database(session, service)
    return EnhancedHealth(service=service)


def _require_database(session: Session, service: str) -> None:
    try:
        figures.check_connection(session)
    except (OperationalError, PoolTimeoutError) as error:
        raise UnavailableError(
            "The database does not answer; run `tower doctor`",
            details={"status": "unhealthy", "service": service},
        ) from error
