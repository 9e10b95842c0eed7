"""Story arcs across episodes; every edit is a commit."""

from __future__ import annotations

from api.errors import error_responses
from api.http.dependencies import ReadingSession
from api.http.etags import IfMatch
from api.http.field_types import BranchQuery, ProjectQuery, RowId
from api.http.paging import Pages
from api.http.strict_routes import strict_router
from api.production.story.arc_bodies import ArcAnswer, ArcChange, NewArc, to_answers
from api.versions.editing import DeletedEntity, Editing, change_entity, create_entity, delete_entity
from api.versions.reading import Reading, list_entities, read_entity
from api.versions.resources import VersionedResource
from db.models.episodes import ArcStatus, StoryArc

router = strict_router(prefix="/api/anime", tags=["story"])
ARCS = VersionedResource(StoryArc, to_answers, ArcAnswer, f"{router.prefix}/story-arcs")


@router.post("/story-arcs", status_code=201, responses=error_responses(400, 404, 409, 413, 415))
def create_story_arc(body: NewArc, edit: Editing) -> ArcAnswer:
    """Create a story arc."""
    return create_entity(ARCS, edit, body, project_id=body.project_id, fields=body.to_columns)


@router.get("/story-arcs", responses=error_responses(404))
def list_story_arcs(
    project_id: ProjectQuery,
    session: ReadingSession,
    pages: Pages,
    branch: BranchQuery = None,
    status: ArcStatus | None = None,
) -> list[ArcAnswer]:
    """The arcs of a project, in the order of creation; `position` is their order in the story."""
    where = () if status is None else (StoryArc.status == status,)
    return list_entities(ARCS, session, pages, project_id=project_id, branch=branch, where=where)


@router.get("/story-arcs/{arc_id}", responses=error_responses(404))
def get_story_arc(arc_id: RowId, read: Reading) -> ArcAnswer:
    """A story arc; `branch` reads another branch, `at` a past state."""
    return read_entity(ARCS, read, arc_id)


@router.put("/story-arcs/{arc_id}", responses=error_responses(400, 404, 412, 413, 415))
def change_story_arc(arc_id: RowId, body: ArcChange, edit: Editing, if_match: IfMatch = None) -> ArcAnswer:
    """Change the fields that the body has."""
    find = edit.finder(StoryArc, arc_id, body.branch_name)
    return change_entity(ARCS, edit, body, find=find, if_match=if_match, fields=lambda _: body.to_columns())


@router.delete("/story-arcs/{arc_id}", responses=error_responses(404))
def delete_story_arc(arc_id: RowId, edit: Editing, branch: BranchQuery = None) -> DeletedEntity:
    """Delete a story arc from its branch or from `branch`."""
    return delete_entity(edit, edit.finder(StoryArc, arc_id, branch))
