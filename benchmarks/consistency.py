"""How well the consistency score distinguishes the character of a reference image, in animatic clips.

python -m benchmarks.consistency            clips whose seeds were not used for tuning
python -m benchmarks.consistency --tuning   those that the weights of tower/quality/template_match.py were fitted on
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import cv2
import numpy as np

from benchmarks.report import Figure, publish_figures
from tower.engines.base import CastMember, Shot
from tower.quality.consistency import MIN_SCORE, measure_consistency
from tower.quality.reference import read_figure
from tower_animatic.engine import AnimaticEngine
from tower_animatic.figures.garments import Stride
from tower_animatic.figures.person import Lighting, choose_colours, paint_person
from tower_animatic.figures.wardrobe import dress_figure
from tower_animatic.mood import read_setting
from tower_animatic.paint import Pixels
from tower_animatic.palette_choice import choose_palette

# They include pairs of the same figure in other colours (lookalikes).
CHARACTERS = (
    *(("boy", "black hair, blue coat"), ("girl", "red hair, white coat"), ("samurai", "silver hair, red coat")),
    *(("kimono", "black hair, pink coat"), ("detective", "brown hair, green coat"), ("girl", "blond hair, blue coat")),
    *(("boy", "white hair, black coat"), ("samurai", "black hair, purple coat"), ("kimono", "brown hair, green coat")),
    *(("detective", "black hair, red coat"), ("girl", "black hair, green coat"), ("boy", "red hair, yellow coat")),
)
PROMPTS = (
    "neon city",
    "cherry trees at a shrine",
    "forest, fog",
    "beach, summer",
    "classroom, sunset",
    "mountain, snow",
)
STYLES, SCENES = ("anime", "realistic", "artistic", "cinematic"), ("dialogue", "action", "emotional", "epic")
SIZE, FPS, FRAMES, TALL = 384, 12, 24, 900
FIRST_SEED = {"tuning": 1000, "reporting": 7000}


@dataclass
class ConsistencyScores:
    """The scores of all pairs, by kind of pair."""

    by_pair: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    seconds: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tuning", action="store_true")
    corpus = "tuning" if parser.parse_args().tuning else "reporting"
    scores = ConsistencyScores()
    with tempfile.TemporaryDirectory() as folder:
        images = [_draw(number, Path(folder)) for number in range(len(CHARACTERS))]
        for truth, shot in _shots(images, FIRST_SEED[corpus]):
            _compare(shot, truth, images, scores, clip=Path(folder) / "clip.mp4")
    publish_figures(
        f"consistency{'_tuning' if corpus == 'tuning' else ''}", "Character consistency, animatic", _table(scores)
    )


def _shots(images: Sequence[Path], first_seed: int) -> Iterator[tuple[int | None, Shot]]:
    """Three shots of each character in any style, and shots without a known character (None)."""
    for character, take in product(range(len(images)), range(3)):
        number = character * 3 + take + first_seed
        cast = CastMember("own", reference_image=str(images[character]))
        yield character, _shot(number, SCENES[number % 4], (cast,))
    for number in range(first_seed + 500, first_seed + 508):
        looks = CHARACTERS[number % len(CHARACTERS)][1]
        yield None, _shot(number, SCENES[number % 4], (CastMember("drawn", looks),) if number % 2 else ())


def _shot(number: int, scene: str, cast: tuple[CastMember, ...]) -> Shot:
    return Shot(
        prompt=PROMPTS[number % 6],
        negative_prompt="",
        seed=number,
        width=SIZE,
        height=SIZE,
        fps=FPS,
        frames=FRAMES,
        style=STYLES[number // 2 % 4],
        scene_type=scene,
        cast=cast,
    )


def _compare(shot: Shot, truth: int | None, images: Sequence[Path], scores: ConsistencyScores, *, clip: Path) -> None:
    """Compare a clip with its own reference, with every third other one, and with all lookalikes."""
    clip.unlink(missing_ok=True)
    AnimaticEngine().render(shot, prompt_id="benchmark", target=clip, watch=_Watch())
    for other, image in enumerate(images):
        alike = truth is not None and CHARACTERS[other][0] == CHARACTERS[truth][0]
        if other != truth and not alike and (other + shot.seed) % 3:
            continue
        began = time.perf_counter()
        score = measure_consistency(clip, read_figure("a character", image)).score or 0.0
        scores.seconds.append(time.perf_counter() - began)
        pair = "no figure" if truth is None else "own" if other == truth else "alike" if alike else "other"
        if shot.scene_type == "epic":
            pair = "epic, own" if pair == "own" else "epic, others"
        scores.by_pair[pair].append(score)


def _table(scores: ConsistencyScores) -> list[Figure]:
    names = {
        "own": "its own reference image",
        "other": "the reference of another figure",
        "alike": "of a lookalike: the same figure in other colours",
        "no figure": "any reference, in a clip without a figure or with one drawn from words",
        "epic, own": "epic shots (the recipe does not score them): its own",
        "epic, others": "epic shots: any other",
    }
    rows = [_row(f"{title} (n={len(scores.by_pair[pair])})", scores.by_pair[pair]) for pair, title in names.items()]
    others = [*scores.by_pair["other"], *scores.by_pair["alike"], *scores.by_pair["no figure"]]
    apart = (_area(scores.by_pair["own"], others), _area(scores.by_pair["epic, own"], scores.by_pair["epic, others"]))
    area = Figure("own beside all others: area under the ROC curve", f"{apart[0]:.3f}", f"epic shots: {apart[1]:.3f}")
    took = f"{statistics.median(scores.seconds):.2f} s ({FRAMES} frames, 4 of them compared)"
    return [*rows, area, Figure("a comparison", took)]


def _row(title: str, values: Sequence[float]) -> Figure:
    passed = sum(value >= MIN_SCORE for value in values)
    quarters = " / ".join(f"{value:.1f}" for value in np.percentile(values, [25, 50, 75]))
    return Figure(title, f"{passed} of {len(values)} reach {MIN_SCORE:g}", f"score, quartiles: {quarters}")


def _area(own: Sequence[float], others: Sequence[float]) -> float:
    """The chance that a clip of the character scores higher than another; ties count half."""
    one, other = np.asarray(own)[:, None], np.asarray(others)[None]
    return float((one > other).mean() + 0.5 * (one == other).mean())


def _draw(number: int, folder: Path) -> Path:
    """A reference image: on a plain, a transparent or a busy background."""
    kind, looks = CHARACTERS[number]
    chance = zlib.crc32(str(number).encode()) / 0xFFFFFFFF
    daylight = choose_palette(read_setting("a sunny day at the beach", 0))
    light = Lighting(200, -300, (255, 250, 240))
    colours, parts = choose_colours(kind, looks, chance), dress_figure(kind, Stride(), chance)
    sprite = _trimmed(paint_person(parts, colours, daylight, height=TALL, lighting=light))
    path = folder / f"{number}.png"
    cv2.imwrite(str(path), _grounded(sprite, number))
    return path


def _trimmed(sprite: Pixels) -> Pixels:
    seen = sprite[..., 3] > 127
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    last = min(int(rows[-1]), int(rows[0]) + TALL)
    return sprite[max(0, int(rows[0]) - 30) : last, max(0, int(columns[0]) - 40) : int(columns[-1]) + 40]


def _grounded(sprite: Pixels, number: int) -> Pixels:
    cover = sprite[..., 3:].astype(np.float32) / 255
    if number % 3 == 1:
        straight = np.clip(sprite[..., :3] / np.maximum(cover, 1e-3), 0, 255)
        return np.concatenate([straight, cover * 255], axis=2).astype(np.uint8)
    ground = np.full(sprite[..., :3].shape, (240, 240, 236), np.float32)
    if number % 3 == 2:
        noise = np.random.default_rng(number).integers(0, 255, ground.shape).astype(np.float32)
        soft = np.asarray(cv2.GaussianBlur(noise, (0, 0), 25), np.float32)
        ground = np.asarray(30 + 190 * (soft - soft.min()) / np.ptp(soft), np.float32)
    return np.clip(sprite[..., :3] + ground * (1 - cover), 0, 255).astype(np.uint8)


class _Watch:
    def progress(self, fraction: float, step: str) -> None:
        """Ignore the progress."""


if __name__ == "__main__":
    main()
