"""Draws a shot frame by frame."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from tower.engines.base import Shot
from tower_animatic.air import FogBank, Gusts
from tower_animatic.camera import choose_camera
from tower_animatic.caption import make_overlays
from tower_animatic.figures.cast import place_cast
from tower_animatic.grade import Grade
from tower_animatic.layers import Element, Layer, ScratchMemory, View
from tower_animatic.mood import read_setting
from tower_animatic.notes import label_picture
from tower_animatic.paint import Pixels
from tower_animatic.palette_choice import choose_palette
from tower_animatic.particles import make_particles
from tower_animatic.scenery import PAINTERS
from tower_animatic.setting_parts import Drift, Mood, Weather
from tower_animatic.stage import Stage


def make_stage(shot: Shot) -> Stage:
    setting = read_setting(shot.prompt, shot.seed)
    return Stage(
        width=shot.width,
        height=shot.height,
        seed=shot.seed,
        setting=setting,
        palette=choose_palette(setting),
        camera=choose_camera(shot.scene_type, _whole_frames(shot) / shot.fps, shot.seed),
        style=shot.style,
    )


def draw_frames(shot: Shot) -> Iterator[Pixels]:
    """Each frame of the shot in BGR. The array is reused for the next frame."""
    stage = make_stage(shot)
    scene = PAINTERS[stage.setting.mood](stage)
    elements = [*scene.back, *place_cast(shot, stage, scene), *scene.front, *_make_air(stage)]
    grade = Grade(stage)
    text = make_overlays(stage, shot.caption, label_picture(stage.setting))
    scratch = ScratchMemory(shot.width, shot.height)
    frame = np.empty((shot.height, shot.width, 4), np.uint8)
    picture = np.empty((shot.height, shot.width, 3), np.uint8)
    for number in range(shot.start_frame, shot.start_frame + shot.frames):
        progress, seconds = number / max(1, _whole_frames(shot) - 1), number / shot.fps
        view = View(stage, stage.camera.pose(progress, seconds), seconds, progress, scratch)
        _draw(elements, frame, view)
        cv2.cvtColor(frame, cv2.COLOR_BGRA2BGR, dst=picture)
        grade.apply(picture, seconds)
        for overlay in text:
            overlay.draw(picture)
        yield picture


def _make_air(stage: Stage) -> list[Element]:
    """Fog, wind and all that floats in the air, in front of everything else."""
    setting = stage.setting
    fog = [FogBank(stage)] if setting.weather is Weather.FOG and not setting.is_sheltered else []
    wind = [Gusts(stage)] if setting.drift is Drift.GUSTS and setting.mood is not Mood.UNDERWATER else []
    return [*fog, *make_particles(stage), *wind]


def _whole_frames(shot: Shot) -> int:
    """The number of frames of the whole clip that the shot is a part of."""
    return shot.whole_frames or shot.frames


def _draw(elements: list[Element], frame: Pixels, view: View) -> None:
    """Draw the elements from back to front, without the rows of layers that nearer layers hide."""
    hidden_from = len(frame)
    limits = []
    for element in reversed(elements):
        limits.append(hidden_from)
        if isinstance(element, Layer):
            hidden_from = min(hidden_from, element.solid_from(view))
    for element, limit in zip(elements, reversed(limits), strict=True):
        element.draw(frame[:limit] if isinstance(element, Layer) else frame, view)
