"""A contact sheet contains frames of a real clip."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from tower.errors import InvalidError
from tower.media.contact_sheet import write_contact_sheet
from tower.media.encode import VideoWriter


def a_clip(path: Path, levels: list[int]) -> Path:
    with VideoWriter(path, size=(320, 256), fps=24, frames=len(levels)) as writer:
        for level in levels:
            writer.write(np.full((256, 320, 3), level, np.uint8))
    return path


def test_frames_are_taken_at_equal_intervals(tmp_path: Path) -> None:
    video = a_clip(tmp_path / "a.mp4", list(range(40, 200, 10)))
    write_contact_sheet(video, tmp_path / "sheet.png", columns=2, rows=2, width=646)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None
    assert sheet.shape == (2 * 251 + 18, 646, 3)
    middles = [int(sheet[y, x, 0]) for y in (100, 350) for x in (100, 420)]
    assert middles == pytest.approx([40, 90, 140, 190], abs=3)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.mp4", "sheet.png"]


def test_a_clip_shorter_than_the_sheet_fills_it(tmp_path: Path) -> None:
    write_contact_sheet(a_clip(tmp_path / "a.mp4", [80]), tmp_path / "sheet.jpg", columns=3, rows=1, width=600)
    assert cv2.imread(str(tmp_path / "sheet.jpg")) is not None


def test_a_file_that_is_not_a_video_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "a.mp4"
    broken.write_bytes(b"no video")
    with pytest.raises(InvalidError, match="No frames can be read"):
        write_contact_sheet(broken, tmp_path / "sheet.png")
    assert not (tmp_path / "sheet.png").exists()
