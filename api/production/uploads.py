"""Upload a picture or a piece of music into the media folder."""

from __future__ import annotations

from typing import Self

from anyio import to_thread
from fastapi import Request
from pydantic import BaseModel, Field
from starlette.datastructures import UploadFile

from api.errors import MediaTypeError, error_responses
from api.http.dependencies import CurrentSettings
from api.http.strict_routes import strict_router
from tower.errors import InvalidError
from tower.storage.uploads import StoredUpload, UploadKind, store_upload

router = strict_router(prefix="/api/anime", tags=["media"])

UPLOAD_PATH = f"{router.prefix}/media"
MEDIA_TYPE = "multipart/form-data"
FILE_FIELD = "file"
FORM_BYTES = 64 * 1024  # what the form around the file may add to its size
FORM_SCHEMA = {
    "type": "object",
    "required": [FILE_FIELD],
    "properties": {FILE_FIELD: {"type": "string", "format": "binary"}},
}


class UploadedFile(BaseModel):
    """A file that other requests may name, as `image_path` or `audio_path`."""

    path: str = Field(description="Its full path on the server.")
    kind: UploadKind
    size_bytes: int
    sha256: str
    width: int | None = Field(description="Pixels; null for music.")
    height: int | None
    duration: float | None = Field(description="Seconds; null for a picture.")

    @classmethod
    def of(cls, stored: StoredUpload) -> Self:
        same = {name: getattr(stored, name) for name in ("kind", "size_bytes", "sha256", "width", "height")}
        return cls(path=str(stored.path), duration=stored.duration_s, **same)


@router.post(
    "/media",
    status_code=201,
    responses=error_responses(400, 413, 415, 507),
    openapi_extra={"requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": FORM_SCHEMA}}}},
)
async def upload_media(request: Request, settings: CurrentSettings) -> UploadedFile:
    """Upload a picture (PNG, JPEG, WebP) or music as the field `file`. Its content decides what it is, not its name."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise MediaTypeError(f"Send the file as the field {FILE_FIELD} of a form: curl -F {FILE_FIELD}=@picture.png")
    async with request.form(max_files=1, max_fields=0) as form:
        upload = form.get(FILE_FIELD)
        if not isinstance(upload, UploadFile):
            raise InvalidError.field(FILE_FIELD, None, "one file")
        name = upload.filename or FILE_FIELD
        stored = await to_thread.run_sync(lambda: store_upload(upload.file, name, settings=settings))
    return UploadedFile.of(stored)
