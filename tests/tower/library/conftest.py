"""A library folder of real files, made with ffmpeg, and scans of it with a real database."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tower.library.ffmpeg import ffmpeg_path

Make = Callable[..., Path]


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Make a sound file with this extension, options and tags. A repeated request copies the first file."""
    folder = tmp_path_factory.mktemp("sounds")

    def make(target: Path, *options: str, seconds: float = 1, tone: str = "sine=440", **tags: str) -> Path:
        cached_file = (
            folder / f"{abs(hash((target.suffix, options, seconds, tone, tuple(tags.items()))))}{target.suffix}"
        )
        if not cached_file.exists():
            source = ["-f", "lavfi", "-i", f"{tone}:duration={seconds}" if "duration" not in tone else tone]
            tag_options = [part for name, text in tags.items() for part in ("-metadata", f"{name}={text}")]
            subprocess.run(
                [ffmpeg_path(), "-v", "error", "-y", *source, *tag_options, *options, str(cached_file)], check=True
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(cached_file, target)
        return target

    return make


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    return folder.resolve()
