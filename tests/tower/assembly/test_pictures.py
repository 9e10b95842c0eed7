"""Takes of another rate, size and speed, cards, and subtitles in the picture."""

from __future__ import annotations

import uuid
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame

from tests.tower.assembly.golden import FORM, SIZE, named
from tests.tower.media.numbered import ClipFormat, draw_planes, read_number, write_clip
from tower.assembly.burning import burn_lines
from tower.assembly.cards import card_frames
from tower.assembly.cut import Card, CardKind, FilmForm, Shot
from tower.assembly.encoding import black_frame, read_header
from tower.assembly.lettering import draw_block, fit_size, wrap_line
from tower.assembly.pictures import shot_frames
from tower.assembly.subtitles import SubtitleLine
from tower.errors import InvalidError


def write_take(folder: Path, frames: int, form: ClipFormat) -> Shot:
    path = write_clip(folder / "take.mp4", [draw_planes(number, 100, form.size) for number in range(frames)], form)
    return Shot(uuid.UUID(int=1), "Shot", named(path), 0, frames)


def numbers(shot: Shot, form: FilmForm = FORM) -> list[int]:
    return [read_number(np.asarray(frame.to_ndarray(), np.uint8)) for frame in shot_frames(shot, form, item="items.0")]


@pytest.mark.parametrize("rate", [12, 16, 24, 25, 30, 48])
def test_a_take_of_another_rate_keeps_its_speed(tmp_path: Path, rate: int) -> None:
    shot = replace(write_take(tmp_path, rate, ClipFormat(rate=Fraction(rate))), source_frames=24)
    shown = numbers(shot)
    assert len(shown) == 24
    assert all(abs(number / rate - frame / 24) <= 1.001 / rate for frame, number in enumerate(shown))


def test_a_part_and_its_speed_are_exact(tmp_path: Path) -> None:
    shot = write_take(tmp_path, 40, ClipFormat())
    assert numbers(replace(shot, first_frame=10, source_frames=8)) == list(range(10, 18))
    assert numbers(replace(shot, first_frame=10, source_frames=8, speed=Fraction(4))) == [10, 14]
    slow = numbers(replace(shot, first_frame=10, source_frames=4, speed=Fraction(1, 2)))
    assert len(slow) == 8
    assert (slow[0], slow[-1], slow) == (10, 13, sorted(slow))


def test_a_part_past_the_end_is_refused(tmp_path: Path) -> None:
    shot = write_take(tmp_path, 24, ClipFormat())
    with pytest.raises(InvalidError, match=r"items\.0\.source_frames"):
        numbers(replace(shot, first_frame=10, source_frames=16))


def test_another_ratio_gets_black_bars_and_keeps_its_picture(tmp_path: Path) -> None:
    shot = write_take(tmp_path, 2, ClipFormat(size=(128, 64)))
    frame = next(shot_frames(shot, FORM, item="items.0")).to_ndarray()
    luma = frame[: SIZE[1]]
    assert luma.shape == (96, 128)
    assert luma[:15].max() <= 17
    assert luma[-15:].max() <= 17
    assert luma[17:79].mean() > 60


def test_every_form_has_one_decoder_configuration() -> None:
    assert read_header(FORM)[0] == 1
    assert read_header(FORM) == read_header(FORM)
    assert read_header(FORM) != read_header(FilmForm(192, 96, Fraction(24)))


@pytest.mark.parametrize("frames", [1, 5, 31])
def test_a_card_has_exactly_its_frames(frames: int, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "back.png"), np.full((50, 200, 3), (0, 0, 255), np.uint8))
    plain = Card(CardKind.TITLE, ("雨の夜 gjpq",), frames)
    backed = replace(plain, lines=(), background=named(tmp_path / "back.png"))
    shown = [frame.to_ndarray() for frame in card_frames(plain, FORM)]
    assert len(shown) == frames
    assert len(list(card_frames(backed, FORM))) == frames
    if frames > 1:
        assert shown[frames // 2][: SIZE[1]].max() > 200
        assert shown[0][: SIZE[1]].max() < 60  # letters appear
    red = next(card_frames(backed, FORM)).to_ndarray(format="rgb24").reshape(-1, 3).mean(axis=0)
    assert red[0] == pytest.approx(255 * 0.45, abs=12)
    assert max(red[1], red[2]) < 25


def test_a_card_with_a_broken_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "back.png").write_bytes(b"no picture")
    card = Card(CardKind.TITLE, ("A",), 3, named(tmp_path / "back.png"))
    with pytest.raises(InvalidError, match="background"):
        list(card_frames(card, FORM))


def test_a_burnt_line_is_seen_exactly_on_its_frames() -> None:
    frames = (black_frame(FORM) for _ in range(8))
    shown = [
        frame.to_ndarray()[: SIZE[1]].max() > 200 for frame in burn_lines(frames, [SubtitleLine(2, 5, "雨 rain")], FORM)
    ]
    assert shown == [False, False, True, True, True, False, False, False]


def test_letters_of_japanese_and_latin_with_descenders_are_inside_their_block() -> None:
    block = draw_block(("gjpqy", "日本語"), size_px=40, width_px=400)
    assert block.letters.max() > 200
    assert block.letters[0].max() == block.letters[-1].max() == 0


def test_long_lines_are_broken_and_shrunk() -> None:
    assert len(wrap_line("長" * 30, size_px=20, width_px=200)) > 1
    assert " ".join(wrap_line("many short words here", size_px=20, width_px=100)) == "many short words here"
    assert fit_size(["a line of text"] * 20, size_px=40, width_px=300, height_px=200) < 12


def test_a_burnt_frame_keeps_its_form() -> None:
    [frame] = burn_lines([black_frame(FORM)], [SubtitleLine(0, 1, "a\nb\nc\nd\ne\nf")], FORM)
    assert isinstance(frame, VideoFrame)
    assert (frame.width, frame.height, frame.format.name) == (*SIZE, "yuv420p")
