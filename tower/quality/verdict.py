"""The parts of a verdict: the expected clip, the limits, the metrics, and the assessment."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Literal

from tower.media.probe import Probe

CHARACTER_CONSISTENCY = "character_consistency"  # the metric of professional generations
MetricValue = float | int | str
FrameRanges = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Expectation:
    """The expected clip. `codec` and `pixel_format` are names of FFmpeg."""

    width: int
    height: int
    fps: Fraction | int
    frames: int
    codec: str = "h264"
    pixel_format: str = "yuv420p"


@dataclass(frozen=True)
class Limits:
    """The limits of the metrics: shares of the clip's pictures, and runs in seconds. Reasons are in docs/quality.md."""

    black_share: float = 0.25
    black_run_s: float = 0.5
    flat_share: float = 0.25
    flat_run_s: float = 0.5
    noise_share: float = 0.1
    unrelated_share: float = 0.2
    flash_share: float = 0.15
    frozen_run_s: float = 1.25
    frozen_run_share: float = 0.45  # of a short clip
    frozen_share: float = 0.5
    hold_s: float = 0.5  # shorter holds do not count towards the share: drawings on twos, a slow camera in fog
    repeated_share: float = 0.2
    audio_peak: float = 0.001
    audio_clipped_share: float = 0.01


@dataclass(frozen=True)
class Metric:
    """One measurement. `threshold` is the least ("min"), the most ("max") or the only ("equal") good value.

    `passed` and `value` are None if it could not be measured. `frames`: the offending ones, as ranges of first and
    last, numbered from 0. `reason`: one sentence that says why it failed or was not measured.
    """

    name: str
    value: MetricValue | None
    unit: str
    threshold: MetricValue
    better: Literal["min", "max", "equal"]
    passed: bool | None
    frames: FrameRanges = ()
    reason: str | None = None

    @property
    def grade(self) -> float:
        """1 without any fault, 0.5 at the threshold, towards 0 beyond it. An unmeasured metric has grade 1."""
        if self.passed is None:
            return 1.0
        if self.better != "max" or not isinstance(self.value, int | float) or isinstance(self.threshold, str):
            return float(self.passed)
        if self.passed:
            return 1 - 0.5 * (self.value / self.threshold) ** 2 if self.threshold else 1.0
        return 0.5 * self.threshold / self.value

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"frames": [list(span) for span in self.frames]}


@dataclass(frozen=True)
class Assessment:
    """A verdict. `score` 0–10 is ten times the worst grade, so it is below 5 exactly if the clip did not pass.

    `reason` quotes the first failed metric in full and lists the names of the others. `probe` is None if the file does
    not decode at all.
    """

    score: float
    passed: bool
    metrics: tuple[Metric, ...]
    reason: str | None
    seconds: float
    probe: Probe | None

    @classmethod
    def from_metrics(cls, metrics: list[Metric], *, seconds: float, probe: Probe | None) -> Assessment:
        failed = [metric for metric in metrics if metric.passed is False]
        others = f" Also: {', '.join(metric.name for metric in failed[1:])}." if len(failed) > 1 else ""
        return cls(
            score=round(10 * min(metric.grade for metric in metrics), 2),
            passed=not failed,
            metrics=tuple(metrics),
            reason=f"{failed[0].name}: {failed[0].reason}.{others}" if failed else None,
            seconds=round(seconds, 4),
            probe=probe,
        )

    @classmethod
    def without_clip(cls, reason: str) -> Assessment:
        """The verdict on an engine that made no usable clip; `reason` comes from the engine."""
        return cls(score=0.0, passed=False, metrics=(), reason=reason, seconds=0.0, probe=None)

    def as_json(self) -> dict[str, Any]:
        return {
            "score": self.score,
            "passed": self.passed,
            "metrics": [metric.as_json() for metric in self.metrics],
            "reason": self.reason,
            "seconds": self.seconds,
        }
