"""The files of an archive: unpacked to a temporary folder, checked, and published after everything else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tower.archives.format import SHA256_PATTERN, SUFFIX_PATTERN, ArchiveError, Member
from tower.archives.media_out import ProgressCallback
from tower.archives.reading import ArchiveReader
from tower.archives.transit import unpacking_folder
from tower.errors import InvalidError
from tower.media.files import DiskFullError, publish_copy, sha256_of, touch_if_present
from tower.media.roots import open_media, video_roots
from tower.settings import Settings
from tower.storage.imported_files import IMPORTS_FOLDER

SPARE_BYTES = 256 * 2**20  # left free on the disk


class MediaImporter:
    """Publishes the files of an archive. `folder` holds the unpacked files, each named by its sha256."""

    def __init__(self, settings: Settings, members: dict[str, Member], folder: Path) -> None:
        self._settings = settings
        self._members = members
        self._folder = folder
        self._targets: dict[Path, str] = {}
        self._named: set[str] = set()
        self.published: list[Path] = []

    def render_path(self, sha256: Any, suffix: Any) -> Path:
        """Return the future path of a take."""
        return self._target(self._settings.renders, sha256, suffix)

    def import_path(self, sha256: Any, suffix: Any) -> Path:
        """Return the future path of any other file."""
        return self._target(self._settings.media / IMPORTS_FOLDER, sha256, suffix)

    def find_member(self, sha256: str) -> Member | None:
        self._named.add(sha256)
        return self._members.get(sha256)

    def require_all_named(self) -> None:
        """Raise ArchiveError for a file that no row and no content refers to, once all of them are written."""
        if unnamed := sorted(self._members.keys() - self._named):
            raise ArchiveError(f"The archive holds the file {unnamed[0]}, to which nothing in it refers")

    def is_present(self, path: str, sha256: str) -> bool:
        """Whether this machine already has the file under the path that content refers to."""
        member = self._members.get(sha256)
        try:
            with open_media(path, roots=video_roots(self._settings)) as file:
                if member is None or os.fstat(file.fileno()).st_size != member.bytes:
                    return False
            return sha256_of(Path(path)) == sha256
        except (InvalidError, OSError):
            return False

    def check_path(self, path: str) -> None:
        """Raise ArchiveError for an existing file outside the media folders, which requests may not refer to either."""
        roots = [os.path.realpath(root) for root in video_roots(self._settings)]
        inside = any(os.path.realpath(path).startswith(f"{root}/") for root in roots) if "\0" not in path else False
        if not inside and ("\0" in path or os.path.lexists(path)):
            raise ArchiveError(
                f"The archive refers to the file {path[:200]!r} of this machine, which is outside of the media folders"
            )

    def publish_files(self) -> None:
        """Publish every file. Raises DiskFullError. `published` lists the new files, also after an error."""
        for target, sha256 in self._targets.items():
            member = self._members.get(sha256)
            if member is None:
                continue  # it was missing at the time of the export
            if touch_if_present(target) and target.stat().st_size == member.bytes and sha256_of(target) == sha256:
                continue
            self.published.append(target)
            os.utime(self._folder / sha256)  # it is published as a hard link, and unpacking may have taken hours
            publish_copy(self._folder / sha256, target)

    def _target(self, folder: Path, sha256: Any, suffix: Any) -> Path:
        match sha256, suffix:
            case str(), str() if SHA256_PATTERN.fullmatch(sha256) and SUFFIX_PATTERN.fullmatch(suffix):
                target: Path = folder / sha256[:2] / f"{sha256}{suffix}"
                self._targets[target] = sha256
                self._named.add(sha256)
                return target
        raise ArchiveError("The archive is damaged: a file has an invalid hash or suffix")


@contextmanager
def unpack_media(archive: ArchiveReader, settings: Settings, progress: ProgressCallback) -> Iterator[MediaImporter]:
    """Unpack and check all files of the archive. Files that were not published are deleted on exit.

    Raises ArchiveError, DiskFullError.
    """
    total, done = sum(member.bytes for member in archive.media), 0
    _require_room(settings, total)

    def report(size: int) -> None:
        nonlocal done
        done += size
        progress("unpacking", done, total)

    with unpacking_folder(settings) as folder:
        for member in archive.media:
            archive.extract(member, folder / member.sha256, progress=report)
        yield MediaImporter(settings, {member.sha256: member for member in archive.media}, folder)


def _require_room(settings: Settings, size: int) -> None:
    settings.renders.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.renders).free
    if size + SPARE_BYTES > free:
        raise DiskFullError(
            f"The archive holds {size} bytes of media, but {settings.renders} has only {free} bytes free"
        )
