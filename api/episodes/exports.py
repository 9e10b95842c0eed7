"""The planned film of an episode as a file for editing programs."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from fastapi import Query
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from api.episodes.routes import OptionalProject
from api.errors import error_responses
from api.http.dependencies import ReadingSession
from api.http.field_types import BranchQuery
from api.http.strict_routes import strict_router
from tower.assembly.editors.export import export_cut
from tower.assembly.editors.report import ExportFormat, Loss
from tower.assembly.planning import plan_cut
from tower.story.episodes import find_episode

router = strict_router(prefix="/api/anime/episodes/{episode_id}", tags=["cuts"])
MEDIA_TYPES = {
    ExportFormat.OTIO: "application/json",
    ExportFormat.OTIOZ: "application/zip",
    ExportFormat.EDL: "text/plain",
    ExportFormat.FCPXML7: "application/xml",
}
MAX_LOSSES_BYTES = 4000  # of a header; many programs refuse headers above 8 KiB


@router.get(
    "/export",
    response_class=FileResponse,
    responses={
        200: {
            "content": {
                media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in MEDIA_TYPES.values()
            },
            "headers": {
                "Tower-Losses": {
                    "description": "JSON: what the format does not hold, each with `part` and `message`.",
                    "schema": {"type": "string"},
                },
                "Tower-Losses-Count": {"description": "How many there are.", "schema": {"type": "integer"}},
            },
            "description": "The file",
        },
        **error_responses(404, 409, 422),
    },
)
def export_episode(
    episode_id: uuid.UUID,
    session: ReadingSession,
    *,
    export_format: Annotated[ExportFormat, Query(alias="format")],
    branch: BranchQuery = None,
    project_id: OptionalProject = None,
) -> FileResponse:
    """The cut with its takes, transitions, markers, speeds and music. The header Tower-Losses says what is missing.

    422 names the part of the cut that the format cannot hold.
    """
    found = find_episode(session, episode_id, project_id=project_id, branch=branch)
    cut = plan_cut(session, found)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tower-export-")))
        target = folder / f"cut{export_format.suffix}"
        report = export_cut(cut, export_format, target)
        cleanup = BackgroundTask(stack.pop_all().close)  # after the answer
    headers = {
        "Tower-Losses": _losses(report.losses),
        "Tower-Losses-Count": str(len(report.losses)),
        "Cache-Control": "no-store",
    }
    name = f"episode-{found.row.episode_number}{export_format.suffix}"
    return FileResponse(
        target, media_type=MEDIA_TYPES[export_format], filename=name, headers=headers, background=cleanup
    )


def _losses(losses: Sequence[Loss]) -> str:
    """As many as a header holds; the count says whether there are more."""
    rows: list[dict[str, str]] = []
    for loss in losses:
        rows.append({"part": loss.part, "message": loss.message})
        if len(json.dumps(rows)) > MAX_LOSSES_BYTES:
            rows.pop()
            break
    return json.dumps(rows)
