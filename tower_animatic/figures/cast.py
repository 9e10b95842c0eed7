"""Places the figures of a shot: who they are, their looks and their positions."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

from tower.engines.base import CastMember, Shot
from tower_animatic.figures.actor import DRAWINGS_PER_STEP, Actor, FigureMark
from tower_animatic.figures.garments import Stride
from tower_animatic.figures.person import BELOW, Lighting, choose_colours, paint_person
from tower_animatic.figures.portrait import Portrait, read_reference
from tower_animatic.figures.wardrobe import dress_figure
from tower_animatic.layers import Element, PaintedScene
from tower_animatic.mood import kind_of_figure
from tower_animatic.stage import Stage

_WALKER_HEIGHT = 0.64
_MAX_CAST = 6


def place_cast(shot: Shot, stage: Stage, scene: PaintedScene) -> list[Element]:
    """The figures of a shot: its cast, or else the person that the prompt names.

    Raises RenderError for an unreadable reference image.
    """
    members = shot.cast[:_MAX_CAST]
    if not members and stage.setting.figure is not None:
        members = (CastMember(name=stage.setting.figure, description=shot.prompt),)
    marks = _marks(len(members), stage, scene)
    return [_figure(member, stage, scene, mark) for member, mark in zip(members, marks, strict=True)]


def _figure(member: CastMember, stage: Stage, scene: PaintedScene, mark: FigureMark) -> Element:
    if member.reference_image is not None:
        image = read_reference(member.name, Path(member.reference_image))
        return Portrait(image, stage, replace(mark, height=min(mark.height, 0.86), y=max(mark.y, 1.0)), scene.light)
    looks = " ".join([member.description, *(f"{value} {trait}" for trait, value in member.traits.items())])
    chance = zlib.crc32(member.name.encode()) / 0xFFFFFFFF
    kind = kind_of_figure(looks) or stage.setting.figure or "figure"
    height = round(mark.height * stage.unit)
    lighting = Lighting(
        (scene.light.x - mark.x) * stage.width, scene.light.y * stage.height - 0.45 * stage.height, scene.light.colour
    )
    colours = choose_colours(kind, looks, chance)
    strides = (
        [Stride.at_phase(i / DRAWINGS_PER_STEP) for i in range(DRAWINGS_PER_STEP)]
        if stage.setting.walking
        else [Stride()]
    )
    dressed = [dress_figure(kind, stride, chance) for stride in strides]
    sprites = [paint_person(parts, colours, stage.palette, height=height, lighting=lighting) for parts in dressed]
    below = (1 - mark.y) * stage.height / stage.unit + stage.camera.margin(1.0)[1]
    seen_to = min(1.0 + BELOW, 0.99 + below / mark.height)
    return Actor(sprites, dressed[0], mark, phase=6.28 * chance, visible_heights=seen_to)


def _marks(count: int, stage: Stage, scene: PaintedScene) -> list[FigureMark]:
    """Positions next to each other, or off-centre for one figure; small enough to fit side by side."""
    height = stage.camera.figure_height
    if stage.setting.walking:
        height = min(height, _WALKER_HEIGHT)
    height = min(height, 1.14 - 0.08 * count, 2.4 * stage.width / stage.unit / max(1, count))
    feet = scene.floor + max(0.0, height - 0.70) * stage.unit / stage.height
    spread = 0.50 * min(1.5, 0.8 + 0.2 * count)
    xs = [0.5 + spread * (i / max(1, count - 1) - 0.5) for i in range(count)]
    if count == 1:
        xs = [0.5 + (0.13 if scene.light.x < 0.5 else -0.13)]
    drift = 0.20 * min(1.0, stage.height / stage.width) if stage.setting.walking else 0.0
    return [
        FigureMark(x, feet, height, drift=drift if x < 0.5 else -drift, is_reflected=scene.is_reflecting and feet < 1)
        for x in xs
    ]
