"""Is the file in the form that was asked for? Metrics of the container and the stream."""

from __future__ import annotations

from tower.media.probe import Probe
from tower.quality.faults import named, spans
from tower.quality.verdict import Expectation, Metric, Value


def form(probe: Probe, expected: Expectation) -> list[Metric]:
    return [
        _decodes(probe),
        _equal("codec", probe.codec, expected.codec),
        _equal("pixel_format", probe.pixel_format, expected.pixel_format),
        _equal("size", f"{probe.width}×{probe.height}", f"{expected.width}×{expected.height}", unit="pixels"),
        _rate(probe, expected),
        _timing(probe),
        _equal("frame_count", probe.frames, expected.frames, unit="frames"),
        _duration(probe, expected),
    ]


def _decodes(probe: Probe) -> Metric:
    total, where = probe.frames + len(probe.lost), named(spans(probe.lost))
    return Metric(
        name="decodes",
        value=probe.frames,
        unit="frames",
        threshold=total,
        better="equal",
        passed=probe.fault is None,
        frames=spans(probe.lost),
        reason=probe.fault and f"{probe.fault}{where}",
    )


def _rate(probe: Probe, expected: Expectation) -> Metric:
    """Within 1 in 10 000: the clock of some containers is coarse, but 23.976 is not 24."""
    near = abs(probe.fps / expected.fps - 1) < 1e-4
    return _equal("rate", float(probe.fps), float(expected.fps), unit="frames/s", passed=near)


def _timing(probe: Probe) -> Metric:
    """No frame is shown half a frame or more from its place."""
    most, error = round(float(500 / probe.fps), 3), round(probe.timing_error_ms, 3)
    reason = f"a frame is shown {error:g} ms from its place; less than {most:g} ms is allowed"
    passed = error < most
    return Metric("timing", error, "ms", most, "max", passed, reason=None if passed else reason)


def _duration(probe: Probe, expected: Expectation) -> Metric:
    """Within half a frame."""
    seconds = float(expected.frames / expected.fps)
    near = abs(probe.duration_s - seconds) < float(1 / expected.fps) / 2
    return _equal("duration", round(probe.duration_s, 4), round(seconds, 4), unit="s", passed=near)


def _equal(name: str, value: Value, wanted: Value, *, unit: str = "", passed: bool | None = None) -> Metric:
    good = value == wanted if passed is None else passed
    words = f" {unit}" if unit else ""
    reason = None if good else f"{_said(value)}{words} instead of {_said(wanted)}{words}"
    return Metric(name, value, unit, wanted, "equal", good, reason=reason)


def _said(value: Value) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
