"""An exported project is imported as a second project with the same content hash."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from db.models.characters import Character
from db.models.jobs import ProductionJob
from db.models.rendering import Asset
from db.models.scenes import Scene
from db.models.schedule import ProductionSchedule
from db.models.versions import Branch, Commit
from tests.tower.archives.studio import Studio, list_files, read_rows
from tests.tower.archives.whole_project import insert_whole_project
from tower.archives.exporting import ExportResult, export_project
from tower.archives.importing import import_project
from tower.archives.tables import ARCHIVED_TABLES
from tower.errors import NotFoundError
from tower.jobs.spec import GenerationSpec
from tower.media.files import sha256_of
from tower.shots import cast as characters
from tower.storage.imported_files import local_paths
from tower.versions import fsck


def run_export(studio: Studio, project_id: int, target: Path) -> ExportResult:
    return export_project(studio.sessions, project_id, target, settings=studio.settings)


def run_import(studio: Studio, source: Path) -> int:
    return import_project(studio.sessions, source, settings=studio.settings).project_id


def fsck_messages(studio: Studio, project_id: int) -> list[str]:
    with studio.sessions() as session:
        return [finding.message for finding in fsck.check_project(session, project_id=project_id)]


def heads(studio: Studio, project_id: int) -> dict[str, tuple[str, str]]:
    """The commit and tree of each branch."""
    with studio.sessions() as session:
        heads_query = select(Branch.name, Commit.hash, Commit.tree_hash).join(Commit, Commit.id == Branch.head_id)
        project_heads = heads_query.where(Branch.project_id == project_id)
        return {name: (commit, tree) for name, commit, tree in session.execute(project_heads)}


@pytest.fixture
def project_id(studio: Studio) -> int:
    return insert_whole_project(studio)


@pytest.fixture
def archive(studio: Studio, project_id: int, tmp_path: Path) -> ExportResult:
    return run_export(studio, project_id, tmp_path / "neon.tower")


def test_the_whole_project_has_a_row_in_every_archived_table(archive: ExportResult) -> None:
    assert archive.manifest.rows.keys() == {table.member for table in ARCHIVED_TABLES}


@pytest.mark.parametrize("where", ["studio", "elsewhere"])
def test_an_imported_project_has_the_same_hash(
    studio: Studio, other_studio: Studio, archive: ExportResult, project_id: int, where: str
) -> None:
    target_studio = studio if where == "studio" else other_studio
    copy = run_import(target_studio, archive.path)
    assert copy != project_id
    second_export = run_export(target_studio, copy, target_studio.settings.data / "again.tower")
    assert second_export.manifest.content_hash == archive.manifest.content_hash
    assert heads(target_studio, copy) == heads(studio, project_id)
    assert fsck_messages(target_studio, copy) == []
    assert fsck_messages(studio, project_id) == []


def test_equal_states_give_equal_archives(
    studio: Studio, archive: ExportResult, project_id: int, tmp_path: Path
) -> None:
    second_export = run_export(studio, project_id, tmp_path / "other name.tower")
    assert sha256_of(second_export.path) == sha256_of(archive.path)


@pytest.mark.parametrize(
    "statement",
    [
        "update public.feedback set reason = 'other' where reason is not null",
        "update anime_api.anime_projects set description = 'other'",
        "update anime_api.production_jobs set seed = seed + 1",
        "update anime_api.scenes set status = 'final' where status = 'rendered'",
    ],
)
def test_another_state_gives_another_hash(
    studio: Studio, archive: ExportResult, project_id: int, tmp_path: Path, statement: str
) -> None:
    with studio.sessions.begin() as session:
        session.connection().exec_driver_sql(statement)
    other = run_export(studio, project_id, tmp_path / "other.tower")
    assert other.manifest.content_hash != archive.manifest.content_hash


def test_another_picture_at_the_same_path_gives_another_hash(
    studio: Studio, archive: ExportResult, project_id: int, tmp_path: Path
) -> None:
    studio.write_media("kai.png", b"black hair!")
    other = run_export(studio, project_id, tmp_path / "other.tower")
    assert other.manifest.content_hash != archive.manifest.content_hash


def test_files_are_stored_by_hash_and_rows_name_them(other_studio: Studio, archive: ExportResult) -> None:
    copy = run_import(other_studio, archive.path)
    assert all(len(Path(name).stem) == 64 for name in list_files(other_studio.settings.data))
    for asset in read_rows(other_studio, Asset, copy):
        path = Path(asset.path)
        assert path.is_relative_to(other_studio.settings.data)
        assert (sha256_of(path), path.stat().st_size) == (asset.sha256, asset.bytes)
    jobs = read_rows(other_studio, ProductionJob, copy)
    assert len(jobs) == 2
    for job in jobs:
        assert sha256_of(Path(str(job.output_path))) in str(job.output_path)
        assert (job.parameters["project_id"], job.run_settled, job.launch_after) == (copy, True, None)


def test_references_point_to_the_copy(
    studio: Studio, other_studio: Studio, archive: ExportResult, project_id: int
) -> None:
    copy = run_import(other_studio, archive.path)
    before, after = (
        {asset.id: asset for asset in read_rows(studio, Asset, owner_id) if "imported_as" not in asset.provenance}
        for owner_id in (project_id, copy)
    )
    assert before.keys().isdisjoint(after.keys())
    [joined] = [asset for asset in after.values() if "joined_from_assets" in asset.provenance]
    assert set(joined.provenance["joined_from_assets"]) < after.keys()
    assert joined.provenance["reused_from_asset"] in after
    accepted = [scene for scene in read_rows(other_studio, Scene, copy) if scene.accepted_asset_id]
    assert len(accepted) == 1
    assert accepted[0].accepted_asset_id in after
    assert accepted[0].video_path == after[accepted[0].accepted_asset_id].path
    assert joined.provenance["track_id"] is None
    job = next(job for job in read_rows(other_studio, ProductionJob, copy) if job.scene_id)
    assert (job.scene_id, job.commit_hash) == (accepted[0].id, "c" * 64)
    kai = {character.id for character in read_rows(other_studio, Character, copy)}
    assert job.steps.keys() == {"cast", "scene"}
    assert {job.steps["cast"]["character_id"], job.steps["cast"]["known"][0]["id"]} < kai
    schedule = read_rows(other_studio, ProductionSchedule, copy)[0]
    assert schedule.parameters == {"project_id": copy, "scene_id": accepted[0].id}


def test_content_keeps_its_paths_and_they_resolve_to_the_imported_files(
    studio: Studio, other_studio: Studio, archive: ExportResult, project_id: int
) -> None:
    copy = run_import(other_studio, archive.path)
    kai = next(
        character for character in read_rows(other_studio, Character, copy) if character.image_path.endswith("kai.png")
    )
    assert kai.image_path == str(studio.settings.media / "kai.png")
    with other_studio.sessions() as session:
        imported_path = local_paths(session, copy)[kai.image_path]
        assert kai.image_path not in local_paths(session, project_id)
    assert Path(imported_path).is_relative_to(other_studio.settings.media / "imports")
    assert Path(imported_path).read_bytes() == b"silver hair"


def test_a_file_that_exists_at_its_own_path_is_not_copied(studio: Studio, archive: ExportResult) -> None:
    before = list_files(studio.settings.data)
    copy = run_import(studio, archive.path)
    new = set(list_files(studio.settings.data)) - set(before)
    assert [Path(name).suffix for name in new] == [".mp3"]  # The track is not content, so it may be anywhere.
    assert [asset for asset in read_rows(studio, Asset, copy) if "imported_as" in asset.provenance] == []


def test_generating_from_the_copy_uses_the_imported_reference_picture(
    other_studio: Studio, archive: ExportResult
) -> None:
    copy = run_import(other_studio, archive.path)
    with other_studio.sessions() as session:
        cast = characters.look_up_cast(session, GenerationSpec(prompt="rain", character="Kai", project_id=copy))
    picture = cast.members[0].reference_image
    assert picture is not None
    assert Path(picture).is_relative_to(other_studio.settings.media)
    assert Path(picture).read_bytes() == b"silver hair"


def test_a_missing_file_is_reported_and_stays_missing(
    studio: Studio, other_studio: Studio, archive: ExportResult
) -> None:
    assert [warning for warning in archive.manifest.missing if "lost.png" in warning]
    copy = run_import(other_studio, archive.path)
    assert fsck_messages(other_studio, copy) == []


def test_a_damaged_or_missing_take_is_reported_and_the_rest_is_exported(
    studio: Studio, other_studio: Studio, project_id: int, tmp_path: Path
) -> None:
    first, second = read_rows(studio, Asset, project_id)
    Path(first.path).unlink()
    Path(second.path).write_bytes(bytes(second.bytes))
    half = run_export(studio, project_id, tmp_path / "half.tower")
    assert len([warning for warning in half.manifest.missing if "renders" in warning]) == 2
    copy = run_import(other_studio, half.path)
    assert run_export(other_studio, copy, tmp_path / "again.tower").manifest.content_hash == half.manifest.content_hash


def test_jobs_in_progress_are_not_in_progress_in_the_copy(other_studio: Studio, archive: ExportResult) -> None:
    copy = run_import(other_studio, archive.path)
    assert [row.state for row in read_rows(other_studio, ProductionSchedule, copy)] == ["planned", "cancelled"]


def test_an_archive_is_a_zip_without_dates_and_with_unchanged_media(archive: ExportResult) -> None:
    with zipfile.ZipFile(archive.path) as file:
        assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        media = [info for info in file.infolist() if info.filename.startswith("media/")]
        assert len(media) == 5
        assert {info.compress_type for info in media} == {zipfile.ZIP_STORED}
        manifest: dict[str, Any] = json.loads(file.read("manifest.json"))
    assert manifest["content_hash"] == archive.manifest.content_hash


def test_two_imports_make_two_projects_that_share_files(other_studio: Studio, archive: ExportResult) -> None:
    first = run_import(other_studio, archive.path)
    files = list_files(other_studio.settings.data)
    assert run_import(other_studio, archive.path) != first
    assert list_files(other_studio.settings.data) == files


def test_exporting_an_unknown_project_fails_and_writes_no_file(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        run_export(studio, 999_999, tmp_path / "none.tower")
    assert not list(tmp_path.glob("*none*"))


def test_an_interrupted_export_keeps_the_old_file_and_no_partial_one(
    studio: Studio, archive: ExportResult, project_id: int, tmp_path: Path
) -> None:
    before = sha256_of(archive.path)

    def interrupt(step: str, done: int, total: int) -> None:
        if step == "writing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_project(studio.sessions, project_id, archive.path, settings=studio.settings, progress=interrupt)
    assert sha256_of(archive.path) == before
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["neon.tower"]
