"""Files in the library: written under a name that scanners ignore, then renamed, and readable by the server's user."""

from __future__ import annotations

import io
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from tower.errors import InvalidError
from tower.media.files import write_atomically

FILE_MODE, FOLDER_MODE = 0o644, 0o755
STEP_S = 2  # the coarsest clock of a file system, FAT's
JPEG_QUALITY = 92


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, which everyone may read whatever the umask is."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with suppress(FileExistsError):  # another publication was faster
        folder.mkdir()
    folder.chmod(FOLDER_MODE)


@contextmanager
def place_file(target: Path, *, modified_at: datetime | None = None) -> Iterator[Path]:
    """Yield a temporary path in the folder of `target`, which is renamed to it on exit."""
    make_folder(target.parent)
    with write_atomically(target) as part:
        yield part
        part.chmod(FILE_MODE)
        if modified_at is not None:
            os.utime(part, (modified_at.timestamp(), modified_at.timestamp()))


def place_bytes(target: Path, content: bytes) -> bool:
    """Write a small file unless it already has this content. Returns whether it was written."""
    with suppress(FileNotFoundError):
        if target.read_bytes() == content:
            return False
    with place_file(target) as part:
        part.write_bytes(content)
    return True


def next_modified_at(*earlier: datetime | None, now: float | None = None) -> datetime:
    """A date for a file that is later than all earlier ones of its name, even if the clock was set back.

    Jellyfin does not look again at a file of the same name and date.
    """
    newest = max((math.ceil(one.timestamp()) + STEP_S for one in earlier if one is not None), default=0)
    seconds = max(int(time.time() if now is None else now), newest)
    return datetime.fromtimestamp(seconds, UTC)


def modified_at(path: Path) -> datetime | None:
    """The date of a file; None if it does not exist."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def remove_partial_files(folder: Path, stem: str) -> None:
    """Remove what a killed publication of this episode left under temporary names."""
    if folder.is_dir():
        for part in folder.iterdir():
            if part.name.startswith(f".{stem}") and ".part" in part.name:
                part.unlink(missing_ok=True)


def remove_if_empty(folder: Path) -> None:
    with suppress(OSError):  # it is not empty, or does not exist
        folder.rmdir()


def as_jpeg(picture: Path, field: str) -> bytes:
    """The picture as JPEG, so that its name never changes. Raises InvalidError."""
    try:
        with Image.open(picture) as image:
            written = io.BytesIO()
            image.convert("RGB").save(written, "JPEG", quality=JPEG_QUALITY)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise InvalidError.field(field, str(picture), "a picture that can be read") from error
    return written.getvalue()
