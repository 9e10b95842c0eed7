"""Map the file paths in the content of an imported project to the files on this machine.

The hash of a commit covers the paths in its content, so an import does not rewrite them. Instead, the provenance of an
asset (`imported_as`) holds the original path of its file. Code that reads a file named by content maps its path here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, object_session

from db.models.characters import Character
from db.models.rendering import Asset

IMPORTED_AS_KEY = "imported_as"  # key in an asset's provenance
IMPORTS_FOLDER = "imports"  # under <data>/media
_CACHE_KEY = (
    "tower.storage.imported_files"  # key in a session's info: local paths by project, cached while the session lives
)


def reference_image_path(character: Character) -> str | None:
    """Return the path of the character's reference image on this machine."""
    path, session = character.image_path, object_session(character)
    if path is None or session is None:
        return path
    paths: dict[int, Mapping[str, str]] = session.info.setdefault(_CACHE_KEY, {})
    if character.project_id not in paths:
        paths[character.project_id] = local_paths(session, character.project_id)
    return paths[character.project_id].get(path, path)


def local_paths(session: Session, project_id: int) -> Mapping[str, str]:
    """Return the paths on this machine of all files that were imported with the project, by their original path."""
    query = select(_original_path(), Asset.path).where(*_is_imported(project_id)).order_by(Asset.id)
    return dict(session.execute(query).all())


def _is_imported(project_id: int) -> tuple[ColumnElement[bool], ...]:
    return (Asset.project_id == project_id, Asset.job_id.is_(None), _original_path().is_not(None))


def _original_path() -> Any:
    return Asset.provenance[IMPORTED_AS_KEY].astext
