"""The fixture for concurrent tests: real commits, and an empty database afterwards."""

from __future__ import annotations

from sqlalchemy import func, select

from db.engine import SessionFactory
from db.models.projects import Project
from db.models.styles import StyleTemplate
from db.models.versions import Branch


def test_a_commit_is_seen_by_others(sessions: SessionFactory) -> None:
    _commit_and_count(sessions)


def test_the_next_test_sees_nothing_of_it(sessions: SessionFactory) -> None:
    _commit_and_count(sessions)


def _commit_and_count(sessions: SessionFactory) -> None:
    with sessions.begin() as session:
        project = Project(name="kept for one test")
        session.add(project)
        session.flush()
        branch = Branch(project_id=project.id, name="main")
        session.add(branch)
        session.flush()
        session.add(StyleTemplate(project_id=project.id, branch_id=branch.id, name="own", prompt="own"))
    with sessions() as other:
        assert other.scalar(select(func.count()).select_from(Project)) == 1
        assert other.scalar(select(func.count()).select_from(StyleTemplate)) == 5
