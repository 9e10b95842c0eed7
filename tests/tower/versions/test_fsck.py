"""Damage that fsck finds. The tests damage the database directly, because the code would refuse it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from tests.tower.versions.story import VersionedStory, create_story
from tower.errors import NotFoundError
from tower.versions import fsck
from tower.versions.editing import EntityEdit
from tower.versions.kinds import Kind
from tower.versions.object_cache import PROCESS_CACHE
from tower.versions.objects import DamagedHistoryError

ENTITY = "kind = 'entity'"
LEAF = "kind = 'tree' and convert_from(content, 'UTF8') like '%\"leaf\"%'"


@pytest.fixture
def kai(story: VersionedStory) -> uuid.UUID:
    return story.put(Kind.CHARACTERS, name="Kai", seed=1)


def damage(session: Session, statement: str) -> None:
    session.execute(text("set local session_replication_role = replica"))
    session.execute(text(statement))
    session.execute(text("set local session_replication_role = origin"))
    session.expire_all()
    PROCESS_CACHE.clear()


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        (f"update anime_api.version_objects set content = content || ' ' where {ENTITY}", "Object .* is damaged"),
        (f"update anime_api.version_objects set content = '{{' where {ENTITY}", "one of the characters, is missing"),
        (f"delete from anime_api.version_objects where {ENTITY}", "one of the characters, is missing"),
        (f"delete from anime_api.version_objects where {LEAF}", "Tree node .* of the characters is missing"),
        ("delete from anime_api.version_objects where kind = 'tree'", "Tree .* is missing"),
        ("update anime_api.commits set message = 'forged'", "Commit .* is damaged"),
        ("update anime_api.commits set generation = 7 where parent_id is not null", "has generation 7"),
        ("delete from anime_api.commits where parent_id is null", "has a parent that is missing"),
        ("update anime_api.branches set head_id = null", "'main' has no commit"),
        ("update anime_api.characters set seed = 2", "'Kai' .* differs from the head in seed"),
        ("delete from anime_api.characters", "'Kai' .* is in the head but has no row"),
    ],
)
def test_damage_is_found(story: VersionedStory, session: Session, kai: uuid.UUID, statement: str, finding: str) -> None:
    assert story.check_integrity() == []
    damage(session, statement)
    messages = "\n".join(story.check_integrity())
    assert re.search(finding, messages), messages


def test_a_row_without_a_commit_is_found(story: VersionedStory, session: Session, kai: uuid.UUID) -> None:
    damage(
        session,
        "insert into anime_api.characters (project_id, branch_id, name) select project_id, branch_id, 'Rin'"
        " from anime_api.characters",
    )
    assert ["has a row but is not in the head" in message for message in story.check_integrity()] == [True]


def test_a_damaged_state_is_refused(story: VersionedStory, session: Session, kai: uuid.UUID) -> None:
    damage(session, f"delete from anime_api.version_objects where {ENTITY}")
    with pytest.raises(DamagedHistoryError, match="tower fsck"):
        story.entities_at("main", Kind.CHARACTERS)
    with pytest.raises(DamagedHistoryError, match="tower fsck"):
        story.put(Kind.CHARACTERS, key=kai, seed=2)


def test_an_edit_of_a_missing_row_is_refused(story: VersionedStory, session: Session, kai: uuid.UUID) -> None:
    damage(session, "delete from anime_api.characters")
    with pytest.raises(DamagedHistoryError, match="tower fsck"):
        story.put(Kind.CHARACTERS, key=kai, seed=2)


def test_a_large_tree_is_checked_down_to_its_leaves(story: VersionedStory, session: Session) -> None:
    story.commit(*(EntityEdit(Kind.CHARACTERS, uuid.uuid4(), {"name": f"Kai {number}"}) for number in range(150)))
    assert story.check_integrity() == []
    damage(session, f"delete from anime_api.version_objects where {ENTITY}")
    assert len(story.check_integrity()) == 150


def test_only_the_requested_project_is_checked(story: VersionedStory, session: Session, kai: uuid.UUID) -> None:
    other = create_story(session)
    other.commit()
    damage(session, "update anime_api.characters set seed = 2")
    assert other.check_integrity() == []
    assert fsck.list_project_ids(session, other.project_id) == [other.project_id]
    assert fsck.list_project_ids(session) == [story.project_id, other.project_id]
    with pytest.raises(NotFoundError):
        fsck.list_project_ids(session, 10**9)


@pytest.fixture
def tower(sessions: SessionFactory) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs the command with the database of `sessions`."""
    url = sessions.kw["bind"].url.set(drivername="postgresql").render_as_string(hide_password=False)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "deployments.cli", *arguments]
        env = {**os.environ, "TOWER_DATABASE_URL": url}
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)

    return run


def test_the_command_prints_its_findings(
    sessions: SessionFactory, tower: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    with sessions.begin() as session:
        story = create_story(session)
        story.put(Kind.CHARACTERS, name="Kai")
    clean = tower("fsck")
    assert (clean.returncode, clean.stdout) == (0, ""), clean.stderr
    assert "1 projects checked, 0 findings" in clean.stderr
    with sessions.begin() as session:
        session.execute(text("update anime_api.characters set seed = 7"))
    damaged = tower("fsck", "--project", str(story.project_id))
    assert damaged.returncode == 1
    assert damaged.stdout.startswith(f"project {story.project_id}: characters on 'main': 'Kai'")
