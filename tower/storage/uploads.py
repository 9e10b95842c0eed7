"""Store an uploaded picture or piece of music in the media folder, where other requests may name it."""

from __future__ import annotations

import shutil
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PureWindowsPath
from typing import IO

from tower.library.reading import read_facts
from tower.media.decode import MediaUnreadableError
from tower.media.files import sha256_of_open, write_atomically
from tower.media.pictures import read_picture
from tower.settings import Settings

FOLDER_NAME = "uploads"
MAX_STEM_LENGTH = 60  # characters
HASH_LENGTH = 12


class UploadKind(StrEnum):
    """What an uploaded file holds."""

    PICTURE = "picture"
    MUSIC = "music"


@dataclass(frozen=True)
class StoredUpload:
    """An uploaded file in the media folder. Sizes are in pixels; unknown values are None."""

    path: Path
    kind: UploadKind
    size_bytes: int
    sha256: str
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None


def store_upload(file: IO[bytes], name: str, *, settings: Settings) -> StoredUpload:
    """Store a file under its name and hash; the same file with the same name is stored once.

    Raises MediaUnreadableError for anything but a picture or music, and DiskFullError.
    """
    size_bytes, sha256 = file.seek(0, 2), sha256_of_open(file)
    shown = name[:MAX_STEM_LENGTH]
    picture = read_picture(file, shown)
    if picture is not None:
        path = _target(name, sha256, picture.suffix, settings)
        found = StoredUpload(path, UploadKind.PICTURE, size_bytes, sha256, picture.width, picture.height)
    else:
        suffix, duration_s = _read_music(file, shown, size_bytes)
        path = _target(name, sha256, suffix, settings)
        found = StoredUpload(path, UploadKind.MUSIC, size_bytes, sha256, duration_s=duration_s)
    file.seek(0)
    with write_atomically(path) as part, part.open("xb") as copy:
        shutil.copyfileobj(file, copy, 1 << 20)
    return found


def _read_music(file: IO[bytes], name: str, size_bytes: int) -> tuple[str, float]:
    """The suffix of the content, and its length in seconds."""
    file.seek(0)
    try:
        facts = read_facts(file, name, size_bytes)
    except MediaUnreadableError as error:
        raise MediaUnreadableError(
            f"{name} is neither a picture (PNG, JPEG, WebP) nor music that Tower reads: {error.message}"
        ) from error
    return f".{facts.kind}", facts.duration_s


def _target(name: str, sha256: str, suffix: str, settings: Settings) -> Path:
    return settings.media / FOLDER_NAME / f"{_safe_stem(name)}-{sha256[:HASH_LENGTH]}{suffix}"


def _safe_stem(name: str) -> str:
    """The stem of a foreign file name with letters, digits, `-` and `_` only."""
    stem = unicodedata.normalize("NFC", PureWindowsPath(name).stem)
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in stem)[:MAX_STEM_LENGTH] or "file"
