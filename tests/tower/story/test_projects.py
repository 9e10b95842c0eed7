"""Projects are created with a branch, changed, deleted, and restored within a limited time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from db.models.projects import Project, ProjectStatus
from tower.errors import InvalidError, NotFoundError
from tower.pages import PageRequest
from tower.story import projects
from tower.story.projects import RESTORABLE_FOR, ProjectFilter
from tower.versions import branches


def create(session: Session, name: str = "One", **settings: object) -> Project:
    return projects.create_project(session, {"name": name}, settings)


def list_names(session: Session, **only: object) -> list[str]:
    page = projects.list_projects(session, PageRequest(limit=200), where=ProjectFilter(**only))  # type: ignore[arg-type]
    return [row.name for row in page.rows]


def test_a_new_project_is_a_draft_with_a_main_branch_and_the_given_settings(session: Session) -> None:
    project = create(session, fps=12)
    assert project.status == ProjectStatus.DRAFT
    assert [branch.name for branch, _ in branches.list_all(session, project.id)] == ["main"]
    assert project.settings is not None
    assert (project.settings.fps, project.settings.default_style) == (12, None)


def test_an_unknown_style_is_refused_with_the_known_ones(session: Session) -> None:
    with pytest.raises(InvalidError, match="anime"):
        create(session, default_style="cubist")
    with pytest.raises(InvalidError):
        projects.change_project(session, create(session), {}, {"default_style": "cubist"})


def test_changed_settings_count_as_a_change_of_the_project(session: Session) -> None:
    project = create(session)
    project.updated_at = datetime(2026, 1, 1, tzinfo=UTC)
    session.flush()
    changed = projects.change_project(session, project, {}, {"width": 640, "height": 360})
    assert changed.updated_at > datetime(2026, 1, 2, tzinfo=UTC)
    assert changed.settings is not None
    assert (changed.settings.width, changed.settings.height, changed.settings.fps) == (640, 360, None)


def test_a_deleted_project_is_neither_found_nor_listed_until_it_is_restored(session: Session) -> None:
    project = create(session, "Binned")
    projects.delete_project(session, project.id)
    with pytest.raises(NotFoundError):
        projects.find_project(session, project.id)
    with pytest.raises(NotFoundError):
        projects.delete_project(session, project.id)
    assert "Binned" not in list_names(session)
    assert "Binned" in list_names(session, deleted=True)
    projects.restore_project(session, project.id)
    assert projects.find_project(session, project.id).deleted_at is None
    assert "Binned" in list_names(session)


def test_restoring_a_project_that_is_not_deleted_changes_nothing(session: Session) -> None:
    project = create(session)
    assert projects.restore_project(session, project.id).id == project.id


@pytest.mark.parametrize(("over", "restorable"), [(timedelta(minutes=-5), True), (timedelta(minutes=5), False)])
def test_a_deleted_project_can_be_restored_for_thirty_days(session: Session, over: timedelta, restorable: bool) -> None:
    project = projects.delete_project(session, create(session).id)
    project.deleted_at = datetime.now(UTC) - RESTORABLE_FOR - over
    session.flush()
    if restorable:
        assert projects.restore_project(session, project.id).deleted_at is None
    else:
        with pytest.raises(NotFoundError):
            projects.restore_project(session, project.id)


def test_filters_narrow_by_status_and_by_a_literal_part_of_the_name(session: Session) -> None:
    for name in ("Shrine 100%", "shrine of 1000"):
        create(session, name)
    projects.change_project(session, create(session, "Finished"), {"status": ProjectStatus.COMPLETED}, {})
    assert list_names(session, name="SHRINE") == ["Shrine 100%", "shrine of 1000"]
    assert list_names(session, name="100%") == ["Shrine 100%"]
    assert list_names(session, status=ProjectStatus.COMPLETED) == ["Finished"]
