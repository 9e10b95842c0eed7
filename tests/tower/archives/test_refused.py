"""What is not whole, not true or not ours is refused in one sentence, and nothing is changed."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tower.archives.studio import ArchiveMembers, Studio, count_all_rows, list_files, read_members
from tower.archives.format import ArchiveError, Member, content_hash, parse_manifest
from tower.archives.importing import import_project
from tower.errors import TowerError
from tower.versions.values import encode_canonical

HERE = Path(__file__)


def rewritten(archive: Path, members: ArchiveMembers, *, sealed: bool = True) -> Path:
    """An archive of these members; `sealed`: the manifest says what they are, as somebody would who means harm."""
    if sealed:
        said = json.loads(members["manifest.json"])
        listed = [
            Member(name=name, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
            for name, content in sorted(members.items())
            if name != "manifest.json"
        ]
        said |= {"members": [one.model_dump() for one in listed], "content_hash": content_hash(listed)}
        members = members | {"manifest.json": encode_canonical(said)}
    target = archive.with_name("bad.tower")
    with zipfile.ZipFile(target, "w") as file:
        for name, content in members.items():
            file.writestr(name, content, zipfile.ZIP_DEFLATED)
    return target


def refusal(studio: Studio, source: Path) -> str:
    """The sentence with which it is refused; all rows and files are as they were."""
    rows, files = count_all_rows(studio), list_files(studio.settings.data)
    with pytest.raises(TowerError) as refused:
        import_project(studio.sessions, source, settings=studio.settings)
    assert refused.value.status in (422, 507)
    assert (count_all_rows(studio), list_files(studio.settings.data)) == (rows, files)
    return refused.value.message


def changed_rows(members: ArchiveMembers, table: str, change: Callable[[dict[str, Any]], None]) -> ArchiveMembers:
    """The first row of a table, changed."""
    name = f"rows/{table}.jsonl"
    first, *rest = members[name].splitlines(keepends=True)
    row = json.loads(first)
    change(row)
    return members | {name: b"".join([encode_canonical(row) + b"\n", *rest])}


def test_the_tool_of_these_tests_makes_archives_that_are_taken(elsewhere: Studio, archive: Path) -> None:
    same = rewritten(archive, read_members(archive))
    assert import_project(elsewhere.sessions, same, settings=elsewhere.settings).project_id


@pytest.mark.parametrize("part", [0, 10, 0.3, 0.9, 0.999])
def test_half_a_file_is_refused(elsewhere: Studio, archive: Path, part: float) -> None:
    content = archive.read_bytes()
    archive.write_bytes(content[: int(part * len(content)) if part < 1 else int(part)])
    assert "not an archive" in refusal(elsewhere, archive)


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"not a zip at all" * 100])
def test_another_file_is_refused(elsewhere: Studio, tmp_path: Path, content: bytes) -> None:
    other = tmp_path / "other.tower"
    other.write_bytes(content)
    assert "not an archive" in refusal(elsewhere, other)


def test_any_flipped_byte_is_refused_or_means_nothing(elsewhere: Studio, archive: Path) -> None:
    """All of the archive is covered by a hash, but for dates and the like that a zip keeps twice."""
    content, true = archive.read_bytes(), parse_manifest(read_members(archive)["manifest.json"])
    taken = 0
    for place in range(17, len(content), len(content) // 60):
        archive.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            found = import_project(elsewhere.sessions, archive, settings=elsewhere.settings)
        except ArchiveError:
            continue
        assert found.manifest.content_hash == true.content_hash
        taken += 1
    assert taken < 10


@pytest.mark.parametrize("bits", [0x01, 0x55, 0xFF])
def test_a_directory_that_points_elsewhere_is_refused(elsewhere: Studio, archive: Path, bits: int) -> None:
    """Eight bytes at the end say how long it is and where it begins: before the file's own beginning, too."""
    content = archive.read_bytes()
    for place in range(len(content) - 10, len(content) - 2):
        archive.write_bytes(content[:place] + bytes([content[place] ^ bits]) + content[place + 1 :])
        assert "archive" in refusal(elsewhere, archive)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"version": 2}, "is of version 2"),
        ({"version": "1"}, "is of version 1"),
        ({"format": "other"}, "not an archive of a Tower project"),
        ({"content_hash": "0" * 64}, "content hash"),
        ({"members": "none"}, "members"),
        ({"more": 1}, "more"),
        ({"project": "another"}, "branches do not"),
        ({"heads": {}}, "branches do not"),
    ],
)
def test_a_manifest_that_is_not_true_is_refused(
    elsewhere: Studio, archive: Path, said: dict[str, Any], sentence: str
) -> None:
    members = read_members(archive)
    members["manifest.json"] = encode_canonical(json.loads(members["manifest.json"]) | said)
    assert sentence in refusal(elsewhere, rewritten(archive, members, sealed=False))


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "media/../../x", "media/" + "0" * 63, "rows/api_keys.jsonl", "C:\\x"]
)
def test_a_member_of_another_name_is_refused(elsewhere: Studio, archive: Path, name: str) -> None:
    members = read_members(archive) | {name: b"{}"}
    assert "does not belong" in refusal(elsewhere, rewritten(archive, members))


def test_a_member_that_the_manifest_does_not_name_is_refused(elsewhere: Studio, archive: Path) -> None:
    members = read_members(archive) | {"media/" + hashlib.sha256(b"more").hexdigest(): b"more"}
    assert "holds media/" in refusal(elsewhere, rewritten(archive, members, sealed=False))


@pytest.mark.parametrize("kind", ["media/", "rows/scenes", "versions/", "paths"])
def test_a_missing_member_is_refused(elsewhere: Studio, archive: Path, kind: str) -> None:
    members = read_members(archive)
    del members[next(name for name in members if name.startswith(kind))]
    assert "lacks" in refusal(elsewhere, rewritten(archive, members, sealed=False))


@pytest.mark.parametrize("kind", ["rows/scenes", "versions/", "paths", "rows/anime_projects", "rows/commits"])
def test_a_missing_member_is_refused_where_the_manifest_hides_it(elsewhere: Studio, archive: Path, kind: str) -> None:
    members = read_members(archive)
    del members[next(name for name in members if name.startswith(kind))]
    assert "archive" in refusal(elsewhere, rewritten(archive, members))


def test_a_member_twice_is_refused(elsewhere: Studio, archive: Path) -> None:
    with zipfile.ZipFile(archive, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("paths.jsonl", b"")
    assert "twice" in refusal(elsewhere, archive)


def test_a_bomb_is_refused_before_it_is_unpacked(elsewhere: Studio, archive: Path) -> None:
    content = bytes(60 * 2**20)
    members = read_members(archive) | {"media/" + hashlib.sha256(content).hexdigest(): content}
    bomb = rewritten(archive, members)
    assert bomb.stat().st_size < 2**20
    small = elsewhere.settings.model_copy(update={"archive_max_bytes": 50 * 2**20})
    assert "TOWER_ARCHIVE_MAX_BYTES" in refusal(Studio(elsewhere.sessions, small), bomb)


def test_a_bomb_that_lies_about_its_size_is_refused(elsewhere: Studio, archive: Path) -> None:
    members = read_members(archive)
    members["paths.jsonl"] += b"\n" * 10_000_000
    lying = rewritten(archive, members, sealed=False)
    assert "another size" in refusal(elsewhere, lying)


def test_media_that_are_not_what_their_name_says_are_refused(elsewhere: Studio, archive: Path) -> None:
    members = read_members(archive)
    name = next(name for name in members if name.startswith("media/"))
    assert "does not match" in refusal(elsewhere, rewritten(archive, members | {name: b"other bytes"}))


@pytest.mark.parametrize(
    ("table", "fields", "sentence"),
    [
        ("scenes", {"branch_id": 99}, "refers to row 99 of branches"),
        ("scenes", {"branch_id": True}, "refers to row True"),
        ("scenes", {"branch_id": None}, "scenes refuses"),
        ("scenes", {"mood": "other"}, "differs from the head in mood"),
        ("scenes", {"project_id": 1}, "unknown to this Tower"),
        ("scenes", {"id": 1}, "unknown to this Tower"),
        ("scenes", {"novelty": 1}, "it is newer"),
        ("scenes", {"status": "dancing"}, "refuses"),
        ("scenes", {"created_at": "yesterday o'clock"}, "refuses"),
        ("scenes", {"title": "\0"}, "refuses"),
        ("anime_projects", {"deleted_at": "2026-01-01T00:00:00Z"}, "unknown to this Tower"),
        ("commits", {"message": "other"}, "is damaged: tree, parents, message"),
        ("commits", {"tree_hash": "0" * 64}, "refuses"),
        ("assets", {"path": "/etc/passwd"}, "refers to a file by its path"),
        ("assets", {"path": {"file": "../../../../etc/passwd", "suffix": ""}}, "invalid hash or suffix"),
        ("assets", {"path": {"file": "0" * 64, "suffix": "/../x"}}, "invalid hash or suffix"),
        ("assets", {"path": {"file": "0" * 64, "suffix": ".mp4"}}, "does not match the asset"),
        ("assets", {"bytes": -1}, "refuses"),
        ("assets", {"provenance": {"asset_id": {"$row": ["assets", 77]}}}, "refers to row 77"),
        ("assets", {"provenance": {"asset_id": {"$row": ["api_keys", 1]}}}, "refers to an unknown table"),
        ("production_jobs", {"output_path": "/etc/passwd"}, "refers to a file by its path"),
        ("production_jobs", {"launch_after": "2026-01-01T00:00:00Z"}, "unknown to this Tower"),
        ("music_scene_sync", {"audio_path": str(HERE)}, "outside of the media folders"),
        ("cultural_elements", {"severity": None}, "refuses"),
    ],
)
def test_rows_that_cannot_be_are_refused(
    elsewhere: Studio, archive: Path, table: str, fields: dict[str, Any], sentence: str
) -> None:
    members = changed_rows(read_members(archive), table, lambda row: row.update(fields))
    assert sentence in refusal(elsewhere, rewritten(archive, members))


def test_a_second_project_in_the_archive_is_refused(elsewhere: Studio, archive: Path) -> None:
    members = read_members(archive)
    members["rows/anime_projects.jsonl"] *= 2
    assert "more than one project" in refusal(elsewhere, rewritten(archive, members))


@pytest.mark.parametrize("content", [b"{\n", b"[]\n", b"\xff\n", b"[" * 100_000 + b"\n", b'{"title": NaN}\n'])
def test_lines_that_are_no_rows_are_refused(elsewhere: Studio, archive: Path, content: bytes) -> None:
    members = read_members(archive) | {"rows/scenes.jsonl": content}
    assert "rows" in refusal(elsewhere, rewritten(archive, members)) or "row of scenes"


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"silver", b"golden"), (b'"kind":"entity"', b'"kind":"tree"'), (b'"hash":"0', b'"hash":"1')],
)
def test_version_objects_that_are_not_what_their_hash_says_are_refused(
    elsewhere: Studio, archive: Path, old: bytes, new: bytes
) -> None:
    members = read_members(archive)
    name = "versions/objects.jsonl"
    assert old in members[name]
    assert "damaged" in refusal(elsewhere, rewritten(archive, members | {name: members[name].replace(old, new)}))


def with_object(members: ArchiveMembers, fields: dict[str, Any]) -> ArchiveMembers:
    """One more object, of a character that no tree holds, properly hashed."""
    content = encode_canonical({"kind": "characters", "fields": fields})
    said = {"content": content.decode(), "hash": hashlib.sha256(b"entity\0" + content).hexdigest(), "kind": "entity"}
    return members | {"versions/objects.jsonl": members["versions/objects.jsonl"] + encode_canonical(said) + b"\n"}


def test_content_that_no_edit_could_make_is_refused(elsewhere: Studio, archive: Path) -> None:
    members = with_object(read_members(archive), {"name": 7})
    assert "no edit could have made" in refusal(elsewhere, rewritten(archive, members))


def test_content_that_names_a_file_which_the_archive_does_not_tell_of_is_refused(
    elsewhere: Studio, archive: Path
) -> None:
    members = with_object(read_members(archive), {"name": "Rei", "image_path": "/somewhere/rei.png"})
    assert "has no entry" in refusal(elsewhere, rewritten(archive, members))


def test_content_cannot_lead_to_a_file_of_this_machine(elsewhere: Studio, archive: Path) -> None:
    members = with_object(read_members(archive), {"name": "Rei", "image_path": str(HERE)})
    members["paths.jsonl"] += encode_canonical({"path": str(HERE), "sha256": None, "suffix": ".py"}) + b"\n"
    assert "outside of the media folders" in refusal(elsewhere, rewritten(archive, members))
