"""Music of an episode: tracks of the library and the music of scenes, in frames of the film."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from db.models.library import Track
from db.models.music import MusicSceneSync
from tests.tower.assembly.conftest import EpisodeStage
from tests.tower.beats.sounds import even_click_track, write_wav
from tower.errors import InvalidError
from tower.library import tracks


@pytest.fixture
def scored(stage: EpisodeStage) -> EpisodeStage:
    stage.accept_takes()
    return stage


@pytest.fixture
def theme(scored: EpisodeStage, tmp_path: Path) -> Track:
    """A track of 5 s."""
    path = write_wav(tmp_path / "theme.wav", even_click_track(120, 5))
    return tracks.get_or_add_track(scored.village.stage.session, path, roots=[tmp_path])


def test_a_track_plays_to_its_end_or_that_of_the_film(scored: EpisodeStage, theme: Track) -> None:
    (cue,) = scored.cut(music=[{"track_sha256": theme.sha256}]).music
    assert (cue.start_frame, cue.frames, cue.track.path.name) == (0, 120, "theme.wav")
    parts: list[dict[str, Any]] = [{"start_seconds": 8}, {"seconds": 2, "offset_seconds": 1}, {"offset_seconds": 4}]
    cues = scored.cut(music=[{"track_sha256": theme.sha256, **part} for part in parts]).music
    assert [(cue.start_frame, cue.frames, cue.offset_s) for cue in cues] == [(192, 24, 0), (0, 48, 1), (0, 24, 4)]


def test_a_track_may_begin_in_a_scene(scored: EpisodeStage, theme: Track) -> None:
    part = {"track_sha256": theme.sha256, "scene_key": str(scored.village.both), "start_seconds": 0.5}
    (cue,) = scored.cut(music=[part]).music
    assert (cue.start_frame, cue.frames) == (84, 120)


def test_the_music_of_a_scene_plays_as_it_was_set(scored: EpisodeStage, theme: Track, tmp_path: Path) -> None:
    session = scored.village.stage.session
    scene_id = scored.village.stage.find_scene(scored.village.both).id
    audio = str(tmp_path / "theme.wav")
    session.add(
        MusicSceneSync(
            scene_id=scene_id, audio_path=audio, audio_sha256=theme.sha256, offset_s=1.5, volume=0.5, fade_in_s=1
        )
    )
    session.flush()
    (cue,) = scored.cut(music=[{"scene_key": str(scored.village.both), "fade_out_seconds": 0.5}]).music
    assert (cue.start_frame, cue.frames, cue.offset_s) == (72, 72, 1.5)
    assert (round(cue.gain_db, 1), cue.fade_in_s, cue.fade_out_s) == (-6.0, 1, 0.5)


def test_music_of_a_scene_that_left_the_episode_is_skipped(scored: EpisodeStage, theme: Track) -> None:
    assert scored.cut(music=[{"track_sha256": theme.sha256, "scene_key": str(uuid.uuid4())}]).music == ()


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"start_seconds": 9}, "music.0.start_seconds"),
        ({"offset_seconds": 5}, "music.0.start_seconds"),
        ({"track_sha256": "0" * 64}, "music.0.track_sha256"),
        ({"track_sha256": None, "scene_key": "empty"}, "music.0.track_id"),
    ],
)
def test_music_that_cannot_play_is_refused(
    scored: EpisodeStage, theme: Track, part: dict[str, Any], field: str
) -> None:
    if "scene_key" in part:
        part = part | {"scene_key": str(scored.village.empty)}
    with pytest.raises(InvalidError) as refused:
        scored.cut(music=[{"track_sha256": theme.sha256, **part}])
    assert refused.value.details is not None
    assert refused.value.details["field"] == field
