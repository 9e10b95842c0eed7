from __future__ import annotations

from typing import Literal

import pytest

from tower.quality.faults import describe_ranges, frame_ranges
from tower.quality.verdict import Assessment, Metric


def a_metric(
    value: float | None, threshold: float, better: Literal["min", "max", "equal"], *, passed: bool | None
) -> Metric:
    return Metric("frozen_run", value, "frames", threshold, better, passed, reason=None if passed else "too long")


@pytest.mark.parametrize(("value", "grade"), [(0, 1.0), (10, 0.875), (20, 0.5)])
def test_a_grade_falls_to_one_half_at_the_threshold(value: float, grade: float) -> None:
    assert a_metric(value, 20, "max", passed=True).grade == pytest.approx(grade)


@pytest.mark.parametrize(("value", "grade"), [(21, 0.476), (40, 0.25), (200, 0.05)])
def test_a_grade_falls_towards_zero_beyond_the_threshold(value: float, grade: float) -> None:
    assert a_metric(value, 20, "max", passed=False).grade == pytest.approx(grade, abs=1e-3)


def test_a_metric_that_is_right_or_wrong_has_no_grades_between() -> None:
    assert a_metric(24, 24, "equal", passed=True).grade == 1
    assert a_metric(23, 24, "equal", passed=False).grade == 0
    assert a_metric(0, 0.001, "min", passed=False).grade == 0


def test_a_failed_measurement_is_no_fault() -> None:
    unmeasured = a_metric(None, 0.2, "max", passed=None)
    assert unmeasured.grade == 1
    assert Assessment.from_metrics([unmeasured], seconds=0.1, probe=None).passed


def test_the_score_is_the_lowest_and_the_reason_names_all_failed_metrics() -> None:
    metrics = [
        Metric("black_run", 20, "frames", 12, "max", passed=False, reason="20 frames in a row are black"),
        Metric("frozen_run", 48, "frames", 12, "max", passed=False, reason="48 frames in a row do not move"),
        a_metric(2, 20, "max", passed=True),
    ]
    verdict = Assessment.from_metrics(metrics, seconds=0.1, probe=None)
    assert verdict.score == 1.25
    assert verdict.reason == "black_run: 20 frames in a row are black. Also: frozen_run."


def test_frame_numbers_are_written_as_ranges() -> None:
    assert frame_ranges([]) == ()
    assert frame_ranges([7, 3, 4, 5]) == ((3, 5), (7, 7))
    assert frame_ranges([1, 3, 4, 5], min_length=3) == ((3, 5),)
    assert describe_ranges(frame_ranges([3, 4, 5, 9])) == " (frames 3–5, 9)"
    assert describe_ranges(frame_ranges(range(0, 20, 2))) == " (frames 0, 2, 4 and elsewhere)"
    assert describe_ranges(()) == ""
