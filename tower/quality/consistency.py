"""Measures whether a clip shows the character of a reference image.

docs/quality.md says how well this distinguishes characters.
"""

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
LONG_SIDE = 144  # of the pictures that are compared, in pixels
EVERY, MOST_FRAMES = 6, 12  # every 6th frame, or at most 12 frames spread evenly over the clip


@dataclass(frozen=True)
class Likeness(Metric):
    """A metric whose value is its score: 0–10, and 5 is the lowest that passes."""

    @property
    def score(self) -> float | None:
        return float(self.value) if isinstance(self.value, int | float) else None

    @property
    def grade(self) -> float:
        return 1.0 if self.score is None else self.score / 10


def score_of(member: CastMember, clip: Path, *, wide: bool) -> Likeness:
    """How similar a character is to its reference image, or an unmeasured metric with the reason.

    In a wide shot people are so small that something similar is found in any picture; it is not measured.
    """
    if member.reference_image is None:
        return unmeasured(f"{member.name} has no reference image")
    if wide:
        return unmeasured(f"an epic shot shows {member.name} too small to tell from others")
    try:
        return consistency(clip, read_figure(member.name, Path(member.reference_image)))
    except InvalidError:
        return unmeasured(f"the reference image of {member.name} cannot be read: {member.reference_image}")
    except MediaUnreadableError as error:
        return unmeasured(error.message)


def consistency(clip: Path, figure: Figure) -> Likeness:
    """The median over the sampled frames of how likely they show this figure and not another, 0–10.

    `frames` are the sampled ones below 5. Raises MediaUnreadableError for a clip without a picture.
    """
    samples = sampled(clip)
    sizes = templates(figure, samples[0][1].shape[:2])
    scores = [_score_picture(picture, sizes) for _, picture in samples]
    value = round(float(np.median(scores)), 2)
    unlike = [number for (number, _), score in zip(samples, scores, strict=True) if score < LEAST]
    passed = value >= LEAST
    reason = f"{figure.name} is unlike the reference image: {value} of 10; at least {LEAST:g} is needed"
    return Likeness(NAME, value, UNIT, LEAST, "min", passed, spans(unlike), None if passed else reason)


def worst(scored: Sequence[Likeness]) -> Likeness:
    """The metric with the lowest score; the first one, with its reason, if none could be measured."""
    measured = [metric for metric in scored if metric.score is not None]
    if not scored:
        return unmeasured("no character is in the shot")
    return min(measured, key=lambda metric: metric.score or 0.0) if measured else scored[0]


def unmeasured(why: str) -> Likeness:
    """A metric without a value, for a character that cannot be compared."""
    return Likeness(NAME, None, UNIT, LEAST, "min", None, reason=why)


def sampled(clip: Path) -> list[tuple[int, Samples]]:
    """Sampled frames of the clip, small and in BGR, with their numbers from 0. Raises MediaUnreadableError."""
    samples: list[tuple[int, Samples]] = []
    count = 0

    def add_sample(frame: VideoFrame) -> None:
        nonlocal count
        if count % EVERY == 0:
            samples.append((count, _scaled(frame)))
        count += 1

    look_through(clip, on_picture=add_sample)
    if len(samples) <= MOST_FRAMES:
        return samples
    return [samples[i] for i in np.linspace(0, len(samples) - 1, MOST_FRAMES).round().astype(int)]


def _score_picture(picture: Samples, sizes: list[Template]) -> float:
    match = best_fit(picture, sizes)
    return 0.0 if match is None else 10 / (1 + math.exp(-match.odds))


def _scaled(frame: VideoFrame) -> Samples:
    scale = min(1.0, LONG_SIDE / max(frame.width, frame.height))
    size = (max(1, round(frame.width * scale)), max(1, round(frame.height * scale)))
    return np.asarray(cv2.resize(frame.to_ndarray(format="bgr24"), size, interpolation=cv2.INTER_AREA), np.uint8)
