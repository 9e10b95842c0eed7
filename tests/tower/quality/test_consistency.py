"""The likeness of a clip to a reference image, measured on clips of the animatic engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tower.engines.base import CastMember, Shot
from tower.errors import InvalidError
from tower.media.decode import MediaUnreadableError
from tower.quality.consistency import METRIC_NAME, measure_consistency, score_character, unmeasured_metric, worst_metric
from tower.quality.reference import read_figure
from tower_animatic.engine import AnimaticEngine

RED, BLUE = (40, 40, 200), (200, 90, 30)
Draw = Callable[..., Path]


class SilentWatcher:
    def progress(self, fraction: float, step: str) -> None:
        """Ignores progress."""


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    """Draw a person with a coat and hat of these colours on a plain background."""

    def draw_figure(name: str, coat: tuple[int, int, int], *, wide: bool = False) -> Path:
        image = np.full((600, 300, 3), 240, np.uint8)
        reach = 120 if wide else 60
        cv2.ellipse(image, (150, 110), (55, 70), 0, 0, 360, (150, 180, 220), -1)
        cv2.rectangle(image, (85, 30), (215, 80), (40, 35, 30), -1)
        cv2.fillPoly(
            image,
            [np.array([[150 - reach // 2, 180], [150 + reach // 2, 180], [150 + reach, 450], [150 - reach, 450]])],
            coat,
        )
        cv2.rectangle(image, (110, 450), (190, 590), (90, 80, 70), -1)
        cv2.line(image, (150, 190), (150, 440), (250, 250, 250), 10)
        path = tmp_path / f"{name}.png"
        cv2.imwrite(str(path), image)
        return path

    return draw_figure


@pytest.fixture
def render(tmp_path: Path) -> Callable[[Path], Path]:
    def render_clip(reference: Path) -> Path:
        clip = tmp_path / f"clip-of-{reference.stem}.mp4"
        member = CastMember("Kai", reference_image=str(reference))
        shot = Shot("a room, sunny afternoon", "", 3, 320, 320, fps=12, frames=18, cast=(member,))
        AnimaticEngine().render(shot, prompt_id="p", target=clip, watch=SilentWatcher())
        return clip

    return render_clip


def test_a_characters_own_clip_scores_higher_than_anothers(draw: Draw, render: Callable[[Path], Path]) -> None:
    picture, others = draw("mine", RED), draw("other", BLUE, wide=True)
    clip = render(picture)
    own_metric = measure_consistency(clip, read_figure("Kai", picture))
    other = measure_consistency(clip, read_figure("Mei", others))
    assert (own_metric.name, own_metric.unit, own_metric.threshold, own_metric.better) == (
        METRIC_NAME,
        "0–10",
        5.0,
        "min",
    )
    assert own_metric.passed is True
    assert own_metric.grade == pytest.approx((own_metric.score or 0) / 10)
    assert other.passed is False
    assert other.reason is not None
    assert "Mei is unlike" in other.reason
    assert other.frames
    assert (own_metric.score or 0) > (other.score or 0) + 2


def test_equal_clips_score_equally(draw: Draw, render: Callable[[Path], Path]) -> None:
    picture = draw("mine", RED)
    clip, figure = render(picture), read_figure("Kai", picture)
    assert measure_consistency(clip, figure) == measure_consistency(clip, figure)


def test_the_lowest_likeness_counts_and_unknown_ones_are_ignored() -> None:
    unknown = unmeasured_metric("Mei has no reference image")
    assert (unknown.score, unknown.passed, unknown.grade) == (None, None, 1.0)
    assert worst_metric([unknown]) is unknown
    assert worst_metric([]).reason == "no character is in the shot"


@pytest.mark.parametrize("bytes_", [b"", b"no picture at all"])
def test_a_reference_that_is_not_a_picture_is_named(tmp_path: Path, bytes_: bytes) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(bytes_)
    with pytest.raises(InvalidError, match="reference image of Kai"):
        read_figure("Kai", path)
    with pytest.raises(InvalidError):
        read_figure("Kai", tmp_path / "gone.png")


def test_a_file_without_a_picture_is_reported(draw: Draw, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"not a film")
    with pytest.raises(MediaUnreadableError):
        measure_consistency(broken, read_figure("Kai", draw("mine", RED)))


def test_figures_are_separated_from_clear_plain_and_busy_backgrounds(draw: Draw, tmp_path: Path) -> None:
    plain = draw("plain", RED)
    share = float(read_figure("Kai", plain).coverage.mean())
    assert 0.1 < share < 0.5
    picture = np.asarray(cv2.imread(str(plain)), np.uint8)
    clear = np.dstack([picture, np.where(np.all(picture == 240, axis=2), 0, 255).astype(np.uint8)])
    cv2.imwrite(str(tmp_path / "clear.png"), clear)
    assert float(read_figure("Kai", tmp_path / "clear.png").coverage.mean()) == pytest.approx(share, abs=0.05)
    noise = np.random.default_rng(1).integers(0, 255, picture.shape).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "busy.png"), np.where(picture == 240, noise, picture))
    busy = read_figure("Kai", tmp_path / "busy.png").coverage
    assert (busy[0, 0], busy[300, 150]) == (0, 1)


def test_a_failed_comparison_has_a_reason(draw: Draw, tmp_path: Path) -> None:
    picture, broken, text = draw("mine", RED), tmp_path / "broken.mp4", tmp_path / "text.png"
    for path in (broken, text):
        path.write_bytes(b"words")

    def failure_reason(image: Path | None, *, wide: bool = False) -> str:
        member = CastMember("Kai", reference_image=None if image is None else str(image))
        scored = score_character(member, broken, is_wide_shot=wide)
        assert (scored.score, scored.passed) == (None, None)
        return scored.reason or ""

    assert failure_reason(None) == "Kai has no reference image"
    assert "too small" in failure_reason(picture, wide=True)
    assert "cannot be read" in failure_reason(text)
    assert "broken.mp4" in failure_reason(picture)
