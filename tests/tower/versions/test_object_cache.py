"""Cached objects are not read again, and the cache never replaces the database."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from tests.tower.versions.story import VersionedStory, create_story
from tower.versions import fsck, history
from tower.versions.kinds import Kind
from tower.versions.object_cache import ENTRY_BYTES, ObjectCache
from tower.versions.objects import ObjectStore


def test_the_least_recently_used_object_is_evicted() -> None:
    remembered = ObjectCache(3 * (10 + ENTRY_BYTES))
    for name in "abc":
        remembered.add(1, {name: b"0123456789"})
    assert remembered.get_many(1, ["a"]) == {"a": b"0123456789"}
    remembered.add(1, {"d": b"0123456789"})
    assert remembered.get_many(1, "abcd").keys() == {"a", "c", "d"}
    remembered.add(1, {"large": b"0" * 10_000})
    assert remembered.get_many(1, ["a", "c", "d", "large"]) == {}


def test_equal_objects_are_cached_once_per_project() -> None:
    remembered = ObjectCache(2 * (1 + ENTRY_BYTES))
    for _ in range(5):
        remembered.add(1, {"a": b"x"})
    remembered.add(2, {"b": b"y"})
    assert remembered.get_many(1, "ab") == {"a": b"x"}
    assert remembered.get_many(2, "ab") == {"b": b"y"}
    remembered.clear()
    assert remembered.get_many(1, "ab") == {}


def test_a_second_read_of_a_state_uses_the_cache(story: VersionedStory, session: Session) -> None:
    key = story.put(Kind.CHARACTERS, name="Kai")
    tree, remembered = story.commit().tree_hash, ObjectCache()
    ObjectStore(session, story.project_id, cache=remembered).get(tree)
    session.execute(text("set local session_replication_role = replica"))
    session.execute(text("delete from anime_api.version_objects"))
    assert ObjectStore(session, story.project_id, cache=remembered).get(tree)["characters"][0] == 1
    with pytest.raises(Exception, match="tower fsck"):
        ObjectStore(session, story.project_id, cache=None).get(tree)
    # Objects written by an edit are cached too.
    assert story.entities_at("main", Kind.CHARACTERS)[key]["name"] == "Kai"
    assert len(story.check_integrity()) > 0  # fsck reads the database.


def test_a_rolled_back_object_is_written_again_by_the_next_edit(sessions: SessionFactory) -> None:
    key = uuid.uuid4()
    with sessions.begin() as session:
        project_id = create_story(session).project_id
        VersionedStory(session, project_id).commit()
    with sessions() as session:
        VersionedStory(session, project_id).put(Kind.CHARACTERS, key=key, name="Kai")
        VersionedStory(session, project_id).entities_at("main", Kind.CHARACTERS)
        session.rollback()
    with sessions.begin() as session:
        VersionedStory(session, project_id).put(Kind.CHARACTERS, key=key, name="Kai")
    with sessions() as session:
        assert list(fsck.check_project(session, project_id=project_id)) == []
        assert history.entities_at(session, project_id, "main", Kind.CHARACTERS)[key]["name"] == "Kai"
