"""Every input of a shot can make a take stale, and nothing else can."""

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
def test_stored_inputs_differ_exactly_when_the_shot_differs(
    village: VillageStory, kind: Kind, fields: dict[str, Any], comfyui: bool
) -> None:
    """No input is missing from the comparison, and nothing else makes a take stale."""
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
@given(edits=EDITS, earlier_edits=EDITS)
def test_a_scene_is_stale_exactly_if_its_inputs_differ(
    session: Session, tmp_path: Path, edits: list[Any], earlier_edits: list[Any]
) -> None:
    """After any edits, a scene is stale exactly if its inputs differ from those of its take. Each answer names all
    scenes that it made stale. The comparison is between states and does not depend on the edits in between.
    """
    with rolled_back_village(session, tmp_path) as village:
        noir = village.stage.story.put(Kind.STYLES, name="noir", prompt="hard")
        village.edit(Kind.SCENES, village.alone, style="noir")
        accepted = {"kai": "black", "rei": "small, red scarf", "empty": "Rain over empty", "noir": "hard"}
        known: set[int] = set()
        for subject, value in earlier_edits:
            accepted |= apply_edit(village, noir, subject, value)
        village.accept_all_takes()
        now = dict(accepted)
        for subject, value in edits:
            now |= apply_edit(village, noir, subject, value)
            known |= set(affected_scenes_of(village, noir, subject))
        different = {subject for subject in accepted if now[subject] != accepted[subject]}
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
def test_a_merge_names_all_scenes_that_it_made_stale(
    session: Session, tmp_path: Path, theirs: list[Any], ours: list[Any]
) -> None:
    """A scene that is stale afterwards was stale before or is in the answer. The answer names only scenes that GET
    reports.
    """
    with rolled_back_village(session, tmp_path) as village:
        noir = village.stage.story.put(Kind.STYLES, name="noir", prompt="hard")
        village.edit(Kind.SCENES, village.alone, style="noir")
        village.accept_all_takes().stage.story.create_branch("dark")
        for branch, edits in (("dark", theirs), ("main", ours)):
            for subject, value in edits:
                apply_edit(village, noir, subject, value, branch)
        before = village.stage.find_stale().keys()
        result = village.stage.story.merge("dark", strategy="ours")
        named = set(village.stale_scenes_after(affected.by_changes(result.changed)))
        after_it = {village.stage.find_scene(key).id for key in village.stage.find_stale()}
        assert named <= after_it
        assert after_it - named <= {village.stage.find_scene(key).id for key in before}


@contextmanager
def rolled_back_village(session: Session, folder: Path) -> Iterator[VillageStory]:
    """A village for one example, rolled back afterwards."""
    nested = session.begin_nested()
    yield build_village(session, folder)
    nested.rollback()
    session.expire_all()


def apply_edit(
    village: VillageStory, noir: uuid.UUID, subject: str, value: str, branch: str = "main"
) -> dict[str, str]:
    match subject:
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
    return {subject: value}


def affected_scenes_of(village: VillageStory, noir: uuid.UUID, subject: str) -> list[int]:
    """The ids of the scenes that the answer of such an edit names."""
    affected_entities = {
        "rei": affected.by_entity(Kind.CHARACTERS, village.rei),
        "empty": affected.by_entity(Kind.SCENES, village.empty),
        "noir": affected.by_entity(Kind.STYLES, noir, {"name": "Noir"}),
    }.get(subject, affected.by_entity(Kind.CHARACTERS, village.kai))
    return village.stale_scenes_after(affected_entities)
