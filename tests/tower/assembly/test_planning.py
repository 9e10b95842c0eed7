"""The plan of an episode's film: items and frames from its cut and takes, and what is refused."""

from __future__ import annotations

import uuid
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from tests.tower.assembly.conftest import EpisodeStage
from tower.assembly.cut import Card, FilmForm, Shot, SoundRule, TransitionKind
from tower.assembly.keys import film_key
from tower.assembly.planning import plan_cut
from tower.assembly.takes import EpisodeIncompleteError
from tower.errors import InvalidError
from tower.versions.kinds import Kind

DISSOLVE = {"kind": "dissolve", "frames": 12}


def test_scenes_follow_in_story_order_at_the_form_of_the_first_take(stage: EpisodeStage) -> None:
    stage.accept_takes()
    cut = stage.cut()
    assert cut.form == FilmForm(512, 288, Fraction(24))
    assert [item.scene_key for item in cut.items if isinstance(item, Shot)] == list(stage.scenes)
    assert (cut.starts, cut.frames) == ((0, 72, 144), 216)
    assert [(part.start_frame, part.title) for part in cut.chapters] == [
        (0, "Scene 1"),
        (72, "Scene 2"),
        (144, "Scene 3"),
    ]
    assert cut.tags == {"title": "Rain", "show": cut.tags["show"], "episode_sort": "1", "description": "It rains"}


def test_the_project_decides_size_and_rate(stage: EpisodeStage) -> None:
    stage.accept_takes()
    wanted = stage.village.production_settings
    wanted.width, wanted.height, wanted.fps = 640, 360, 12
    cut = stage.cut(scenes={str(stage.village.alone): {"out_seconds": 1}})
    assert cut.form == FilmForm(640, 360, Fraction(12))
    assert [item.frames for item in cut.items] == [12, 36, 36]


def test_takes_of_other_rates_keep_their_length(stage: EpisodeStage) -> None:
    stage.accept_takes(stage.village.alone, fps_exact="7013/292")
    stage.accept_takes(stage.village.both, fps_exact="30")
    stage.accept_takes(stage.village.empty, fps_exact="24000/1001")
    cut = stage.cut()
    assert cut.form.fps == 24
    assert [item.frames for item in cut.items] == [72, 58, 72]


def test_cards_trims_speeds_and_transitions_are_frames(stage: EpisodeStage) -> None:
    stage.accept_takes()
    first, second, third = (str(key) for key in stage.scenes)
    gone = str(uuid.uuid4())
    cut = stage.cut(
        order=[third, gone, first],
        scenes={
            third: {"in_seconds": 0.5, "out_seconds": 2.5, "speed": 0.5, "transition": DISSOLVE},
            first: {"speed": 2, "sound": "duck", "gain_db": -6},
            second: {"transition": {"kind": "fade", "frames": 10}},
            gone: {"speed": 4},
        },
        title_card={"lines": ["Rain", "第一話"], "seconds": 2, "transition": {"kind": "fade", "frames": 24}},
        end_card={"lines": ["Fin"], "seconds": 1},
    )
    assert [item.frames for item in cut.items] == [48, 96, 36, 72, 24]
    assert cut.starts == (0, 48, 48 + 96 - 12, 168, 240)
    kinds = [(transition.kind.value, transition.frames) for transition in cut.transitions]
    assert kinds == [("fade", 24), ("dissolve", 12), ("cut", 0), ("fade", 10)]
    title, slow, fast = cut.items[:3]
    assert isinstance(title, Card)
    assert isinstance(slow, Shot)
    assert isinstance(fast, Shot)
    assert (slow.first_frame, slow.source_frames) == (12, 48)
    assert (fast.sound, fast.gain_db) == (SoundRule.DUCK, -6)
    assert [chapter.title for chapter in cut.chapters] == ["Rain", "Scene 3", "Scene 1", "Scene 2"]


def test_a_transition_that_a_merge_left_without_frames_is_a_cut(stage: EpisodeStage) -> None:
    stage.accept_takes()
    cut = stage.cut(scenes={str(stage.village.alone): {"transition": {"kind": "fade"}}})
    assert cut.transitions[0].kind is TransitionKind.CUT


def test_scenes_without_a_take_are_named(stage: EpisodeStage) -> None:
    with pytest.raises(EpisodeIncompleteError, match="scene_1, scene_2, scene_3"):
        stage.cut()
    stage.accept_takes(stage.village.both)
    with pytest.raises(EpisodeIncompleteError, match=r"Without a take: scene_1, scene_3\. Render"):
        stage.cut()
    for scene in stage.scenes:
        stage.edit_scene(scene, episode_key=None)
    with pytest.raises(EpisodeIncompleteError, match="no scenes"):
        stage.cut()


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"in_seconds": 3}, "scenes.0.in_seconds"),
        ({"out_seconds": 3.1}, "scenes.0.out_seconds"),
        ({"in_seconds": 2, "out_seconds": 1}, "scenes.0.out_seconds"),
        ({"transition": {"kind": "dissolve", "frames": 73}}, "items.0"),
    ],
)
def test_a_cut_that_does_not_fit_its_takes_is_refused(stage: EpisodeStage, part: dict[str, Any], field: str) -> None:
    stage.accept_takes()
    with pytest.raises(InvalidError) as refused:
        stage.cut(scenes={str(stage.village.alone): part})
    assert refused.value.details is not None
    assert refused.value.details["field"] == field


def test_the_fingerprint_follows_what_is_seen_and_nothing_else(stage: EpisodeStage) -> None:
    stage.accept_takes()
    plain = film_key(stage.cut())
    assert film_key(stage.cut(order=[str(stage.village.alone)])) == plain
    assert film_key(stage.cut(chapters=False)) != plain
    faster = film_key(stage.cut(scenes={str(stage.village.alone): {"speed": 2}}))
    assert faster != plain
    assert film_key(stage.cut()) == plain
    assert film_key(replace(stage.cut(), origin="of another commit")) == plain


def test_a_merge_may_make_a_card_longer_than_an_edit_may(stage: EpisodeStage) -> None:
    stage.accept_takes()
    story, lines = stage.village.stage.story, [f"line {number}" for number in range(8)]
    stage.cut(end_card={"lines": lines})
    story.create_branch("credits")
    stage.village.edit(Kind.EPISODES, stage.key, branch="credits", cut={"end_card": {"lines": [*lines, *"abc"]}})
    stage.cut(end_card={"lines": [*"defg", *lines]})
    story.merge("credits")
    end = plan_cut(story.session, stage.locate()).items[-1]
    assert isinstance(end, Card)
    assert end.lines == (*"defg", *lines, *"abc")
