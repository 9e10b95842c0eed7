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
from tower.media.probe import probe_frames
from tower.quality.faults import frame_ranges
from tower.quality.pictures import Samples
from tower.quality.reference import ReferenceFigure, read_figure
from tower.quality.template_match import FigureTemplate, build_templates, find_best_match
from tower.quality.verdict import CHARACTER_CONSISTENCY, Metric

METRIC_NAME, METRIC_UNIT, MIN_SCORE = CHARACTER_CONSISTENCY, "0–10", 5.0
LONG_SIDE_PX = 144  # of the pictures that are compared, in pixels
SAMPLE_INTERVAL_FRAMES, MAX_SAMPLED_FRAMES = 6, 12  # every 6th frame, or at most 12 frames spread evenly over the clip


@dataclass(frozen=True)
class ConsistencyMetric(Metric):
    """A metric whose value is its score: 0–10, and 5 is the lowest that passes."""

    @property
    def score(self) -> float | None:
        return float(self.value) if isinstance(self.value, int | float) else None

    @property
    def grade(self) -> float:
        return 1.0 if self.score is None else self.score / 10


def score_character(member: CastMember, clip: Path, *, is_wide_shot: bool) -> ConsistencyMetric:
    """How similar a character is to its reference image, or an unmeasured metric with the reason.

    In a wide shot people are so small that something similar is found in any picture; it is not measured.
    """
    if member.reference_image is None:
        return unmeasured_metric(f"{member.name} has no reference image")
    if is_wide_shot:
        return unmeasured_metric(f"an epic shot shows {member.name} too small to tell from others")
    try:
        return measure_consistency(clip, read_figure(member.name, Path(member.reference_image)))
    except InvalidError:
        return unmeasured_metric(f"the reference image of {member.name} cannot be read: {member.reference_image}")
    except MediaUnreadableError as error:
        return unmeasured_metric(error.message)


def measure_consistency(clip: Path, figure: ReferenceFigure) -> ConsistencyMetric:
    """The median over the sampled frames of how likely they show this figure and not another, 0–10.

    `frames` are the sampled ones below 5. Raises MediaUnreadableError for a clip without a picture.
    """
    samples = sample_frames(clip)
    sizes = build_templates(figure, samples[0][1].shape[:2])
    scores = [_score_picture(picture, sizes) for _, picture in samples]
    value = round(float(np.median(scores)), 2)
    unlike = [number for (number, _), score in zip(samples, scores, strict=True) if score < MIN_SCORE]
    passed = value >= MIN_SCORE
    reason = f"{figure.name} is unlike the reference image: {value} of 10; at least {MIN_SCORE:g} is needed"
    return ConsistencyMetric(
        METRIC_NAME, value, METRIC_UNIT, MIN_SCORE, "min", passed, frame_ranges(unlike), None if passed else reason
    )


def worst_metric(metrics: Sequence[ConsistencyMetric]) -> ConsistencyMetric:
    """The metric with the lowest score; the first one, with its reason, if none could be measured."""
    measured = [metric for metric in metrics if metric.score is not None]
    if not metrics:
        return unmeasured_metric("no character is in the shot")
    return min(measured, key=lambda metric: metric.score or 0.0) if measured else metrics[0]


def unmeasured_metric(reason: str) -> ConsistencyMetric:
    """A metric without a value, for a character that cannot be compared."""
    return ConsistencyMetric(METRIC_NAME, None, METRIC_UNIT, MIN_SCORE, "min", None, reason=reason)


def sample_frames(clip: Path) -> list[tuple[int, Samples]]:
    """Sampled frames of the clip, small and in BGR, with their numbers from 0. Raises MediaUnreadableError."""
    samples: list[tuple[int, Samples]] = []
    count = 0

    def add_sample(frame: VideoFrame) -> None:
        nonlocal count
        if count % SAMPLE_INTERVAL_FRAMES == 0:
            samples.append((count, _scaled(frame)))
        count += 1

    probe_frames(clip, on_picture=add_sample)
    if len(samples) <= MAX_SAMPLED_FRAMES:
        return samples
    return [samples[i] for i in np.linspace(0, len(samples) - 1, MAX_SAMPLED_FRAMES).round().astype(int)]


def _score_picture(picture: Samples, sizes: list[FigureTemplate]) -> float:
    match = find_best_match(picture, sizes)
    return 0.0 if match is None else 10 / (1 + math.exp(-match.log_odds))


def _scaled(frame: VideoFrame) -> Samples:
    scale = min(1.0, LONG_SIDE_PX / max(frame.width, frame.height))
    size = (max(1, round(frame.width * scale)), max(1, round(frame.height * scale)))
    return np.asarray(cv2.resize(frame.to_ndarray(format="bgr24"), size, interpolation=cv2.INTER_AREA), np.uint8)
