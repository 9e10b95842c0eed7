"""The files that are listed and found."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.models.projects import Project
from db.models.rendering import Asset, AssetKind
from tower.errors import NotFoundError
from tower.pages import PageRequest
from tower.storage import assets
from tower.storage.assets import AssetFilter
from tower.story import projects


def project(session: Session) -> Project:
    return projects.create_project(session, {"name": "One"}, {})


def asset(session: Session, **columns: Any) -> Asset:
    values = {"kind": AssetKind.VIDEO, "path": "/x.mp4", "sha256": "0" * 64, "bytes": 1, "probe": {}, **columns}
    row = Asset(**values)
    row.provenance = {}
    session.add(row)
    session.flush()
    return row


def list_ids(session: Session, page_request: PageRequest | None = None, **only: Any) -> list[int]:
    return [
        row.id for row in assets.list_assets(session, page_request or PageRequest(), where=AssetFilter(**only)).rows
    ]


def test_files_are_listed_newest_first_in_pages(session: Session) -> None:
    project_id = project(session).id
    ids = [asset(session, project_id=project_id).id for _ in range(5)]
    first = assets.list_assets(session, PageRequest(limit=2), where=AssetFilter(project_id=project_id))
    assert [row.id for row in first.rows] == ids[:2:-1]
    assert list_ids(session, PageRequest(cursor=first.next_cursor), project_id=project_id) == ids[2::-1]


def test_filters_combine(session: Session) -> None:
    project_id = project(session).id
    shot = asset(session, project_id=project_id, sha256="a" * 64).id
    other = next(kind for kind in AssetKind if kind != AssetKind.VIDEO)
    asset(session, project_id=project_id, sha256="a" * 64, kind=other)
    asset(session, sha256="a" * 64)
    assert list_ids(session, project_id=project_id, sha256="a" * 64, kind=AssetKind.VIDEO) == [shot]
    assert len(list_ids(session, sha256="a" * 64)) == 3


def test_a_file_without_a_project_is_listed_and_one_of_a_deleted_project_is_not(session: Session) -> None:
    binned = project(session)
    loose, hidden = asset(session, sha256="b" * 64), asset(session, project_id=binned.id, sha256="b" * 64)
    projects.delete_project(session, binned.id)
    assert assets.find_asset(session, loose.id).id == loose.id
    assert list_ids(session, sha256="b" * 64) == [loose.id]
    for missing_id in (hidden.id, 2**40):
        with pytest.raises(NotFoundError):
            assets.find_asset(session, missing_id)
    with pytest.raises(NotFoundError):
        list_ids(session, project_id=binned.id)
