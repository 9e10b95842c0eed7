"""Export a whole project as one file, and import it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TypeVar

from fastapi import Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field
from starlette.types import Receive, Scope, Send

from api.errors import MediaTypeError, error_responses
from api.http.dependencies import CurrentSettings, DatabaseSessions
from api.http.strict_routes import strict_router
from api.middleware.key_check import ADMIN
from api.production.story.projects import ProjectAnswer, ProjectId
from db.engine import SessionFactory
from tower.archives.exporting import export_project
from tower.archives.format import FILE_SUFFIX
from tower.archives.importing import ImportResult, import_project
from tower.archives.transit import spool_folder
from tower.story import projects

router = strict_router(prefix="/api/anime", tags=["projects"], dependencies=[ADMIN])

IMPORT_PATH = f"{router.prefix}/projects/import"
MEDIA_TYPE = "application/zip"
ACCEPTED_MEDIA_TYPES = (MEDIA_TYPE, "application/octet-stream")
CHUNK_BYTES = 2**20  # bytes per write
Result = TypeVar("Result")
_workers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="archives")  # more would only compete for the disk


class RenamedThing(BaseModel):
    """A name that was changed. On a branch, a new commit changed it; the commits before it keep the old name."""

    place: str = Field(description="The kind of thing, or the table and column.", examples=["characters"])
    branch: str | None
    old: str
    new: str


class ImportedProject(BaseModel):
    """`rows` counts the imported rows by table. The commits keep their hashes."""

    project: ProjectAnswer
    content_hash: str = Field(
        description="Hash of everything in the archive. An export of the new project has the same hash, unless "
        "something was `renamed`."
    )
    heads: dict[str, str] = Field(description="Hash of the newest commit of each branch in the archive.")
    rows: dict[str, int]
    missing: list[str] = Field(description="Files that were missing when the archive was made.")
    renamed: list[RenamedThing] = Field(description="Names that are refused today, and what became of each.")


class ArchiveResponse(FileResponse):
    """Sends the whole file and then removes it by closing `spool`, even if the client disconnects."""

    spool: ExitStack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        whole = {**scope, "headers": [(name, value) for name, value in scope["headers"] if name != b"range"]}
        try:
            await super().__call__(whole, receive, send)
        finally:
            await _in_thread(self.spool.close)


@router.get(
    "/projects/{project_id}/export",
    response_class=ArchiveResponse,
    responses={
        200: {"content": {MEDIA_TYPE: {}}, "description": "The archive; ETag is its content hash"},
        **error_responses(404, 409, 507),
    },
)
async def download_project(
    project_id: ProjectId, sessions: DatabaseSessions, settings: CurrentSettings
) -> ArchiveResponse:
    """The project as one file: bible, characters, scenes, all versions, reviews, takes and media.

    The archive is complete before the first byte is sent, so it needs space on the disk for that time. 409 if a file
    changes meanwhile.
    """
    with ExitStack() as spool:
        target = spool.enter_context(spool_folder(settings)) / f"export{FILE_SUFFIX}"
        made = await _in_thread(lambda: export_project(sessions, project_id, target, settings=settings))
        kept = spool.pop_all()
    headers = {"ETag": f'"{made.manifest.content_hash}"', "Accept-Ranges": "none", "Cache-Control": "no-store"}
    name = "".join(letter if letter.isprintable() and letter not in '/\\"' else "_" for letter in made.manifest.project)
    answer = ArchiveResponse(target, media_type=MEDIA_TYPE, filename=f"{name}{FILE_SUFFIX}", headers=headers)
    answer.spool = kept
    return answer


@router.post(
    "/projects/import",
    status_code=201,
    responses=error_responses(413, 415, 507),
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The unchanged file from GET /projects/{project_id}/export.",
            "content": {media: {"schema": {"type": "string", "format": "binary"}} for media in ACCEPTED_MEDIA_TYPES},
        }
    },
)
async def upload_project(
    request: Request, response: Response, sessions: DatabaseSessions, settings: CurrentSettings
) -> ImportedProject:
    """Create a project from an archive. If anything is wrong with the file, nothing is imported."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in ACCEPTED_MEDIA_TYPES:
        raise MediaTypeError(f"Send the unchanged archive, with the header Content-Type: {MEDIA_TYPE}")
    with spool_folder(settings) as folder:
        source = folder / f"import{FILE_SUFFIX}"
        await _spool_body(request, source)
        made = await _in_thread(lambda: import_project(sessions, source, settings=settings))
    answer = await _in_thread(lambda: _answer(sessions, made))
    response.headers["Location"] = f"{router.prefix}/projects/{made.project_id}"
    return answer


def _answer(sessions: SessionFactory, made: ImportResult) -> ImportedProject:
    with sessions() as session:
        project = ProjectAnswer.of(projects.find_project(session, made.project_id))
    manifest = made.manifest
    return ImportedProject(
        project=project,
        content_hash=manifest.content_hash,
        heads=manifest.heads,
        rows=manifest.rows,
        missing=manifest.missing,
        renamed=[RenamedThing(**asdict(name)) for name in made.repaired],
    )


async def _spool_body(request: Request, target: Path) -> None:
    """Write the body to a new file. At most CHUNK_BYTES are in memory."""
    with target.open("xb") as file:
        buffer = bytearray()
        async for chunk in request.stream():
            buffer += chunk
            if len(buffer) >= CHUNK_BYTES:
                await _in_thread(partial(file.write, bytes(buffer)))
                buffer.clear()
        await _in_thread(partial(file.write, bytes(buffer)))


async def _in_thread(work: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(_workers, work)
