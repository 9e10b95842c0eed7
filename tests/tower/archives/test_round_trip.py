"""A project goes out as a file and comes back as another project that is the same by hash."""

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


def out(studio: Studio, project_id: int, target: Path) -> ExportResult:
    return export_project(studio.sessions, project_id, target, settings=studio.settings)


def back(studio: Studio, source: Path) -> int:
    return import_project(studio.sessions, source, settings=studio.settings).project_id


def findings(studio: Studio, project_id: int) -> list[str]:
    with studio.sessions() as session:
        return [one.message for one in fsck.check_project(session, project_id=project_id)]


def heads(studio: Studio, project_id: int) -> dict[str, tuple[str, str]]:
    """Commit and tree of each branch."""
    with studio.sessions() as session:
        wanted = select(Branch.name, Commit.hash, Commit.tree_hash).join(Commit, Commit.id == Branch.head_id)
        mine = wanted.where(Branch.project_id == project_id)
        return {name: (commit, tree) for name, commit, tree in session.execute(mine)}


@pytest.fixture
def project_id(studio: Studio) -> int:
    return insert_whole_project(studio)


@pytest.fixture
def archive(studio: Studio, project_id: int, tmp_path: Path) -> ExportResult:
    return out(studio, project_id, tmp_path / "neon.tower")


def test_the_project_of_these_tests_has_a_row_in_every_table(archive: ExportResult) -> None:
    assert archive.manifest.rows.keys() == {one.member for one in ARCHIVED_TABLES}


@pytest.mark.parametrize("where", ["studio", "elsewhere"])
def test_it_comes_back_the_same_by_hash(
    studio: Studio, elsewhere: Studio, archive: ExportResult, project_id: int, where: str
) -> None:
    there = studio if where == "studio" else elsewhere
    copy = back(there, archive.path)
    assert copy != project_id
    again = out(there, copy, there.settings.data / "again.tower")
    assert again.manifest.content_hash == archive.manifest.content_hash
    assert heads(there, copy) == heads(studio, project_id)
    assert findings(there, copy) == []
    assert findings(studio, project_id) == []


def test_the_same_state_makes_the_same_bytes(
    studio: Studio, archive: ExportResult, project_id: int, tmp_path: Path
) -> None:
    again = out(studio, project_id, tmp_path / "other name.tower")
    assert sha256_of(again.path) == sha256_of(archive.path)


@pytest.mark.parametrize(
    "statement",
    [
        "update public.feedback set reason = 'other' where reason is not null",
        "update anime_api.anime_projects set description = 'other'",
        "update anime_api.production_jobs set seed = seed + 1",
        "update anime_api.scenes set status = 'final' where status = 'rendered'",
    ],
)
def test_another_state_has_another_hash(
    studio: Studio, archive: ExportResult, project_id: int, tmp_path: Path, statement: str
) -> None:
    with studio.sessions.begin() as session:
        session.connection().exec_driver_sql(statement)
    other = out(studio, project_id, tmp_path / "other.tower")
    assert other.manifest.content_hash != archive.manifest.content_hash


def test_another_picture_under_the_same_path_has_another_hash(
    studio: Studio, archive: ExportResult, project_id: int, tmp_path: Path
) -> None:
    studio.write_media("kai.png", b"black hair!")
    other = out(studio, project_id, tmp_path / "other.tower")
    assert other.manifest.content_hash != archive.manifest.content_hash


def test_files_land_by_their_content_and_rows_name_them(elsewhere: Studio, archive: ExportResult) -> None:
    copy = back(elsewhere, archive.path)
    assert all(len(Path(name).stem) == 64 for name in list_files(elsewhere.settings.data))
    for asset in read_rows(elsewhere, Asset, copy):
        path = Path(asset.path)
        assert path.is_relative_to(elsewhere.settings.data)
        assert (sha256_of(path), path.stat().st_size) == (asset.sha256, asset.bytes)
    jobs = read_rows(elsewhere, ProductionJob, copy)
    assert len(jobs) == 2
    for job in jobs:
        assert sha256_of(Path(str(job.output_path))) in str(job.output_path)
        assert (job.parameters["project_id"], job.run_settled, job.launch_after) == (copy, True, None)


def test_references_lead_to_the_copy(studio: Studio, elsewhere: Studio, archive: ExportResult, project_id: int) -> None:
    copy = back(elsewhere, archive.path)
    before, after = (
        {asset.id: asset for asset in read_rows(studio, Asset, one) if "imported_as" not in asset.provenance}
        for one in (project_id, copy)
    )
    assert before.keys().isdisjoint(after.keys())
    [joined] = [asset for asset in after.values() if "joined_from_assets" in asset.provenance]
    assert set(joined.provenance["joined_from_assets"]) < after.keys()
    assert joined.provenance["reused_from_asset"] in after
    accepted = [scene for scene in read_rows(elsewhere, Scene, copy) if scene.accepted_asset_id]
    assert len(accepted) == 1
    assert accepted[0].accepted_asset_id in after
    assert accepted[0].video_path == after[accepted[0].accepted_asset_id].path
    assert joined.provenance["track_id"] is None
    job = next(job for job in read_rows(elsewhere, ProductionJob, copy) if job.scene_id)
    assert (job.scene_id, job.commit_hash) == (accepted[0].id, "c" * 64)
    kai = {one.id for one in read_rows(elsewhere, Character, copy)}
    assert job.steps.keys() == {"cast", "scene"}
    assert {job.steps["cast"]["character_id"], job.steps["cast"]["known"][0]["id"]} < kai
    planned = read_rows(elsewhere, ProductionSchedule, copy)[0]
    assert planned.parameters == {"project_id": copy, "scene_id": accepted[0].id}


def test_content_keeps_its_paths_and_they_are_found_where_they_are_now(
    studio: Studio, elsewhere: Studio, archive: ExportResult, project_id: int
) -> None:
    copy = back(elsewhere, archive.path)
    kai = next(one for one in read_rows(elsewhere, Character, copy) if one.image_path.endswith("kai.png"))
    assert kai.image_path == str(studio.settings.media / "kai.png")
    with elsewhere.sessions() as session:
        here = local_paths(session, copy)[kai.image_path]
        assert kai.image_path not in local_paths(session, project_id)
    assert Path(here).is_relative_to(elsewhere.settings.media / "imports")
    assert Path(here).read_bytes() == b"silver hair"


def test_a_file_that_is_here_under_its_very_path_is_not_copied(studio: Studio, archive: ExportResult) -> None:
    before = list_files(studio.settings.data)
    copy = back(studio, archive.path)
    new = set(list_files(studio.settings.data)) - set(before)
    assert [Path(name).suffix for name in new] == [".mp3"]  # the track is no content: it may lie anywhere
    assert [asset for asset in read_rows(studio, Asset, copy) if "imported_as" in asset.provenance] == []


def test_a_generation_of_the_copy_draws_the_character_from_the_picture_that_came_along(
    elsewhere: Studio, archive: ExportResult
) -> None:
    copy = back(elsewhere, archive.path)
    with elsewhere.sessions() as session:
        cast = characters.look_up_cast(session, GenerationSpec(prompt="rain", character="Kai", project_id=copy))
    picture = cast.members[0].reference_image
    assert picture is not None
    assert Path(picture).is_relative_to(elsewhere.settings.media)
    assert Path(picture).read_bytes() == b"silver hair"


def test_what_was_missing_is_said_and_stays_missing(studio: Studio, elsewhere: Studio, archive: ExportResult) -> None:
    assert [said for said in archive.manifest.missing if "lost.png" in said]
    copy = back(elsewhere, archive.path)
    assert findings(elsewhere, copy) == []


def test_a_take_that_is_damaged_or_gone_is_said_and_the_rest_is_exported(
    studio: Studio, elsewhere: Studio, project_id: int, tmp_path: Path
) -> None:
    first, second = read_rows(studio, Asset, project_id)
    Path(first.path).unlink()
    Path(second.path).write_bytes(bytes(second.bytes))
    half = out(studio, project_id, tmp_path / "half.tower")
    assert len([said for said in half.manifest.missing if "renders" in said]) == 2
    copy = back(elsewhere, half.path)
    assert out(elsewhere, copy, tmp_path / "again.tower").manifest.content_hash == half.manifest.content_hash


def test_what_is_under_way_here_is_not_under_way_in_the_copy(elsewhere: Studio, archive: ExportResult) -> None:
    copy = back(elsewhere, archive.path)
    assert [row.state for row in read_rows(elsewhere, ProductionSchedule, copy)] == ["planned", "cancelled"]


def test_an_archive_is_a_zip_with_no_dates_and_media_as_they_are(archive: ExportResult) -> None:
    with zipfile.ZipFile(archive.path) as file:
        assert {info.date_time for info in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        media = [info for info in file.infolist() if info.filename.startswith("media/")]
        assert len(media) == 5
        assert {info.compress_type for info in media} == {zipfile.ZIP_STORED}
        said: dict[str, Any] = json.loads(file.read("manifest.json"))
    assert said["content_hash"] == archive.manifest.content_hash


def test_two_imports_are_two_projects_and_share_the_files(elsewhere: Studio, archive: ExportResult) -> None:
    first = back(elsewhere, archive.path)
    files = list_files(elsewhere.settings.data)
    assert back(elsewhere, archive.path) != first
    assert list_files(elsewhere.settings.data) == files


def test_an_unknown_project_is_not_found_and_leaves_no_file(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        out(studio, 999_999, tmp_path / "none.tower")
    assert not list(tmp_path.glob("*none*"))


def test_an_interrupted_export_leaves_the_old_file_and_no_half_one(
    studio: Studio, archive: ExportResult, project_id: int, tmp_path: Path
) -> None:
    before = sha256_of(archive.path)

    def interrupt(what: str, done: int, total: int) -> None:
        if what == "writing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_project(studio.sessions, project_id, archive.path, settings=studio.settings, progress=interrupt)
    assert sha256_of(archive.path) == before
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["neon.tower"]
