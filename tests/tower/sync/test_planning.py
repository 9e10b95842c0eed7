"""Every plan has its cuts on beats, respects the bounds and keeps the duration, or is refused with the shot and the
reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.models.music import FrameTiming
from tests.hypothesis_profiles import example_count
from tests.tower.sync.beat_grids import even
from tower.conform.timing import frame_schedule, frame_times, source_frames
from tower.errors import InvalidError
from tower.sync.grid import BeatGrid
from tower.sync.plan import SourceClip, SyncPoint
from tower.sync.planning import plan_cuts, plan_scenes, plan_without_moving, points_from_pairs
from tower.sync.snapping import RatioBounds, StretchError

CFR, VFR = FrameTiming.CONSTANT, FrameTiming.VARIABLE
CLIP = SourceClip(120, Fraction(24))
RATES = [Fraction(24), Fraction(25), Fraction(24_000, 1001), Fraction(60), Fraction(12)]


@st.composite
def beats(draw: st.DrawFn) -> BeatGrid:
    """Even beats, or a few irregular ones."""
    even = st.builds(lambda period, count: [period] * count, st.floats(0.3, 1.0), st.integers(5, 150))
    periods = draw(even | st.lists(st.floats(0.25, 1.2), min_size=5, max_size=60))
    first = draw(st.floats(0, 2))
    times_s = tuple(first + sum(periods[:number]) for number in range(len(periods) + 1))
    strengths = draw(st.lists(st.floats(0, 1), min_size=len(times_s), max_size=len(times_s)))
    return BeatGrid(times_s, tuple(strengths), times_s[-1] + 1)


@dataclass(frozen=True)
class SyncCase:
    clip: SourceClip
    points: list[SyncPoint]
    timing: FrameTiming
    offset_s: float | None


@st.composite
def sync_case(draw: st.DrawFn) -> SyncCase:
    fps = draw(st.sampled_from(RATES))
    lengths = draw(st.lists(st.floats(0.3, 8), min_size=1, max_size=6))
    frames = [round(sum(lengths[: number + 1]) * fps) for number in range(len(lengths))]
    points = [SyncPoint(frame) for frame in [*draw(st.sampled_from([[], [0]])), *frames[:-1]]]
    return SyncCase(
        SourceClip(frames[-1], fps), points, draw(st.sampled_from(FrameTiming)), draw(st.none() | st.floats(0, 2))
    )


@given(beats=beats(), sync_case=sync_case())
@example_count(300)
def test_every_plan_keeps_its_invariants(beats: BeatGrid, sync_case: SyncCase) -> None:
    clip, timing = sync_case.clip, sync_case.timing
    try:
        plan = plan_cuts(clip, sync_case.points, beats, timing=timing, offset_s=sync_case.offset_s)
    except StretchError:
        return
    cut_times_s = [cut.at_s for cut in plan.cuts] + [clip.duration_s]
    assert cut_times_s[0] == 0
    assert all(a < b for a, b in pairwise(cut_times_s))
    assert all(0.8 - 1e-6 <= shot.ratio <= 1.25 + 1e-6 for shot in plan.shots)
    assert sum(shot.frames for shot in plan.shots) == clip.frames
    assert sum(shot.lasts_s for shot in plan.shots) == pytest.approx(clip.duration_s)
    for cut in plan.cuts[1:]:
        assert cut.beat_s == beats.times_s[cut.beat or 0]
        assert cut.error_ms is not None
        assert cut.error_ms <= (500 / clip.fps + 1e-6 if timing == CFR else 1e-6)
    schedule = frame_schedule(plan)
    assert len(schedule) == clip.frames
    assert [source for source, _ in schedule] == sorted(source for source, _ in schedule)
    assert all(a < b for (_, a), (_, b) in pairwise(schedule))


@given(beats=beats(), lengths=st.lists(st.floats(1, 9), min_size=1, max_size=8), fps=st.sampled_from(RATES))
@example_count(200)
def test_scenes_are_cut_on_beats_and_keep_the_requested_duration_to_the_frame(
    beats: BeatGrid, lengths: list[float], fps: Fraction
) -> None:
    try:
        plan = plan_scenes(lengths, beats, fps=fps)
    except StretchError:
        return
    ends = [*(cut.at_frame for cut in plan.cuts[1:]), plan.clip.frames]
    assert plan.clip.frames == round(sum(lengths) * fps)
    assert len(plan.cuts) == len(lengths)
    assert all(end > start for start, end in pairwise([0, *ends]))
    for cut in plan.cuts:
        distance = min(abs(cut.at_s + plan.offset_s - time) for time in beats.times_s)
        assert distance <= 0.5 / fps + 1e-6


def test_documented_points_are_already_on_their_beats() -> None:
    plan = plan_cuts(CLIP, [SyncPoint(0, "scene_start"), SyncPoint(60, "character_entrance")], even(), timing=CFR)
    assert [(cut.event, cut.at_s, cut.beat, cut.ratio) for cut in plan.cuts] == [
        ("scene_start", 0, 0, 1),
        ("character_entrance", 2.5, 5, 1),
    ]
    assert (plan.worst_error_ms, plan.mean_error_ms, plan.warnings) == (0, 0, ())


def test_a_point_moves_to_the_nearest_beat_and_its_neighbouring_shots_are_retimed() -> None:
    plan = plan_cuts(CLIP, [SyncPoint(57)], even(), timing=VFR)
    assert [cut.at_s for cut in plan.cuts] == [0, 2.5]
    assert [shot.ratio for shot in plan.shots] == pytest.approx([2.5 / 2.375, 2.5 / 2.625])


def test_at_a_constant_rate_the_error_comes_from_the_nearest_frame() -> None:
    plan = plan_cuts(CLIP, [SyncPoint(60)], even(first_s=0.49), timing=CFR, offset_s=0.0)
    assert plan.cuts[1].at_frame == 60
    assert plan.worst_error_ms == pytest.approx(10)
    assert plan_cuts(
        CLIP, [SyncPoint(60)], even(first_s=0.49), timing=VFR, offset_s=0.0
    ).worst_error_ms == pytest.approx(0)


def test_a_refusal_names_the_shot_the_ratio_and_the_bounds() -> None:
    with pytest.raises(StretchError, match=r"Shot 1 of 2 \(0\.12 s\) .* by 4\.00 to end on a beat; .* 0\.8–1\.25"):
        plan_cuts(CLIP, [SyncPoint(3)], even(), timing=CFR)
    with pytest.raises(StretchError, match=r"Shot 2 of 2 \(0\.33 s\) .* by 1\.50 to end at 5\.00 s") as refused:
        plan_cuts(CLIP, [SyncPoint(112)], even(), timing=VFR)
    assert refused.value.details == {"shot": 2, "length_s": 0.333, "ratio": 1.5, "least": 0.8, "most": 1.25}
    wide = plan_cuts(CLIP, [SyncPoint(112)], even(), timing=VFR, bounds=RatioBounds(0.6, 1.6))
    assert wide.cuts[1].at_s == 4.5


def test_a_grid_without_a_beat_before_the_end_is_refused() -> None:
    with pytest.raises(StretchError, match="none left before the end"):
        plan_cuts(CLIP, [SyncPoint(60)], BeatGrid((0.0,), (1.0,), 1.0), timing=CFR)


def test_an_unmoved_cut_reports_its_distance_from_the_beat() -> None:
    plan = plan_without_moving(CLIP, [SyncPoint(0), SyncPoint(3, "blink"), SyncPoint(112)], even(), timing=CFR)
    assert [cut.at_s for cut in plan.cuts] == pytest.approx([0, 3 / 24, 112 / 24])
    assert [cut.error_ms for cut in plan.cuts] == pytest.approx([0, 125, 1000 / 6])
    assert {shot.ratio for shot in plan.shots} == {1.0}
    assert source_frames(plan) == list(range(120))


def test_the_music_starts_on_the_first_beat_unless_an_offset_is_given() -> None:
    late = even(first_s=0.3)
    assert plan_cuts(CLIP, [SyncPoint(0)], late, timing=CFR).offset_s == pytest.approx(0.3)
    late_plan = plan_cuts(CLIP, [SyncPoint(0)], late, timing=CFR, offset_s=0.2)
    assert late_plan.worst_error_ms == pytest.approx(100)
    assert "with offset 0.300" in late_plan.warnings[0]
    with pytest.raises(InvalidError, match="which lasts 60"):
        plan_cuts(CLIP, [], late, timing=CFR, offset_s=60.0)


def test_music_that_ends_early_gives_a_warning() -> None:
    plan = plan_cuts(CLIP, [], even(track_s=3.0), timing=CFR)
    assert plan.warnings == ("The music ends 2.0 s before the video: the rest is silent",)
    assert (plan.worst_error_ms, plan.mean_error_ms) == (None, None)


def test_points_outside_the_video_are_refused_and_points_at_one_frame_are_joined() -> None:
    with pytest.raises(InvalidError) as refused:
        plan_cuts(CLIP, [SyncPoint(0), SyncPoint(121)], even(), timing=CFR)
    assert refused.value.details is not None
    assert refused.value.details["field"] == "sync_points.1"
    plan = plan_cuts(CLIP, [SyncPoint(60, "door"), SyncPoint(60, "thunder")], even(), timing=CFR)
    assert [cut.event for cut in plan.cuts] == [None, "door, thunder"]


def test_the_end_may_be_a_point_but_is_not_moved() -> None:
    plan = plan_cuts(CLIP, [SyncPoint(120, "out")], even(bpm=110), timing=CFR)
    assert plan.end_cut is not None
    assert plan.end_cut.at_s == 5
    assert plan.worst_error_ms == pytest.approx(abs(5 - 9 * 60 / 110) * 1000)


def test_a_scene_without_frames_is_refused() -> None:
    with pytest.raises(InvalidError, match="at least one frame"):
        plan_scenes([5.0, 0.01, 5.0], even(), fps=Fraction(24))


def test_points_are_read_from_pairs_of_track_time_and_frame() -> None:
    points, offset_s = points_from_pairs([(1.02, 0), (3.4, 60)], CLIP, even())
    assert offset_s == 1.0
    plan = plan_cuts(CLIP, points, even(), timing=VFR, offset_s=offset_s)
    assert [cut.beat_s for cut in plan.cuts] == [1.0, 3.5]
    points, offset_s = points_from_pairs([(3.5, 60)], CLIP, even())
    assert offset_s == 1.0
    assert points_from_pairs([], CLIP, even()) == ([], None)
    with pytest.raises(InvalidError, match="cannot begin after the video"):
        points_from_pairs([(1.0, 60)], CLIP, even())
    with pytest.raises(InvalidError, match="rise with the frames"):
        points_from_pairs([(2.0, 0), (1.0, 24)], CLIP, even())


def test_frames_at_a_constant_rate_are_the_nearest_of_their_shot() -> None:
    plan = plan_cuts(SourceClip(24, Fraction(24)), [SyncPoint(13)], even(), timing=CFR)
    assert source_frames(plan) == [*range(6), *range(7, 20), *range(19, 24)]
    assert frame_times(plan_cuts(SourceClip(24, Fraction(24)), [SyncPoint(13)], even(), timing=VFR))[13] == 45_000
