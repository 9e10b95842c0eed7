"""Find and list assets: files that Tower rendered or imported."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.models.projects import Project
from db.models.rendering import Asset, AssetKind
from tower.errors import NotFoundError
from tower.pages import Page, PageRequest, fetch_page
from tower.versions.refs import check_project_exists

UNKNOWN_MEDIA_TYPE = "application/octet-stream"
MEDIA_TYPES = {  # by suffix; a browser must not run any of them
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".txt": "text/plain",
}


@dataclass(frozen=True)
class AssetFilter:
    """Filters a list of assets; None means any."""

    project_id: int | None = None
    job_id: int | None = None
    kind: AssetKind | None = None
    sha256: str | None = None


def find_asset(session: Session, asset_id: int) -> Asset:
    """Return an asset. Raises NotFoundError, also for an asset of a deleted project."""
    visible = or_(Project.id.is_(None), Project.deleted_at.is_(None))
    asset = session.scalar(select(Asset).outerjoin(Project).where(Asset.id == asset_id, visible))
    if asset is None:
        raise NotFoundError(f"There is no asset {asset_id}")
    return asset


def list_assets(session: Session, page_request: PageRequest, *, where: AssetFilter) -> Page[Asset]:
    """List assets, newest first. Raises NotFoundError for an unknown project."""
    rows = select(Asset).outerjoin(Project).where(or_(Project.id.is_(None), Project.deleted_at.is_(None)))
    if where.project_id is not None:
        check_project_exists(session, where.project_id)
        rows = rows.where(Asset.project_id == where.project_id)
    if where.job_id is not None:
        rows = rows.where(Asset.job_id == where.job_id)
    if where.kind is not None:
        rows = rows.where(Asset.kind == where.kind)
    if where.sha256 is not None:
        rows = rows.where(Asset.sha256 == where.sha256)
    return fetch_page(session, rows, Asset.id, page=page_request, newest_first=True)
