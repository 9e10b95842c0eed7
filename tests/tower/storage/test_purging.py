"""Purging removes the rows and files of long-deleted projects, and nothing else."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update

from db.engine import SessionFactory
from db.models import METADATA
from db.models.echo import EchoOrchestrationLog
from db.models.jobs import GenerationRequest, JobStatus, ProductionJob
from db.models.projects import Project
from db.models.rendering import Asset
from db.models.scenes import Scene
from tests.tower.archives.produced import insert_take
from tests.tower.archives.studio import Studio, count_all_rows, list_files, read_rows
from tests.tower.archives.whole_project import insert_whole_project
from tests.tower.publishing.films import EPISODE, make_film, write_film
from tower.errors import NotFoundError
from tower.media.files import touch_if_present
from tower.publishing.marking import copy_unmarked
from tower.publishing.provenance import Provenance
from tower.publishing.publisher import Publisher
from tower.rendering.takes import share_take
from tower.settings import Settings
from tower.storage.garbage import QUARANTINE_FOLDER, collect_garbage
from tower.storage.imported_files import IMPORTS_FOLDER
from tower.storage.purging import PublishedFilm, purge_projects
from tower.story import projects

LONG_AGO = timedelta(days=31)


@pytest.fixture
def studio(sessions: SessionFactory, tmp_path: Path) -> Studio:
    return Studio(sessions, Settings(data_dir=tmp_path / "home"))


@pytest.fixture
def project_id(studio: Studio) -> int:
    return insert_whole_project(studio)


def delete(studio: Studio, project_id: int, *, ago: timedelta = LONG_AGO) -> None:
    with studio.sessions.begin() as session:
        projects.delete_project(session, project_id).deleted_at = datetime.now(UTC) - ago


def set_age(studio: Studio, *, hours: float = 48) -> None:
    """Set the age of every file."""
    then = time.time() - hours * 3600
    for name in list_files(studio.settings.data):
        os.utime(studio.settings.data / name, (then, then))


def count_project_rows(studio: Studio, project_id: int) -> dict[str, int]:
    """The number of rows of each table that belong to the project."""
    named = [name for name, table in METADATA.tables.items() if "project_id" in table.columns]
    counts = {name: studio.count_rows(name, project_id) for name in named}
    return {name: count for name, count in counts.items() if count}


def write_orphan(studio: Studio, content: bytes = b"nobody's") -> Path:
    path = Path(studio.write_take(content)[0])
    os.utime(path, (1, 1))
    return path


def test_all_rows_and_files_of_the_project_are_removed(studio: Studio, project_id: int) -> None:
    with studio.sessions.begin() as session:
        job_id = read_rows(studio, ProductionJob, project_id)[0].id
        log = EchoOrchestrationLog(asked="a scene", planner="rules", project_id=project_id)
        session.add(log)
        body: dict[str, Any] = {"endpoint": "x", "body_sha256": "0", "body": {}, "request_id": "r", "answer": {}}
        session.add(GenerationRequest(**body, job_id=job_id, status_code=202))
    delete(studio, project_id)
    set_age(studio)
    files = list_files(studio.settings.data)
    done = purge_projects(studio.sessions, studio.settings)
    assert [(project.id, project.name, project.jobs, project.assets) for project in done.projects] == [
        (project_id, "Neon rain", 2, 2)
    ]
    assert count_project_rows(studio, project_id) == {}
    remaining = {name: count for name, count in count_all_rows(studio).items() if count}
    assert remaining.keys() == {"anime_api.style_templates", "public.cultural_elements"}  # The built-in rows.
    assert done.files == 2
    removed = set(files) - set(list_files(studio.settings.data))
    assert len(removed) == 2
    assert all(name.startswith("renders/") for name in removed)
    assert done.bytes == len(b"the first take" * 1000) + len(b"the second take" * 1000)


def test_the_users_own_media_are_kept(studio: Studio, project_id: int) -> None:
    media_files = list_files(studio.settings.media)
    assert media_files
    delete(studio, project_id)
    set_age(studio)
    purge_projects(studio.sessions, studio.settings)
    assert list_files(studio.settings.media) == media_files


def test_a_recently_deleted_project_is_kept_and_can_be_restored(studio: Studio, project_id: int) -> None:
    delete(studio, project_id, ago=timedelta(days=29))
    rows = count_all_rows(studio)
    assert purge_projects(studio.sessions, studio.settings).projects == ()
    assert count_all_rows(studio) == rows
    with studio.sessions.begin() as session:
        assert projects.restore_project(session, project_id).deleted_at is None


def test_a_project_that_was_not_deleted_is_kept(studio: Studio, project_id: int) -> None:
    set_age(studio)
    done = purge_projects(studio.sessions, studio.settings, older_than=timedelta(0))
    assert (done.projects, done.files) == ((), 0)


def test_a_purged_project_cannot_be_restored(studio: Studio, project_id: int) -> None:
    delete(studio, project_id)
    purge_projects(studio.sessions, studio.settings)
    with studio.sessions.begin() as session, pytest.raises(NotFoundError, match="could be restored"):
        projects.restore_project(session, project_id)


def test_films_in_the_library_stay_and_are_listed(studio: Studio, project_id: int, tmp_path: Path) -> None:
    library, renders = studio.settings.library, studio.settings.renders
    publisher = Publisher(studio.sessions, library=library, renders=renders, mark=copy_unmarked)
    film = make_film(write_film(tmp_path / "film.mp4"), provenance=Provenance(project_id))
    row = publisher.publish(film)
    delete(studio, project_id)
    set_age(studio)
    for dry_run in (True, False):
        (purged,) = purge_projects(studio.sessions, studio.settings, dry_run=dry_run).projects
        assert purged.published_films == (PublishedFilm(str(EPISODE), row.path),)
    assert (Path(row.path).is_file(), Path(row.master_path).is_file()) == (True, True)
    publisher.unpublish(film.ref)
    assert not Path(row.path).exists()


def test_a_second_purge_changes_nothing(studio: Studio, project_id: int) -> None:
    delete(studio, project_id)
    set_age(studio)
    purge_projects(studio.sessions, studio.settings)
    rows, files = count_all_rows(studio), list_files(studio.settings.data)
    second_purge = purge_projects(studio.sessions, studio.settings)
    assert (second_purge.projects, second_purge.files) == ((), 0)
    assert (count_all_rows(studio), list_files(studio.settings.data)) == (rows, files)


def test_a_dry_run_reports_the_same_and_changes_nothing(studio: Studio, project_id: int) -> None:
    delete(studio, project_id)
    set_age(studio)
    rows, files = count_all_rows(studio), list_files(studio.settings.data)
    dry_run = purge_projects(studio.sessions, studio.settings, dry_run=True)
    assert (count_all_rows(studio), list_files(studio.settings.data)) == (rows, files)
    assert purge_projects(studio.sessions, studio.settings) == dry_run
    assert dry_run.files == 2


def test_a_project_with_running_jobs_is_not_purged_yet(studio: Studio, project_id: int) -> None:
    with studio.sessions.begin() as session:
        first = read_rows(studio, ProductionJob, project_id)[0]
        session.execute(update(ProductionJob).where(ProductionJob.id == first.id).values(status=JobStatus.PROCESSING))
    delete(studio, project_id)
    done = purge_projects(studio.sessions, studio.settings)
    assert done.projects == ()
    assert "1 running generations" in done.kept[0]
    assert studio.count_rows("anime_api.scenes", project_id)


def test_a_file_shared_with_another_project_is_kept(studio: Studio, project_id: int) -> None:
    with studio.sessions.begin() as session:
        other = projects.create_project(session, {"name": "Other"}, {}).id
        other_take = insert_take(studio, session, other, b"theirs")
        own_take = read_rows(studio, Asset, project_id)[0]
        assert other_take.job_id is not None
        same = share_take(session, own_take, job_id=other_take.job_id)
        same_id, path = same.id, Path(same.path)
    delete(studio, project_id)
    set_age(studio)
    assert purge_projects(studio.sessions, studio.settings).files == 1
    assert path.exists()
    with studio.sessions() as session:
        assert session.get_one(Asset, same_id).project_id == other


def test_a_take_accepted_by_another_project_is_kept(studio: Studio, project_id: int) -> None:
    take = read_rows(studio, Asset, project_id)[0]
    other = insert_whole_project(studio, name="Other")
    with studio.sessions.begin() as session:
        session.execute(
            update(Scene)
            .where(Scene.project_id == other, Scene.scene_number == 2)
            .values(accepted_asset_id=take.id, accepted_fingerprint="e" * 64, video_path=take.path)
        )
    delete(studio, project_id)
    set_age(studio)
    purge_projects(studio.sessions, studio.settings)
    with studio.sessions() as session:
        asset = session.get_one(Asset, take.id)
        assert (asset.project_id, asset.job_id) == (None, None)
        scenes = session.scalars(select(Scene.accepted_asset_id).where(Scene.project_id == other)).all()
    assert take.id in scenes
    assert Path(take.path).exists()


def test_a_take_named_only_by_a_past_commit_is_kept(studio: Studio) -> None:
    """A scene may show a take as its own video; then its path is content."""
    path = write_orphan(studio)
    with studio.sessions.begin() as session:
        project = projects.create_project(session, {"name": "Past"}, {})
        content = '{"fields":{"video_path":"' + str(path) + '"},"kind":"scenes"}'
        session.execute(
            text(
                "insert into anime_api.version_objects (project_id, hash, kind, content)"
                " values (:id, :hash, 'entity', convert_to(:content, 'UTF8'))"
            ),
            {"id": project.id, "hash": "a" * 64, "content": content},
        )
    assert collect_garbage(studio.sessions, studio.settings).files == 0
    assert path.exists()


def test_files_left_by_a_crash_after_the_rows_were_deleted_are_removed(studio: Studio, project_id: int) -> None:
    path = write_orphan(studio)
    imported = studio.settings.media / IMPORTS_FOLDER / path.parent.name / f"{path.stem}.png"
    imported.parent.mkdir(parents=True)
    imported.write_bytes(b"old")
    os.utime(imported, (1, 1))
    quarantined = studio.settings.renders / QUARANTINE_FOLDER / ("b" * 64 + ".mp4")
    quarantined.parent.mkdir()
    quarantined.write_bytes(b"put aside by a sweep that died")
    os.utime(quarantined, (1, 1))
    assert collect_garbage(studio.sessions, studio.settings).files == 3
    assert not any(file.exists() for file in (path, imported, quarantined))
    assert len(list_files(studio.settings.renders)) == 2  # The takes of the project.


def test_a_clip_that_is_being_stored_is_never_removed(studio: Studio) -> None:
    path = write_orphan(studio)
    assert touch_if_present(path)  # `store_take` touches the file before it commits the row.
    assert collect_garbage(studio.sessions, studio.settings).files == 0
    assert path.exists()


def test_a_file_quarantined_by_a_crashed_purge_is_restored_if_a_row_names_it(studio: Studio, project_id: int) -> None:
    take = Path(read_rows(studio, Asset, project_id)[0].path)
    quarantined = studio.settings.renders / QUARANTINE_FOLDER / take.name
    quarantined.parent.mkdir()
    take.rename(quarantined)
    os.utime(quarantined, (1, 1))
    assert collect_garbage(studio.sessions, studio.settings).files == 0
    assert take.exists()
    assert not quarantined.exists()


@pytest.mark.parametrize(
    "name",
    ["notes.txt", "ab/notes.mp4", "ab/" + "c" * 64 + ".mp4", "deep/ab/" + "a" * 64 + ".mp4", "c" * 64 + ".mp4"],
)
def test_files_with_foreign_names_are_kept(studio: Studio, name: str) -> None:
    path = studio.settings.renders / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"somebody's")
    os.utime(path, (1, 1))
    collect_garbage(studio.sessions, studio.settings)
    assert path.exists()


def test_links_are_not_followed(studio: Studio, tmp_path: Path) -> None:
    outside = tmp_path / "outside" / ("ab" + "0" * 62 + ".mp4")
    outside.parent.mkdir()
    outside.write_bytes(b"elsewhere")
    os.utime(outside, (1, 1))
    studio.settings.renders.mkdir(parents=True)
    (studio.settings.renders / "ab").symlink_to(outside.parent)
    collect_garbage(studio.sessions, studio.settings)
    assert outside.exists()


def test_partial_files_of_a_crashed_process_are_removed_after_a_day(studio: Studio) -> None:
    half = studio.settings.renders / "ab" / ("." + "ab" + "0" * 62 + "." + "1" * 32 + ".part.mp4")
    partial = studio.settings.renders / ".partial" / "segment-7.mp4"
    unpacked = studio.settings.renders / ".partial" / "import-1" / "0"
    for path in (half, partial, unpacked):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    assert collect_garbage(studio.sessions, studio.settings).files == 0
    for path in (half, partial, unpacked, unpacked.parent):
        os.utime(path, (1, 1))
    collect_garbage(studio.sessions, studio.settings)
    assert list_files(studio.settings.renders) == []


def test_a_project_that_is_being_restored_is_not_purged(studio: Studio, project_id: int) -> None:
    delete(studio, project_id)
    with studio.sessions.begin() as restoring:
        restoring.get_one(Project, project_id, with_for_update={"key_share": True}).deleted_at = None
        restoring.flush()
        assert purge_projects(studio.sessions, studio.settings).projects == ()
    assert studio.count_rows("anime_api.scenes", project_id)


def test_a_file_stored_again_during_a_sweep_is_not_lost(studio: Studio, project_id: int) -> None:
    """Many sweeps run while the same clip is stored again and again. Its row never names a missing file."""
    path = Path(studio.write_take(b"again and again")[0])
    for _ in range(30):
        if path.exists():
            os.utime(path, (1, 1))
        _store_beside(lambda: collect_garbage(studio.sessions, studio.settings), studio, path)
        assert path.exists()
        with studio.sessions.begin() as session:
            session.execute(text("delete from public.assets where path = :path"), {"path": str(path)})


def _store_beside(sweeping: Callable[[], object], studio: Studio, path: Path) -> None:
    """Touch the file or write it again, then insert the row, as `store_take` does."""
    with ThreadPoolExecutor(1) as pool:
        swept = pool.submit(sweeping)
        with studio.sessions.begin() as session:
            if not touch_if_present(path):
                studio.write_take(b"again and again")
            fields = {"kind": "video", "sha256": path.stem, "bytes": 15, "probe": {}, "provenance": {}}
            session.add(Asset(path=str(path), **fields))
        swept.result()
