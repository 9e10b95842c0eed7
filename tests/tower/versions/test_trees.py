"""A tree depends on its content and not on its history."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from db.models.versions import ObjectKind
from tests.hypothesis_profiles import example_count
from tests.tower.versions.story import VersionedStory
from tower.versions import trees
from tower.versions.editing import EntityEdit
from tower.versions.kinds import Kind
from tower.versions.objects import DamagedHistoryError, ObjectStore
from tower.versions.trees import LEAF_CAPACITY

KEYS = [uuid.uuid5(uuid.NAMESPACE_URL, str(number)) for number in range(6 * LEAF_CAPACITY)]


def an_objects(session: Session) -> ObjectStore:
    """A fake store without a database: it returns every object that was written."""
    return ObjectStore(session, 0)


def a_tree(objects: ObjectStore, numbers: list[int]) -> str:
    entity = objects.put(ObjectKind.ENTITY, {"kind": "scenes", "fields": {}})
    return trees.write_tree(
        objects, trees.put_empty_tree(objects), {(Kind.SCENES, KEYS[number]): entity for number in numbers}
    )


@example_count(40)
@given(st.data())
def test_a_tree_does_not_depend_on_the_order_of_edits(data: st.DataObject) -> None:
    objects = an_objects(Session())
    numbers = data.draw(st.lists(st.integers(0, len(KEYS) - 1), unique=True, max_size=len(KEYS)))
    cut = data.draw(st.integers(0, len(numbers)))
    extra = data.draw(st.lists(st.integers(0, len(KEYS) - 1), max_size=2 * LEAF_CAPACITY))
    at_once = a_tree(objects, numbers)
    tree = a_tree(objects, [*numbers[:cut], *extra])
    removals = {(Kind.SCENES, KEYS[number]): None for number in set(extra) - set(numbers)}
    entity = objects.put(ObjectKind.ENTITY, {"kind": "scenes", "fields": {}})
    tree = trees.write_tree(
        objects, tree, {**removals, **{(Kind.SCENES, KEYS[index]): entity for index in numbers[cut:]}}
    )
    assert tree == at_once
    assert trees.list_entities(objects, at_once, Kind.SCENES).keys() == {KEYS[number] for number in numbers}


@example_count(40)
@given(st.sets(st.integers(0, len(KEYS) - 1)), st.sets(st.integers(0, len(KEYS) - 1)))
def test_a_diff_contains_exactly_the_differences(left: set[int], right: set[int]) -> None:
    objects = an_objects(Session())
    differences = trees.diff_trees(objects, a_tree(objects, [*left]), a_tree(objects, [*right]))
    assert {key for _, key in differences} == {KEYS[number] for number in left ^ right}
    assert all((before is None) != (after is None) for before, after in differences.values())


def test_a_tree_shares_most_of_its_nodes_with_its_successor(story: VersionedStory, session: Session) -> None:
    objects = an_objects(session)
    tree_before = a_tree(objects, list(range(5 * LEAF_CAPACITY)))
    objects.discard_pending()
    entity = objects.put(ObjectKind.ENTITY, {"kind": "scenes", "fields": {"title": "new"}})
    trees.write_tree(objects, tree_before, {(Kind.SCENES, KEYS[0]): entity})
    assert len(objects.pending) <= 4


def test_several_paths_are_read_at_once(story: VersionedStory, session: Session) -> None:
    keys = [uuid.uuid4() for _ in range(5 * LEAF_CAPACITY)]
    tree = story.commit(*(EntityEdit(Kind.CHARACTERS, key, {"name": f"Kai {key}"}) for key in keys)).tree_hash
    paths = [(Kind.CHARACTERS, keys[0]), (Kind.CHARACTERS, keys[-1]), (Kind.CHARACTERS, uuid.uuid4())]
    objects = ObjectStore(session, story.project_id, cache=None)
    with queries(session) as statements:
        entities = trees.find_entities(objects, tree, [*paths, (Kind.SCENES, keys[0])])
        assert [trees.get_entity(objects, str(entities[path]))["name"] for path in paths[:2]] == [
            f"Kai {keys[0]}",
            f"Kai {keys[-1]}",
        ]
    assert len(statements) == 1
    many = trees.find_entities(
        ObjectStore(session, story.project_id, cache=None), tree, [(Kind.CHARACTERS, key) for key in keys]
    )
    assert many[paths[0]] == entities[paths[0]]
    assert entities[paths[2]] is entities[Kind.SCENES, keys[0]] is None


def test_an_unreadable_path_is_damage(story: VersionedStory, session: Session) -> None:
    key = story.put(Kind.CHARACTERS, name="Kai")
    tree = story.commit().tree_hash
    session.execute(text("update anime_api.version_objects set content = 'no json' where kind = 'tree'"))
    with pytest.raises(DamagedHistoryError, match="tower fsck"):
        trees.find_entities(ObjectStore(session, story.project_id, cache=None), tree, [(Kind.CHARACTERS, key)])


@contextmanager
def queries(session: Session) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(*about: Any) -> None:
        statements.append(about[2])

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(connection, "before_cursor_execute", note)


def test_a_path_is_read_by_index_even_with_many_expected_rows(story: VersionedStory, session: Session) -> None:
    story.commit()
    many = "select :project, encode(sha256(n::text::bytea), 'hex'), 'tree', repeat(md5(n::text), 22)::bytea"
    into = "insert into anime_api.version_objects (project_id, hash, kind, content)"
    session.execute(text(f"{into} {many} from generate_series(1, 2000) n"), {"project": story.project_id})
    session.execute(text("analyze anime_api.version_objects"))
    session.execute(text("set local plan_cache_mode = force_generic_plan"))
    sql = str(trees._PATHS)
    for number, name in enumerate(("project_id", "tree", "kinds", "keys", "digits"), start=1):
        sql = sql.replace(f":{name}", f"${number}")
    connection = session.connection()
    connection.exec_driver_sql(f"prepare paths (bigint, text, text[], text[], text[]) as {sql}")
    plan = connection.exec_driver_sql("explain execute paths (1, '', '{}', '{}', '{}')").scalars().all()
    connection.exec_driver_sql("deallocate paths")
    assert [line for line in plan if "Seq Scan" in line or "Hash Cond" in line] == []
    assert sum("pk_version_objects" in line for line in plan) == 2
