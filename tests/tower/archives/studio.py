"""A database and a data folder with projects, and functions to inspect them."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from db.engine import SessionFactory
from db.models import METADATA
from tower.settings import Settings

ArchiveMembers = dict[str, bytes]


@dataclass(frozen=True)
class Studio:
    """A database and a data folder with projects in it."""

    sessions: SessionFactory
    settings: Settings

    def write_media(self, name: str, content: bytes) -> str:
        """Write a file of the user."""
        path = self.settings.media / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return str(path)

    def write_take(self, content: bytes) -> tuple[str, str]:
        """Write a take as Tower stores it; return path and sha256."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.settings.renders / sha256[:2] / f"{sha256}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return str(path), sha256

    def select_scalar(self, statement: str, **parameters: Any) -> Any:
        with self.sessions() as session:
            return session.scalar(text(statement), parameters)

    def count_rows(self, table: str, project_id: int) -> int:
        count: int = self.select_scalar(f"select count(*) from {table} where project_id = :id", id=project_id)
        return count


def read_rows(studio: Studio, model: type[Any], project_id: int) -> list[Any]:
    with studio.sessions() as session:
        return list(session.scalars(select(model).where(model.project_id == project_id).order_by(model.id)))


def count_all_rows(studio: Studio) -> dict[str, int]:
    """The number of rows of each table, to check that nothing changed."""
    with studio.sessions() as session:
        return {
            name: session.scalar(text(f"select count(*) from {name}")) or 0
            for name in METADATA.tables
            if session.scalar(text("select to_regclass(:name)"), {"name": name})
        }


def list_files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def read_members(archive: Path) -> ArchiveMembers:
    with zipfile.ZipFile(archive) as file:
        return {info.filename: file.read(info) for info in file.infolist()}
