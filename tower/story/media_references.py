"""Check the files that edits refer to: they must be under the media roots, and pictures or videos."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from tower.errors import InvalidError
from tower.media.decode import MediaUnreadableError, require_video
from tower.media.pictures import EXPECTED_PICTURE, is_picture
from tower.media.roots import media_roots, open_media, resolve_media_path, video_roots
from tower.settings import Settings
from tower.versions.editing import EntityEdit
from tower.versions.merge.branches import Strategy

ALLOWED_ROOTS: Mapping[str, Callable[[Settings], Sequence[Path]]] = {
    "image_path": media_roots,
    "video_path": video_roots,
}


def resolve_files(fields: Mapping[str, Any], settings: Settings, *, path: str = "") -> dict[str, Any]:
    """Return the fields with file paths resolved.

    Raises InvalidError for a file outside the media roots, or one that is no picture or video.

    `path` is the prefix of the field name in the error.
    """
    return {name: _resolve_value(name, value, settings, f"{path}{name}") for name, value in fields.items()}


def resolve_files_in_edits(edits: Sequence[EntityEdit], settings: Settings) -> list[EntityEdit]:
    return [
        replace(edit, fields=resolve_files(edit.fields, settings, path=f"{edit.kind}/")) if edit.fields else edit
        for edit in edits
    ]


def resolve_files_in_resolutions(resolutions: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Resolve files in the resolutions of a merge, which map `kind/name` or `kind/name/field` to values."""
    return {path: _resolve_resolution(path, value, settings) for path, value in resolutions.items()}


def _resolve_resolution(path: str, value: Any, settings: Settings) -> Any:
    parts = path.split("/")
    if len(parts) == 3 and value not in list(Strategy):
        return _resolve_value(parts[2], value, settings, path)
    if len(parts) == 2 and isinstance(value, Mapping):
        return resolve_files(value, settings, path=f"{path}/")
    return value


def _resolve_value(name: str, value: Any, settings: Settings, path: str) -> Any:
    if name not in ALLOWED_ROOTS or not isinstance(value, str):
        return value
    roots = ALLOWED_ROOTS[name](settings)
    resolved = resolve_media_path(value, roots=roots, field=path)
    with open_media(resolved, roots=roots, field=path) as file:
        _require_content(name, file, resolved, path)
    return str(resolved)


def _require_content(name: str, file: IO[bytes], resolved: Path, path: str) -> None:
    """Raise InvalidError unless the file holds what the field names."""
    if name == "image_path" and not is_picture(file):
        raise InvalidError.field(path, str(resolved), EXPECTED_PICTURE)
    if name == "video_path":
        try:
            require_video(file, resolved.name)
        except MediaUnreadableError as error:
            raise InvalidError.field(path, str(resolved), f"a video: {error.message}") from error
