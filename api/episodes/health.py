"""Health of the service: it is healthy if its database answers."""

from __future__ import annotations

from pydantic import BaseModel

from api.http.database_health import require_database
from api.http.dependencies import DatabaseSession, ServiceName
from api.http.strict_routes import strict_router
from api.middleware.key_check import OPEN

router = strict_router(prefix="/api/anime", tags=["health"])


class Health(BaseModel):
    status: str = "healthy"
    service: str


@router.get("/health", openapi_extra=OPEN)
def health(session: DatabaseSession, service: ServiceName) -> Health:
    """Healthy, or 503 if the database does not answer."""
    require_database(session, service)
    return Health(service=service)
