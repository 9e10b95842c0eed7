"""The bible of a project, one per branch; every edit is a commit."""

from __future__ import annotations

from functools import partial

from sqlalchemy import select

from api.errors import error_responses
from api.http.dependencies import ReadingSession
from api.http.etags import IfMatch
from api.http.field_types import BranchQuery
from api.http.paging import Pages
from api.http.strict_routes import strict_router
from api.production.story.bible_bodies import BibleAnswer, BibleBody, BibleChange, BibleEdited, to_answers
from api.production.story.projects import ProjectId
from api.versions.answers import refuse_branch_with_at
from api.versions.editing import Editing, answer_edit, change_entity
from api.versions.reading import Reading, with_etag
from api.versions.resources import EntityResource
from db.models.bibles import BiblePart, ProjectBible
from db.models.versions import Commit
from tower.story import bibles, entities
from tower.story.entities import LocatedRow, PastEntity
from tower.versions.branches import MAIN
from tower.versions.kinds import BIBLE_KEY

router = strict_router(prefix="/api/anime", tags=["bible"])
BIBLES = EntityResource(ProjectBible, to_answers, BibleEdited, f"{router.prefix}/projects/{{project_id}}/bible")


@router.post("/projects/{project_id}/bible", status_code=201, responses=error_responses(400, 404, 409, 413, 415))
def create_bible(project_id: ProjectId, body: BibleBody, edit: Editing) -> BibleEdited:
    """Create the bible. A branch has at most one, so a second one is refused."""
    with edit.session.begin():
        on = entities.lock_branch(edit.session, project_id, body.branch_name or MAIN)
        bibles.check_no_bible(edit.session, on)
        note = edit.make_note(body)
        made = entities.insert_entity(edit.session, ProjectBible, body.to_columns(), head=on, note=note, key=BIBLE_KEY)
    return answer_edit(BIBLES, edit, made)


@router.get("/projects/{project_id}/bible", responses=error_responses(404))
def get_bible(project_id: ProjectId, read: Reading) -> BibleAnswer:
    """The bible; `branch` reads another branch, `at` a past state."""
    refuse_branch_with_at(read.branch, read.at)
    bible: LocatedRow[ProjectBible] | PastEntity
    if read.at is None:
        bible = bibles.find_bible(read.session, project_id, read.branch or MAIN)
    else:
        bible = entities.find_past_by_key(read.session, ProjectBible, BIBLE_KEY, project_id=project_id, ref=read.at)
    return with_etag(read.response, BibleAnswer.of(bible))


@router.put("/projects/{project_id}/bible", responses=error_responses(400, 404, 412, 413, 415))
def replace_bible(project_id: ProjectId, body: BibleBody, edit: Editing, if_match: IfMatch = None) -> BibleEdited:
    """Replace the whole bible: a field that is left out becomes empty. Its characters stay."""
    find = partial(bibles.find_bible, edit.session, project_id, body.branch_name or MAIN, lock=True)
    return change_entity(BIBLES, edit, body, find=find, if_match=if_match, fields=lambda _: body.to_columns())


@router.get("/projects/{project_id}/bible/history", responses=error_responses(404))
def bible_history(
    project_id: ProjectId,
    session: ReadingSession,
    pages: Pages,
    branch: BranchQuery = None,
    part: BiblePart | None = None,
) -> list[BibleChange]:
    """Each change to the bible and its characters on a branch, newest first, with the earlier content."""
    page = bibles.list_changes(session, project_id, branch or MAIN, part=part, page_request=pages.page_request)
    ids = {row.commit_id for row in page.rows}
    commits = {commit.id: commit for commit in session.scalars(select(Commit).where(Commit.id.in_(ids)))}
    return pages.answer(page, lambda row: BibleChange.of(row, commits[row.commit_id]))
