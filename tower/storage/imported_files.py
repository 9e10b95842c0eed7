"""Files that came with an imported project: content goes on naming them as where it came from did.

A commit's hash is over the paths in it, so they are not rewritten. An asset of the project says in its provenance
(`imported_as`) which path its file stands for; whoever reads a file that content names asks here first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, object_session

from db.models.characters import Character
from db.models.rendering import Asset

IMPORTED_AS = "imported_as"  # in an asset's provenance
FOLDER = "imports"  # under <data>/media
_KNOWN = "tower.storage.imported_files"  # in a session's info: by project, for as long as the session lives


def image_of(character: Character) -> str | None:
    """Where the character's reference image lies on this machine."""
    path, session = character.image_path, object_session(character)
    if path is None or session is None:
        return path
    known: dict[int, Mapping[str, str]] = session.info.setdefault(_KNOWN, {})
    if character.project_id not in known:
        known[character.project_id] = local_paths(session, character.project_id)
    return known[character.project_id].get(path, path)


def local_paths(session: Session, project_id: int) -> Mapping[str, str]:
    """Where the files that the project brought along are on this machine, by the paths that its content names."""
    mine = select(_said(), Asset.path).where(*_imported(project_id)).order_by(Asset.id)
    return dict(session.execute(mine).all())


def _imported(project_id: int) -> tuple[ColumnElement[bool], ...]:
    return (Asset.project_id == project_id, Asset.job_id.is_(None), _said().is_not(None))


def _said() -> Any:
    return Asset.provenance[IMPORTED_AS].astext
