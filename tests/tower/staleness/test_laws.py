"""Nothing that is drawn is forgotten, and nothing else makes a take old."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.hypothesis_profiles import example_count
from tests.tower.scene_takes import use_comfyui
from tests.tower.story_fixture import VillageStory, build_village
from tower.staleness import affected
from tower.versions.kinds import Kind


@pytest.fixture
def village(session: Session, tmp_path: Path) -> VillageStory:
    return build_village(session, tmp_path)


SCENE_EDITS: list[dict[str, Any]] = [
    *({name: "anew"} for name in ("title", "description", "location", "mood", "camera")),
    {"scene_type": "epic"},
    {"duration_s": 5},
    {"characters": []},
    {"dialogue": [{"character": None, "line": "Run!"}]},
    {"dialogue": [{"character": "Rei", "line": "Run!"}]},
]
CHARACTER_EDITS: list[dict[str, Any]] = [
    *({name: "anew"} for name in ("name", "description", "visual_description", "backstory")),
    {"visual_traits": {}},
    {"seed": 7},
    {"abilities": ["run"]},
    {"comfyui_workflow": "core_video"},
]


@pytest.mark.parametrize("comfyui", [False, True])
@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        *((Kind.SCENES, fields) for fields in SCENE_EDITS),
        *((Kind.CHARACTERS, fields) for fields in CHARACTER_EDITS),
        *((Kind.STYLES, {name: "anew"}) for name in ("description", "prompt", "negative_prompt")),
    ],
)
def test_the_parts_differ_exactly_where_the_shot_does(
    village: VillageStory, kind: Kind, fields: dict[str, Any], comfyui: bool
) -> None:
    """So nothing that is drawn is forgotten, and nothing else makes a take old."""
    stage = use_comfyui(village.stage) if comfyui else village.stage
    style = village.stage.story.put(Kind.STYLES, name="noir", prompt="hard shadows")
    village.edit(Kind.SCENES, village.alone, style="noir")
    before = stage.open_job(village.alone)
    village.edit(kind, {Kind.SCENES: village.alone, Kind.CHARACTERS: village.kai, Kind.STYLES: style}[kind], **fields)
    after = stage.open_job(village.alone)
    assert (stage.plan_segment(before).fingerprint != stage.plan_segment(after).fingerprint) == (
        before.steps["scene"]["parts"] != after.steps["scene"]["parts"]
    )


EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("kai"), st.sampled_from(["black", "red", "blue"])),
        st.tuples(st.just("rei"), st.sampled_from(["scarf", "hat"])),
        st.tuples(st.just("empty"), st.sampled_from(["Rain", "Snow"])),
        st.tuples(st.just("noir"), st.sampled_from(["hard", "soft"])),
        st.tuples(st.just("backstory"), st.sampled_from(["shrine", "city"])),
    ),
    max_size=6,
)


@settings(example_count(12), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=EDITS, kept=EDITS)
def test_stale_is_what_differs_and_nothing_else(
    session: Session, tmp_path: Path, edits: list[Any], kept: list[Any]
) -> None:
    """After any edits, a scene is stale exactly if what it draws is not what it drew; each answer names all that it
    made stale; and the state is compared, not the way to it."""
    with undone(session, tmp_path) as village:
        noir = village.stage.story.put(Kind.STYLES, name="noir", prompt="hard")
        village.edit(Kind.SCENES, village.alone, style="noir")
        drawn = {"kai": "black", "rei": "small, red scarf", "empty": "Rain over empty", "noir": "hard"}
        known: set[int] = set()
        for what, value in kept:
            drawn |= make(village, noir, what, value)
        village.accept_all_takes()
        now = dict(drawn)
        for what, value in edits:
            now |= make(village, noir, what, value)
            known |= set(after(village, noir, what))
        different = {what for what in drawn if now[what] != drawn[what]}
        parts = {
            village.alone: {"kai", "noir"},
            village.both: {"kai", "rei"},
            village.empty: {"empty"},
        }
        stale = village.stage.find_stale()
        assert stale.keys() == {scene for scene, of in parts.items() if of & different}
        assert {village.stage.find_scene(key).id for key in stale} <= known


@settings(example_count(8), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(theirs=EDITS, ours=EDITS)
def test_a_merge_says_all_that_it_made_stale(
    session: Session, tmp_path: Path, theirs: list[Any], ours: list[Any]
) -> None:
    """What is stale after it was so before, or is in its answer; and its answer says nothing that GET does not."""
    with undone(session, tmp_path) as village:
        noir = village.stage.story.put(Kind.STYLES, name="noir", prompt="hard")
        village.edit(Kind.SCENES, village.alone, style="noir")
        village.accept_all_takes().stage.story.create_branch("dark")
        for branch, edits in (("dark", theirs), ("main", ours)):
            for what, value in edits:
                make(village, noir, what, value, branch)
        before = village.stage.find_stale().keys()
        result = village.stage.story.merge("dark", strategy="ours")
        told = set(village.stale_scenes_after(affected.by_changes(result.changed)))
        after_it = {village.stage.find_scene(key).id for key in village.stage.find_stale()}
        assert told <= after_it
        assert after_it - told <= {village.stage.find_scene(key).id for key in before}


@contextmanager
def undone(session: Session, folder: Path) -> Iterator[VillageStory]:
    """A village for one example."""
    nested = session.begin_nested()
    yield build_village(session, folder)
    nested.rollback()
    session.expire_all()


def make(village: VillageStory, noir: uuid.UUID, what: str, value: str, branch: str = "main") -> dict[str, str]:
    match what:
        case "kai":
            village.edit(Kind.CHARACTERS, village.kai, branch, visual_traits={"hair": "silver", "coat": value})
        case "rei":
            village.edit(Kind.CHARACTERS, village.rei, branch, visual_description=value)
        case "empty":
            village.edit(Kind.SCENES, village.empty, branch, description=value)
        case "noir":
            village.edit(Kind.STYLES, noir, branch, prompt=value)
        case _:
            village.edit(Kind.CHARACTERS, village.kai, branch, backstory=value)
            return {}
    return {what: value}


def after(village: VillageStory, noir: uuid.UUID, what: str) -> list[int]:
    """What the answer of such an edit says."""
    told = {
        "rei": affected.by_entity(Kind.CHARACTERS, village.rei),
        "empty": affected.by_entity(Kind.SCENES, village.empty),
        "noir": affected.by_entity(Kind.STYLES, noir, {"name": "Noir"}),
    }.get(what, affected.by_entity(Kind.CHARACTERS, village.kai))
    return village.stale_scenes_after(told)
