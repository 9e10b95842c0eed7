"""Projects: create, list, change, delete and restore them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.errors import error_responses
from api.http.dependencies import DatabaseSession, ReadingSession
from api.http.etags import IfMatch, require_match, set_etag
from api.http.field_types import Name, OpenObject, StorableText, Text, Title
from api.http.paging import MAX_ID, Pages
from api.http.strict_routes import Body, strict_router
from db.models.projects import Project, ProjectStatus, QualityPreset
from tower.jobs.spec import SideLength
from tower.media.rates import FrameRate
from tower.story import projects
from tower.story.projects import RESTORABLE_FOR, ProjectFilter

router = strict_router(prefix="/api/anime", tags=["projects"])

ProjectId = Annotated[int, Field(ge=1, le=MAX_ID)]
EXAMPLE: JsonValue = {
    "name": "My Anime Project",
    "description": "Epic fantasy adventure",
    "metadata": {"genre": "fantasy", "target_length": "12_episodes"},
}


class SettingsChange(Body):
    """Production settings. A field that is left out stays as it is; null takes what POST /config or the preset says."""

    series_name: Title | None = None
    fps: FrameRate | None = None
    width: SideLength | None = Field(None, description="Pixels.")
    height: SideLength | None = None
    default_style: Name | None = Field(None, description="The name of a style template.")
    workflow: Name | None = None
    model: Title | None = Field(None, description="File name of the checkpoint.")
    quality_preset: Annotated[QualityPreset | None, Field(strict=False)] = None


class ProductionSettings(BaseModel):
    """Production settings. Null takes what POST /config or the preset says, and for `series_name` the name."""

    model_config = ConfigDict(from_attributes=True)

    series_name: str | None
    fps: FrameRate | None
    width: int | None
    height: int | None
    default_style: str | None
    workflow: str | None
    model: str | None
    quality_preset: QualityPreset | None


class NewProject(Body):
    model_config = ConfigDict(
        json_schema_extra={"examples": [EXAMPLE, {"name": "My Anime Project", "description": "Test project"}]}
    )

    name: Title
    description: Text = ""
    metadata: OpenObject = Field(default_factory=dict, description="Your own fields.")
    settings: SettingsChange = Field(default_factory=SettingsChange)


class ProjectChange(Body):
    """A field that is left out stays as it is; `metadata` is replaced as a whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"description": "Updated description"}]})

    name: Title = Field(default_factory=str)
    description: Text = Field(default_factory=str)
    status: Annotated[ProjectStatus, Field(strict=False)] = ProjectStatus.DRAFT
    metadata: OpenObject = Field(default_factory=dict)
    settings: SettingsChange = Field(default_factory=SettingsChange)


class ProjectAnswer(BaseModel):
    id: int = Field(examples=[12])
    name: str
    description: str
    status: ProjectStatus = Field(description="A project is a draft until its first scene or generation.")
    metadata: dict[str, Any]
    settings: ProductionSettings
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = Field(description="When it was put in the bin; null if it is not there.")

    @classmethod
    def of(cls, row: Project) -> Self:
        same = ("id", "name", "description", "status", "created_at", "updated_at", "deleted_at")
        return cls.model_validate(
            {name: getattr(row, name) for name in same}
            | {"metadata": row.details, "settings": ProductionSettings.model_validate(row.settings or _UNSET)}
        )


class DeletedProject(BaseModel):
    id: int
    deleted_at: datetime
    restorable_until: datetime
    restore_url: str = Field(examples=["/api/anime/projects/12/restore"])


_UNSET = ProductionSettings(**SettingsChange().model_dump())


async def _filter(
    status: ProjectStatus | None = None,
    name: Annotated[StorableText | None, Query(max_length=200, description="A part of the name, in any case.")] = None,
    deleted: Annotated[bool, Query(description="List the projects in the bin instead.")] = False,
) -> ProjectFilter:
    return ProjectFilter(status, name, deleted)


@router.post("/projects", status_code=201, responses=error_responses(400, 413, 415))
def create_project(body: NewProject, session: DatabaseSession, response: Response) -> ProjectAnswer:
    """Create a project: a draft with an empty branch `main`."""
    with session.begin():
        project = projects.create_project(session, _columns(body), body.settings.model_dump(exclude_unset=True))
        answer = ProjectAnswer.of(project)
    response.headers["Location"] = f"{router.prefix}/projects/{answer.id}"
    set_etag(response, answer)
    return answer


@router.get("/projects")
def list_projects(
    session: ReadingSession, pages: Pages, only: Annotated[ProjectFilter, Depends(_filter)]
) -> list[ProjectAnswer]:
    """Projects by id. The headers X-Next-Cursor and Link (rel=next) lead to the next page, if any."""
    return pages.answer(projects.list_projects(session, pages.page_request, where=only), ProjectAnswer.of)


@router.get("/projects/{project_id}", responses=error_responses(404))
def get_project(project_id: ProjectId, session: ReadingSession, response: Response) -> ProjectAnswer:
    """A project with its production settings."""
    answer = ProjectAnswer.of(projects.find_project(session, project_id))
    set_etag(response, answer)
    return answer


@router.patch("/projects/{project_id}", responses=error_responses(400, 404, 412, 413, 415))
def change_project(
    project_id: ProjectId,
    body: ProjectChange,
    session: DatabaseSession,
    response: Response,
    if_match: IfMatch = None,
) -> ProjectAnswer:
    """Change the fields that the body has."""
    with session.begin():
        project = projects.find_project(session, project_id, lock=True)
        require_match(if_match, ProjectAnswer.of(project))
        changed = projects.change_project(
            session, project, _columns(body), body.settings.model_dump(exclude_unset=True)
        )
        answer = ProjectAnswer.of(changed)
    set_etag(response, answer)
    return answer


@router.delete("/projects/{project_id}", responses=error_responses(404))
def delete_project(project_id: ProjectId, session: DatabaseSession) -> DeletedProject:
    """Put a project in the bin with all its content. It can be restored for 30 days."""
    with session.begin():
        deleted_at = projects.delete_project(session, project_id).deleted_at
    assert deleted_at is not None
    return DeletedProject(
        id=project_id,
        deleted_at=deleted_at,
        restorable_until=deleted_at + RESTORABLE_FOR,
        restore_url=f"{router.prefix}/projects/{project_id}/restore",
    )


@router.post("/projects/{project_id}/restore", responses=error_responses(404))
def restore_project(project_id: ProjectId, session: DatabaseSession, response: Response) -> ProjectAnswer:
    """Restore a project from the bin, unchanged."""
    with session.begin():
        answer = ProjectAnswer.of(projects.restore_project(session, project_id))
    set_etag(response, answer)
    return answer


def _columns(body: NewProject | ProjectChange) -> dict[str, Any]:
    given = body.model_dump(exclude_unset=True, exclude={"settings"})
    return {"details" if name == "metadata" else name: value for name, value in given.items()}
