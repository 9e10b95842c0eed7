"""Files that Tower made or imported: lists, details with their provenance, and downloads."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Self

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from api.errors import error_responses
from api.http.dependencies import ReadingSession
from api.http.field_types import RowId
from api.http.paging import MAX_ID, Pages
from api.http.ranged_file import RangedFile
from api.http.strict_routes import strict_router
from db.models.rendering import Asset, AssetKind
from tower.errors import NotFoundError
from tower.errors.codes import ErrorCode
from tower.storage import assets
from tower.storage.assets import AssetFilter

FILE_CONTENT: dict[str, Any] = {media: {} for media in (*assets.MEDIA_TYPES.values(), assets.UNKNOWN_MEDIA_TYPE)}
router = strict_router(prefix="/api/anime", tags=["assets"])

IdQuery = Annotated[int | None, Query(ge=1, le=MAX_ID)]


class AssetAnswer(BaseModel):
    """A file. `probe` was read from the file, `provenance` has its origin: shot, engine, fingerprint."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    kind: AssetKind
    project_id: int | None
    job_id: int | None
    path: str
    sha256: str
    bytes: int
    probe: dict[str, Any]
    provenance: dict[str, Any]
    created_at: datetime
    file_url: str = Field("", examples=["/api/anime/assets/7/file"])

    @classmethod
    def of(cls, row: Asset) -> Self:
        answer = cls.model_validate(row)
        return answer.model_copy(update={"file_url": f"{router.prefix}/assets/{row.id}/file"})


async def _filter(
    project_id: IdQuery = None,
    job_id: IdQuery = None,
    kind: AssetKind | None = None,
    sha256: Annotated[str | None, Query(pattern="^[0-9a-f]{64}$")] = None,
) -> AssetFilter:
    return AssetFilter(project_id, job_id, kind, sha256)


@router.get("/assets", responses=error_responses(404))
def list_assets(
    session: ReadingSession, pages: Pages, only: Annotated[AssetFilter, Depends(_filter)]
) -> list[AssetAnswer]:
    """Files, newest first."""
    return pages.answer(assets.list_assets(session, pages.page_request, where=only), AssetAnswer.of)


@router.get("/assets/{asset_id}", responses=error_responses(404))
def get_asset(asset_id: RowId, session: ReadingSession) -> AssetAnswer:
    """A file with its probe and provenance."""
    return AssetAnswer.of(assets.find_asset(session, asset_id))


@router.head("/assets/{asset_id}/file", include_in_schema=False)
@router.get(
    "/assets/{asset_id}/file",
    response_class=RangedFile,
    responses={
        200: {"content": FILE_CONTENT, "description": "The whole file, in its own media type"},
        206: {"content": FILE_CONTENT, "description": "The requested range"},
        304: {"description": "If-None-Match has the current ETag"},
        **error_responses(404, 416),
    },
)
def asset_file(asset_id: RowId, session: ReadingSession) -> RangedFile:
    """The file. 404 with the reason if it is gone from the disk."""
    asset = assets.find_asset(session, asset_id)
    path = Path(asset.path)
    try:
        file_stat = path.stat()
    except OSError as error:
        raise NotFoundError(
            f"The file of asset {asset.id} cannot be read: {error.strerror}; was {path} moved or deleted?",
            code=ErrorCode.FILE_MISSING,
        ) from error
    return RangedFile(
        path,
        media_type=assets.MEDIA_TYPES.get(path.suffix.lower(), assets.UNKNOWN_MEDIA_TYPE),
        filename=f"tower-{asset.id}{path.suffix}",
        content_disposition_type="inline",
        stat_result=file_stat,
    )
