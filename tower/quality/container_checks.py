"""Checks that a file has the expected form: metrics of the container and the stream."""

from __future__ import annotations

from tower.media.probe import Probe
from tower.quality.faults import describe_ranges, frame_ranges
from tower.quality.verdict import Expectation, Metric, MetricValue


def check_container(probe: Probe, expected: Expectation) -> list[Metric]:
    return [
        _check_decoding(probe),
        _check_equal("codec", probe.codec, expected.codec),
        _check_equal("pixel_format", probe.pixel_format, expected.pixel_format),
        _check_equal("size", f"{probe.width}×{probe.height}", f"{expected.width}×{expected.height}", unit="pixels"),
        _check_rate(probe, expected),
        _check_timing(probe),
        _check_equal("frame_count", probe.frames, expected.frames, unit="frames"),
        _check_duration(probe, expected),
    ]


def _check_decoding(probe: Probe) -> Metric:
    total, frames_lost = probe.frames + len(probe.lost), describe_ranges(frame_ranges(probe.lost))
    return Metric(
        name="decodes",
        value=probe.frames,
        unit="frames",
        threshold=total,
        better="equal",
        passed=probe.fault is None,
        frames=frame_ranges(probe.lost),
        reason=probe.fault and f"{probe.fault}{frames_lost}",
    )


def _check_rate(probe: Probe, expected: Expectation) -> Metric:
    """May differ by 1 in 10 000, because the clock of some containers is coarse. 23.976 is still not 24."""
    is_close = abs(probe.fps / expected.fps - 1) < 1e-4
    return _check_equal("rate", float(probe.fps), float(expected.fps), unit="frames/s", passed=is_close)


def _check_timing(probe: Probe) -> Metric:
    """Every frame is shown less than half a frame from its expected time."""
    limit, error = round(float(500 / probe.fps), 3), round(probe.timing_error_ms, 3)
    reason = f"a frame is shown {error:g} ms from its expected time; less than {limit:g} ms is allowed"
    passed = error < limit
    return Metric("timing", error, "ms", limit, "max", passed, reason=None if passed else reason)


def _check_duration(probe: Probe, expected: Expectation) -> Metric:
    """May differ by less than half a frame."""
    seconds = float(expected.frames / expected.fps)
    is_close = abs(probe.duration_s - seconds) < float(1 / expected.fps) / 2
    return _check_equal("duration", round(probe.duration_s, 4), round(seconds, 4), unit="s", passed=is_close)


def _check_equal(
    name: str, value: MetricValue, expected: MetricValue, *, unit: str = "", passed: bool | None = None
) -> Metric:
    is_good = value == expected if passed is None else passed
    suffix = f" {unit}" if unit else ""
    reason = None if is_good else f"{_format(value)}{suffix} instead of {_format(expected)}{suffix}"
    return Metric(name, value, unit, expected, "equal", is_good, reason=reason)


def _format(value: MetricValue) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
