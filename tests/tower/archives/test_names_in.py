"""Names that an older Tower accepted are repaired in an import, and the history stays as it is."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.characters import Character
from db.models.projects import Project
from db.models.versions import Branch, Commit
from tests.tower.archives.studio import Studio, read_members
from tests.tower.archives.test_refused import changed_rows, rewrite_archive
from tower.archives.exporting import export_project
from tower.archives.importing import import_project
from tower.archives.names_in import RepairedName
from tower.versions import fsck, heads
from tower.versions.fields import complete_new_fields
from tower.versions.kinds import Kind
from tower.versions.rows import Changes

HIDDEN = "Yu\u200bki"


@pytest.mark.parametrize("place", ["story_timelines.title", "projects.series_name", "tags.name"])
@pytest.mark.parametrize(("name", "new"), [(HIDDEN, "Yuki"), ("\u3164", "Unnamed"), ("E\u0301a", "\u00c9a")])
def test_a_name_outside_of_the_history_is_repaired(
    other_studio: Studio, archive: Path, place: str, name: str, new: str
) -> None:
    table, _, column = place.rpartition(".")
    forged = rewrite_archive(
        archive, changed_rows(read_members(archive), table, lambda row: row.update({column: name}))
    )
    made = import_project(other_studio.sessions, forged, settings=other_studio.settings)
    assert made.repaired == [RepairedName(place, None, name, new)]
    found = f"select count(*) from anime_api.{table} where project_id = :id and {column} = :name"
    assert other_studio.select_scalar(found, id=made.project_id, name=new) == 1


def test_a_versioned_name_is_repaired_by_a_commit_on_each_branch_and_stays_free(
    studio: Studio, other_studio: Studio, tmp_path: Path
) -> None:
    with studio.sessions.begin() as session:
        project = Project(name=HIDDEN)
        session.add(project)
        session.flush()
        project_id = project.id
        for name in (HIDDEN, "Rei"):
            commit_as_before(session, project_id, name)
    exported = export_project(studio.sessions, project_id, tmp_path / "old.tower", settings=studio.settings)
    made = import_project(other_studio.sessions, tmp_path / "old.tower", settings=other_studio.settings)
    assert made.repaired == [
        RepairedName("anime_projects.name", None, HIDDEN, "Yuki"),
        RepairedName("characters", "main", HIDDEN, "Yuki"),
    ]
    with other_studio.sessions() as session:
        names = session.scalars(select(Character.name).where(Character.project_id == made.project_id)).all()
        assert sorted(names) == ["Rei", "Yuki"]
        head = session.scalars(
            select(Commit).join(Branch, Branch.head_id == Commit.id).where(Branch.project_id == made.project_id)
        ).one()
        assert (head.author, head.hash != exported.manifest.heads["main"]) == ("import", True)
        hashes = session.scalars(select(Commit.hash).where(Commit.project_id == made.project_id)).all()
        assert exported.manifest.heads["main"] in hashes
        assert list(fsck.check_project(session, project_id=made.project_id)) == []


def test_a_repaired_name_that_is_taken_gets_a_number(studio: Studio, other_studio: Studio, tmp_path: Path) -> None:
    with studio.sessions.begin() as session:
        project = Project(name="Two of a name")
        session.add(project)
        session.flush()
        project_id = project.id
        for name in (HIDDEN, "Yuki"):
            commit_as_before(session, project_id, name)
    export_project(studio.sessions, project_id, tmp_path / "old.tower", settings=studio.settings)
    made = import_project(other_studio.sessions, tmp_path / "old.tower", settings=other_studio.settings)
    assert made.repaired == [RepairedName("characters", "main", HIDDEN, "Yuki (2)")]


def commit_as_before(session: Session, project_id: int, name: str) -> None:
    """Commit a character as Tower did before it looked at names."""
    head = heads.load_head(session, project_id, "main")
    fields = complete_new_fields(Kind.CHARACTERS, {"name": name}, "characters")
    changes: Changes = {(Kind.CHARACTERS, uuid.uuid4()): (None, fields)}
    heads.commit_changes(session, head, changes, message=name, author="an older Tower")
