"""Scene numbers are merged as the order that they represent."""

from __future__ import annotations

import uuid

from tests.tower.versions.story import VersionedStory
from tower.versions.editing import EntityEdit
from tower.versions.kinds import Kind
from tower.versions.merge.branches import Strategy


def create_scenes(story: VersionedStory, scenes: int) -> list[uuid.UUID]:
    keys = [uuid.uuid4() for _ in range(scenes)]
    story.commit(
        *(
            EntityEdit(Kind.SCENES, key, {"scene_number": number, "description": f"{number}"})
            for number, key in enumerate(keys, 1)
        )
    )
    story.create_branch("dark")
    return keys


def insert_scene(story: VersionedStory, branch: str, keys: list[uuid.UUID], number: int) -> uuid.UUID:
    """Insert a scene with `number`. Scenes from that number on move back by one."""
    new = uuid.uuid4()
    later = [
        EntityEdit(Kind.SCENES, key, {"scene_number": later_number})
        for later_number, key in enumerate(keys[number - 1 :], number + 1)
    ]
    story.commit(*later, EntityEdit(Kind.SCENES, new, {"scene_number": number, "description": branch}), branch=branch)
    return new


def order(story: VersionedStory, branch: str = "main") -> list[uuid.UUID]:
    scenes = story.entities_at(branch, Kind.SCENES)
    keys = sorted(scenes, key=lambda key: int(scenes[key]["scene_number"]))
    assert [scenes[key]["scene_number"] for key in keys] == list(range(1, len(keys) + 1))
    return keys


def test_scenes_inserted_on_both_sides_get_their_places(story: VersionedStory) -> None:
    keys = create_scenes(story, 6)
    ours, theirs = insert_scene(story, "main", keys, 2), insert_scene(story, "dark", keys, 5)
    story.merge("dark")
    assert order(story) == [keys[0], ours, *keys[1:4], theirs, *keys[4:]]
    assert story.check_integrity() == []


def test_an_insert_merges_with_a_delete_that_closed_its_gap(story: VersionedStory) -> None:
    keys = create_scenes(story, 6)
    story.commit(
        EntityEdit(Kind.SCENES, keys[3], None),
        EntityEdit(Kind.SCENES, keys[4], {"scene_number": 4}),
        EntityEdit(Kind.SCENES, keys[5], {"scene_number": 5}),
        branch="dark",
    )
    new = insert_scene(story, "main", keys, 2)
    story.merge("dark")
    assert order(story) == [keys[0], new, keys[1], keys[2], keys[4], keys[5]]
    assert story.check_integrity() == []


def test_scenes_inserted_at_the_same_number_are_a_conflict_of_the_order(story: VersionedStory) -> None:
    keys = create_scenes(story, 2)
    ours, theirs = insert_scene(story, "main", keys, 3), insert_scene(story, "dark", keys, 3)
    conflicts = story.require_conflicts("dark")
    assert conflicts == {
        "scenes/scene_number": ([], [{"key": str(ours), "number": 3}], [{"key": str(theirs), "number": 3}])
    }
    for name, options, last in (
        ("a", {"strategy": Strategy.OURS}, [ours, theirs]),
        ("b", {"resolutions": {"scenes/scene_number": "theirs"}}, [theirs, ours]),
        ("c", {"resolutions": {f"scenes/{ours}/scene_number": 4}}, [theirs, ours]),
    ):
        story.create_branch(name)
        story.merge("dark", name, **options)
        assert order(story, name) == [*keys, *last]
    assert story.check_integrity() == []


def test_a_scene_moved_differently_on_both_sides_is_a_conflict_of_the_order(story: VersionedStory) -> None:
    keys = create_scenes(story, 4)
    for branch, new in (("main", [3, 0, 1, 2]), ("dark", [0, 3, 1, 2])):
        edits = [EntityEdit(Kind.SCENES, keys[index], {"scene_number": number}) for number, index in enumerate(new, 1)]
        story.commit(*edits, branch=branch)
    assert story.require_conflicts("dark").keys() == {"scenes/scene_number"}
    story.merge("dark", strategy=Strategy.THEIRS)
    assert order(story) == [keys[0], keys[3], keys[1], keys[2]]
    assert story.check_integrity() == []


def test_a_conflict_of_the_order_resolved_as_ours_gives_our_order(story: VersionedStory) -> None:
    keys = create_scenes(story, 3)
    for branch, new in (("main", [2, 0, 1]), ("dark", [1, 2, 0])):
        edits = [EntityEdit(Kind.SCENES, keys[index], {"scene_number": number}) for number, index in enumerate(new, 1)]
        story.commit(*edits, branch=branch)
    story.create_branch("kept")
    story.merge("dark", "kept", strategy=Strategy.OURS)
    assert order(story, "kept") == [keys[2], keys[0], keys[1]]
    story.merge("dark", strategy=Strategy.THEIRS)
    assert order(story) == [keys[1], keys[2], keys[0]]
    assert story.check_integrity() == []
