"""Find and list assets: files that Tower rendered or imported."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from db.models.projects import Project
from db.models.rendering import Asset, AssetKind
from tower.errors import NotFoundError
from tower.pages import Page, Wanted, page_of
from tower.versions.refs import project_exists


@dataclass(frozen=True)
class AssetFilter:
    """Filters a list of assets; None means any."""

    project_id: int | None = None
    job_id: int | None = None
    kind: AssetKind | None = None
    sha256: str | None = None


def find(session: Session, asset_id: int) -> Asset:
    """Return an asset. Raises NotFoundError, also for an asset of a deleted project."""
    visible = or_(Project.id.is_(None), Project.deleted_at.is_(None))
    asset = session.scalar(select(Asset).outerjoin(Project).where(Asset.id == asset_id, visible))
    if asset is None:
        raise NotFoundError(f"There is no asset {asset_id}")
    return asset


def page(session: Session, wanted: Wanted, *, only: AssetFilter) -> Page[Asset]:
    """List assets, newest first. Raises NotFoundError for an unknown project."""
    rows = select(Asset).outerjoin(Project).where(or_(Project.id.is_(None), Project.deleted_at.is_(None)))
    if only.project_id is not None:
        project_exists(session, only.project_id)
        rows = rows.where(Asset.project_id == only.project_id)
    if only.job_id is not None:
        rows = rows.where(Asset.job_id == only.job_id)
    if only.kind is not None:
        rows = rows.where(Asset.kind == only.kind)
    if only.sha256 is not None:
        rows = rows.where(Asset.sha256 == only.sha256)
    return page_of(session, rows, Asset.id, wanted=wanted, newest_first=True)
