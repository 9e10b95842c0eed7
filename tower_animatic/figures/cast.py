"""Places the figures of a shot: who they are, their looks and their positions."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

from tower.engines.base import CastMember, Shot
from tower_animatic.figures.actor import DRAWINGS_PER_STEP, Actor, FigureMark
from tower_animatic.figures.creatures import paint_creature
from tower_animatic.figures.garments import Stride
from tower_animatic.figures.outlines import CREATURES
from tower_animatic.figures.person import BELOW, Lighting, choose_colours, paint_person
from tower_animatic.figures.portrait import Portrait, read_reference
from tower_animatic.figures.wardrobe import dress_figure
from tower_animatic.layers import Element, PaintedScene
from tower_animatic.mood import read_looks
from tower_animatic.people import Beings
from tower_animatic.stage import Stage

_WALKER_HEIGHT = 0.64
_MAX_CAST = 6


def place_cast(shot: Shot, stage: Stage, scene: PaintedScene) -> list[Element]:
    """The figures of a shot: its cast, or else the people that the prompt names, and the creatures of the prompt.

    Raises RenderError for an unreadable reference image.
    """
    beings = stage.setting.beings
    members = shot.cast or tuple(CastMember(name=kind, description=shot.prompt) for kind in beings.people)
    kinds = [_kind_of_member(member, beings, is_of_prompt=not shot.cast) for member in members]
    creatures = [kind for kind in beings.creatures if kind not in kinds]
    members, kinds, creatures = members[:_MAX_CAST], kinds[:_MAX_CAST], creatures[: max(0, _MAX_CAST - len(members))]
    marks = _marks(len(kinds) + len(creatures), stage, scene)
    figures = [
        _figure(member, kind, stage, scene, mark) for member, kind, mark in zip(members, kinds, marks, strict=False)
    ]
    return [
        *figures,
        *(_creature(kind, stage, scene, mark) for kind, mark in zip(creatures, marks[len(kinds) :], strict=True)),
    ]


def _kind_of_member(member: CastMember, beings: Beings, *, is_of_prompt: bool) -> str:
    """A kind of person or of creature."""
    if is_of_prompt:
        return member.name
    looks = read_looks(_looks(member))
    return next(iter((*looks.people, *looks.creatures, *beings.people, "figure")))


def _looks(member: CastMember) -> str:
    return " ".join([member.description, *(f"{value} {trait}" for trait, value in member.traits.items())])


def _creature(kind: str, stage: Stage, scene: PaintedScene, mark: FigureMark) -> Element:
    """An animal or a machine that faces the middle of the stage."""
    creature = CREATURES[kind]
    height = max(0.15, creature.height * min(stage.camera.figure_height, 0.78))
    y = 0.52 if creature.is_flying else scene.floor
    image = paint_creature(kind, faces_left=mark.x > 0.5)
    return Portrait(image, stage, replace(mark, height=height, y=y), scene.light)


def _figure(member: CastMember, kind: str, stage: Stage, scene: PaintedScene, mark: FigureMark) -> Element:
    if member.reference_image is not None:
        image = read_reference(member.name, Path(member.reference_image))
        return Portrait(image, stage, replace(mark, height=min(mark.height, 0.86), y=max(mark.y, 1.0)), scene.light)
    if kind in CREATURES:
        return _creature(kind, stage, scene, mark)
    chance = zlib.crc32(member.name.encode()) / 0xFFFFFFFF
    height = round(mark.height * stage.unit)
    lighting = Lighting(
        (scene.light.x - mark.x) * stage.width, scene.light.y * stage.height - 0.45 * stage.height, scene.light.colour
    )
    colours = choose_colours(kind, _looks(member), chance)
    strides = (
        [Stride.at_phase(i / DRAWINGS_PER_STEP) for i in range(DRAWINGS_PER_STEP)]
        if stage.setting.beings.are_walking
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
    if stage.setting.beings.are_walking:
        height = min(height, _WALKER_HEIGHT)
    height = min(height, 1.14 - 0.08 * count, 2.4 * stage.width / stage.unit / max(1, count))
    feet = scene.floor + max(0.0, height - 0.70) * stage.unit / stage.height
    spread = 0.50 * min(1.5, 0.8 + 0.2 * count)
    if stage.setting.beings.are_close and count == 2:
        spread = 0.19 * height * stage.unit / stage.width
    xs = [0.5 + spread * (i / max(1, count - 1) - 0.5) for i in range(count)]
    if count == 1:
        xs = [0.5 + (0.13 if scene.light.x < 0.5 else -0.13)]
    drift = 0.20 * min(1.0, stage.height / stage.width) if stage.setting.beings.are_walking else 0.0
    return [
        FigureMark(x, feet, height, drift=drift if x < 0.5 else -drift, is_reflected=scene.is_reflecting and feet < 1)
        for x in xs
    ]
