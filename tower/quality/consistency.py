"""Does the clip show the character of a reference image? How well this tells characters apart: docs/quality.md."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from av.video.frame import VideoFrame

from tower.engines.base import CastMember
from tower.errors import InvalidError
from tower.media.decode import MediaUnreadableError
from tower.media.probe import look_through
from tower.quality.faults import spans
from tower.quality.pictures import Samples
from tower.quality.reference import Figure, read_figure
from tower.quality.template_match import Template, best_fit, templates
from tower.quality.verdict import CHARACTER_CONSISTENCY, Metric

NAME, UNIT, LEAST = CHARACTER_CONSISTENCY, "0–10", 5.0
LONG_SIDE = 144  # pixels of the pictures that are compared
EVERY, MOST_FRAMES = 6, 12  # every 6th frame is looked at, or fewer evenly spread


@dataclass(frozen=True)
class Likeness(Metric):
    """A metric that is its own grade: 0–10, and 5 is the least that passes."""

    @property
    def score(self) -> float | None:
        return float(self.value) if isinstance(self.value, int | float) else None

    @property
    def grade(self) -> float:
        return 1.0 if self.score is None else self.score / 10


def score_of(member: CastMember, clip: Path, *, wide: bool) -> Likeness:
    """How like its reference image a character is; what cannot be compared says why. `wide`: the shot shows people
    small, so that something like them is found in any picture."""
    if member.reference_image is None:
        return unmeasured(f"{member.name} has no reference image")
    if wide:
        return unmeasured(f"an epic shot shows {member.name} too small to be told from others")
    try:
        return consistency(clip, read_figure(member.name, Path(member.reference_image)))
    except InvalidError:
        return unmeasured(f"the reference image of {member.name} cannot be read: {member.reference_image}")
    except MediaUnreadableError as blind:
        return unmeasured(blind.message)


def consistency(clip: Path, figure: Figure) -> Likeness:
    """The median over the sampled frames: how sure it is that they show this figure and not another, 0–10.

    `frames`: the sampled ones below 5. Raises MediaUnreadableError for a clip without a picture.
    """
    samples = sampled(clip)
    sizes = templates(figure, samples[0][1].shape[:2])
    scores = [_score(picture, sizes) for _, picture in samples]
    value = round(float(np.median(scores)), 2)
    unlike = [number for (number, _), score in zip(samples, scores, strict=True) if score < LEAST]
    passed = value >= LEAST
    reason = f"{figure.name} is unlike the reference image: {value} of 10; at least {LEAST:g} is needed"
    return Likeness(NAME, value, UNIT, LEAST, "min", passed, spans(unlike), None if passed else reason)


def worst(scored: Sequence[Likeness]) -> Likeness:
    """The lowest of those that could be measured; if none could, the first says why."""
    measured = [one for one in scored if one.score is not None]
    if not scored:
        return unmeasured("nobody is in the shot")
    return min(measured, key=lambda one: one.score or 0.0) if measured else scored[0]


def unmeasured(why: str) -> Likeness:
    """Where there is nothing to compare with."""
    return Likeness(NAME, None, UNIT, LEAST, "min", None, reason=why)


def sampled(clip: Path) -> list[tuple[int, Samples]]:
    """Frames of the clip, small and in BGR, with their numbers from 0. Raises MediaUnreadableError."""
    taken: list[tuple[int, Samples]] = []
    seen = 0

    def see(frame: VideoFrame) -> None:
        nonlocal seen
        if seen % EVERY == 0:
            taken.append((seen, _small(frame)))
        seen += 1

    look_through(clip, on_picture=see)
    if len(taken) <= MOST_FRAMES:
        return taken
    return [taken[i] for i in np.linspace(0, len(taken) - 1, MOST_FRAMES).round().astype(int)]


def _score(picture: Samples, sizes: list[Template]) -> float:
    found = best_fit(picture, sizes)
    return 0.0 if found is None else 10 / (1 + math.exp(-found.odds))


def _small(frame: VideoFrame) -> Samples:
    scale = min(1.0, LONG_SIDE / max(frame.width, frame.height))
    size = (max(1, round(frame.width * scale)), max(1, round(frame.height * scale)))
    return np.asarray(cv2.resize(frame.to_ndarray(format="bgr24"), size, interpolation=cv2.INTER_AREA), np.uint8)
