"""The animatic engine draws moving, steady pictures that are equal for equal shots."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from tower.engines.base import CastMember
from tower.errors import RenderError
from tower_animatic.camera import choose_camera
from tower_animatic.figures.outlines import CREATURES
from tower_animatic.film import draw_frames

from .conftest import a_shot, decode_frames

MOODS = (
    "neon city",
    "forest",
    "room",
    "mountains and clouds",
    "sea",
    "shrine",
    "a red coat",
    "underwater",
    "Mars",
    "outer space",
    "cave",
    "battlefield",
    "snowfield",
    "desert",
    "village",
    "meadow",
)


def frames_of(**changes: object) -> list[np.ndarray]:
    return [frame.copy() for frame in draw_frames(a_shot(**changes))]


def difference(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first.astype(int) - second.astype(int)).mean())


def test_equal_shots_give_equal_decoded_frames(render: Callable[..., Path]) -> None:
    shot = {"prompt": "samurai walking at a shrine in the rain", "frames": 10, "caption": "雨"}
    first, second = decode_frames(render(**shot)), decode_frames(render(**shot))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_the_number_of_cores_does_not_matter(tmp_path: Path, render: Callable[..., Path]) -> None:
    rendered = render(frames=10)
    one_core = tmp_path / "one_core.mp4"
    code = (
        "import cv2, sys; from pathlib import Path; cv2.setNumThreads(1)\n"
        "from tower_animatic.engine import AnimaticEngine; from tower.engines.base import Shot\n"
        "class W:\n    def progress(self, fraction, step): pass\n"
        "shot = Shot(prompt='neon city', negative_prompt='', seed=7, width=256, height=256, fps=24, frames=10)\n"
        "AnimaticEngine().render(shot, prompt_id='p-1', target=Path(sys.argv[1]), watch=W())"
    )
    first_core = {min(os.sched_getaffinity(0))}
    subprocess.run(
        [sys.executable, "-c", code, str(one_core)], check=True, preexec_fn=lambda: os.sched_setaffinity(0, first_core)
    )
    assert one_core.read_bytes() == rendered.read_bytes()


def test_another_seed_gives_another_picture() -> None:
    assert difference(frames_of(frames=1, seed=1)[0], frames_of(frames=1, seed=2)[0]) > 3


@pytest.mark.parametrize("prompt", MOODS)
def test_frames_are_not_black_frozen_or_flickering(prompt: str) -> None:
    frames = frames_of(prompt=prompt, frames=12)
    means = [float(frame.mean()) for frame in frames]
    assert all(15 < mean < 235 for mean in means)
    assert all(difference(a, b) > 0.05 for a, b in pairwise(frames))
    assert max(abs(b - a) for a, b in pairwise(means)) < 0.8


@pytest.mark.parametrize("style", ["anime", "realistic", "artistic", "cinematic", "a template of the user"])
def test_each_style_has_its_own_colour_grade(style: str) -> None:
    frame = frames_of(prompt="sea", frames=1, style=style, width=512)[0]
    assert frame.std() > 10
    if style not in ("anime", "a template of the user"):
        assert difference(frame, frames_of(prompt="sea", frames=1, width=512)[0]) > 1


def test_cinematic_is_letterboxed() -> None:
    frame = frames_of(frames=1, style="cinematic", width=512, height=288)[0]
    assert frame[:36].max() == 0
    assert frame[-36:].max() == 0
    assert frame[40:-40].mean() > 15


def test_a_colour_of_the_clothes_changes_nothing_else() -> None:
    red, blue = (frames_of(prompt=f"a girl in a {colour} coat", frames=1, width=512)[0] for colour in ("red", "blue"))
    changed = np.abs(red.astype(int) - blue.astype(int)).max(axis=2) > 12
    assert 0.005 < changed.mean() < 0.12


@pytest.mark.parametrize("kind", sorted(CREATURES))
def test_a_creature_of_the_prompt_is_drawn(kind: str) -> None:
    shot = {"frames": 1, "width": 512, "scene_type": "epic"}
    empty, met = (frames_of(prompt=prompt, **shot)[0] for prompt in ("a stage", f"a {kind}"))
    assert (np.abs(met.astype(int) - empty.astype(int)).max(axis=2) > 30).mean() > 0.001


def test_a_creature_stands_beside_the_cast() -> None:
    shot = {"prompt": "Kai and a fox, the sea", "frames": 1, "cast": (CastMember(name="Kai", description="a boy"),)}
    alone = {**shot, "prompt": "Kai, the sea"}
    assert difference(frames_of(**shot)[0], frames_of(**alone)[0]) > 1


def test_scene_types_move_the_camera_differently() -> None:
    ways = {}
    for kind in ("dialogue", "action", "emotional", "epic"):
        camera = choose_camera(kind, 3.0, seed=1)
        first, last = camera.pose(0.0, 0.0), camera.pose(1.0, 3.0)
        ways[kind] = (abs(last.x - first.x), abs(last.y - first.y), last.push - first.push)
    assert ways["action"][0] > 4 * ways["dialogue"][0]
    assert ways["epic"][1] > 4 * ways["dialogue"][1]
    assert ways["dialogue"][2] > 0 > ways["epic"][2]
    opening = {kind: frames_of(prompt="forest", frames=1, scene_type=kind)[0] for kind in ways}
    assert difference(opening["action"], opening["dialogue"]) > 2


@pytest.mark.parametrize(
    "text", ["The rain never stops here.", "雨は止まない。「行こう」", "word " * 80, "x" * 300, "émigré 🙂"]
)
def test_a_caption_appears_in_the_lower_third(text: str) -> None:
    shot = {"prompt": "sea at night", "frames": 1, "width": 512, "height": 512}
    plain, captioned = frames_of(**shot)[0], frames_of(**shot, caption=text)[0]
    changed = np.abs(plain.astype(int) - captioned.astype(int)).max(axis=2) > 40
    assert changed.sum() > 150
    assert np.flatnonzero(changed.any(axis=1)).min() > 512 * 0.6
    assert not changed[:, :8].any()
    assert not changed[:, -8:].any()


def test_cast_members_are_drawn_apart() -> None:
    empty = frames_of(prompt="sea", frames=1, width=512, height=288)[0]
    pair = (CastMember(name="Kai", description="silver hair, red coat"), CastMember(name="Mei", description="a girl"))
    full = frames_of(prompt="sea", frames=1, width=512, height=288, cast=pair)[0]
    columns = (np.abs(full.astype(int) - empty.astype(int)).max(axis=2) > 30).mean(axis=0)
    assert columns[60:230].max() > 0.4
    assert columns[282:452].max() > 0.4
    assert columns[246:266].max() < 0.1


def test_a_person_in_the_prompt_is_drawn_without_a_cast() -> None:
    alone, met = (frames_of(prompt=prompt, frames=1, width=512)[0] for prompt in ("the sea", "a samurai, the sea"))
    assert difference(alone, met) > 5


def test_a_description_sets_the_colours_of_the_clothes() -> None:
    shot = {"prompt": "sea", "frames": 1, "width": 512, "height": 288}
    red, blue = (
        frames_of(**shot, cast=(CastMember(name="Kai", description=f"a boy in a {colour} coat"),))[0].astype(int)
        for colour in ("red", "blue")
    )
    redder = (red[..., 2] - blue[..., 2] > 10) & (blue[..., 0] - red[..., 0] > 10)
    assert redder.mean() > 0.01


@pytest.mark.parametrize("kind", ["plain", "transparent", "photo", "grey", "sixteen_bit"])
def test_a_reference_image_is_visible(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "kai.png"
    cv2.imwrite(str(path), reference(kind))
    shot = {"prompt": "sea at night", "frames": 1, "width": 512, "height": 512}
    member = CastMember(name="Kai", reference_image=str(path))
    without, with_reference = frames_of(**shot)[0], frames_of(**shot, cast=(member,))[0]
    assert (np.abs(with_reference.astype(int) - without.astype(int)).max(axis=2) > 25).mean() > 0.04


def reference(kind: str) -> np.ndarray:
    image = np.full((400, 300, 3), 250, np.uint8)
    cv2.circle(image, (150, 120), 70, (60, 60, 220), -1)
    cv2.rectangle(image, (80, 190), (220, 400), (200, 120, 30), -1)
    if kind == "transparent":
        return np.dstack([image, np.where(image.min(axis=2) > 240, 0, 255).astype(np.uint8)])
    if kind == "photo":
        noise = np.random.default_rng(1).integers(0, 255, (20, 15, 3), dtype=np.uint8)
        return cv2.resize(noise, (300, 400), interpolation=cv2.INTER_CUBIC)
    if kind == "grey":
        return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return image.astype(np.uint16) * 257 if kind == "sixteen_bit" else image


@pytest.mark.parametrize("content", [None, b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 64])
def test_an_unreadable_reference_image_is_refused_in_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "kai.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RenderError, match="reference image of Kai cannot be read"):
        frames_of(frames=1, cast=(CastMember(name="Kai", reference_image=str(path)),))


@pytest.mark.parametrize(("mood", "weather"), [*((mood, "rain") for mood in MOODS), ("desert", "fog, wind")])
def test_a_segment_equals_its_part_of_the_whole(mood: str, weather: str) -> None:
    prompt = f"detective walking, a fox, {mood}, {weather}"
    all_frames = frames_of(prompt=prompt, frames=14)
    part = frames_of(prompt=prompt, frames=4, start_frame=9, whole_frames=14)
    assert all(np.array_equal(a, b) for a, b in zip(all_frames[9:13], part, strict=True))
