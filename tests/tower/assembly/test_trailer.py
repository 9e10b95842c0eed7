"""The cut of a trailer: cards, parts of the scenes, and the music of the episode."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from db.models.beats import BeatAnalysis
from db.models.library import Track
from tests.tower.assembly.conftest import EpisodeStage
from tests.tower.beats.sounds import even_click_track, write_wav
from tower.assembly.cut import Card, Effect, EffectKind, EpisodeCut, Shot
from tower.assembly.takes import EpisodeIncompleteError
from tower.assembly.trailer import plan_trailer
from tower.beats.results import METHOD_VERSION, Analysis
from tower.library import tracks


@pytest.fixture
def theme(stage: EpisodeStage, tmp_path: Path) -> Track:
    """A track of 5 s with known beats: from 0.25 s on, two a second."""
    path = write_wav(tmp_path / "theme.wav", even_click_track(120, 5))
    session = stage.village.stage.session
    track = tracks.get_or_add_track(session, path, roots=[tmp_path])
    times = tuple(0.25 + number / 2 for number in range(40))
    found = Analysis(120.0, 0.9, times, (), (), (), 5.0, 48_000, (1.0,) * 40)
    session.add(
        BeatAnalysis(
            sha256=track.sha256,
            version=METHOD_VERSION,
            hint="",
            bpm=120.0,
            confidence=0.9,
            duration_s=5.0,
            analysis=found.as_json(),
            seconds=0.1,
        )
    )
    session.flush()
    return track


def plan(stage: EpisodeStage, seconds: float = 10) -> EpisodeCut:
    return plan_trailer(stage.village.stage.session, stage.locate(), seconds)


def shots(cut: EpisodeCut) -> list[Shot]:
    return [item for item in cut.items if isinstance(item, Shot)]


def test_a_trailer_is_a_title_shots_and_an_end_of_the_asked_length(stage: EpisodeStage) -> None:
    stage.accept_takes()
    cut = plan(stage)
    title, *_, end = cut.items
    assert isinstance(title, Card)
    assert isinstance(end, Card)
    assert (title.lines[-1], end.lines, cut.frames) == ("Rain", ("Rain",), 240)
    assert [(shot.scene_key, shot.first_frame, shot.source_frames) for shot in shots(cut)] == [
        (stage.village.alone, 0, 72),
        (stage.village.both, 0, 72),
    ]
    assert (cut.music, cut.subtitles, cut.chapters, cut.tags["title"]) == ((), (), (), "Rain (trailer)")


def test_a_trailer_is_shorter_if_there_is_no_more_to_show(stage: EpisodeStage) -> None:
    stage.accept_takes()
    cut = plan(stage, 60)
    assert [item.frames for item in cut.items] == [48, 72, 72, 72, 48]


def test_shots_and_title_change_on_the_beats_of_the_music(stage: EpisodeStage, theme: Track) -> None:
    stage.accept_takes()
    stage.cut(music=[{"track_sha256": theme.sha256, "offset_seconds": 0.5, "gain_db": -3}])
    cut = plan(stage)
    assert all((start - 6) % 12 == 0 for start in cut.starts[1:])
    (cue,) = cut.music
    assert (cue.start_frame, cue.frames, cue.offset_s, cue.gain_db, cue.fade_out_s) == (0, 108, 0.5, -3, 2.0)
    assert cut.frames == 240


def test_parts_keep_the_look_of_a_scene_and_neither_its_moves_nor_slow_motion(stage: EpisodeStage) -> None:
    stage.accept_takes()
    first, second, third = (str(key) for key in stage.scenes)
    stage.cut(
        scenes={
            first: {"speed": 0.5, "effect": {"kind": "black_and_white"}},
            second: {"in_seconds": 1, "effect": {"kind": "freeze", "seconds": 9}},
            third: {"speed": 1.5},
        },
        title_card={"lines": ["It rains"], "seconds": 5},
        end_card={"lines": ["Soon"]},
    )
    cut = plan(stage)
    slow, frozen, fast = shots(cut)
    assert slow.speed == 1
    assert slow.frames == slow.source_frames
    assert slow.effect == Effect(EffectKind.BLACK_AND_WHITE)
    assert (frozen.effect, frozen.frames) == (None, 48)
    assert frozen.first_frame == 24
    assert (fast.speed, fast.source_frames) == (Fraction(3, 2), round(fast.frames * 1.5))
    assert [item.lines for item in cut.items if isinstance(item, Card)] == [("It rains",), ("Soon",)]


def test_scenes_without_a_take_or_too_short_make_no_trailer(stage: EpisodeStage) -> None:
    with pytest.raises(EpisodeIncompleteError, match="scene_1"):
        plan(stage)
    stage.accept_takes(frames=20)
    with pytest.raises(EpisodeIncompleteError, match="as long as a shot"):
        plan(stage)
