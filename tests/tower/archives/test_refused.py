"""A damaged, forged or foreign archive is refused with one sentence, and nothing changes."""

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


def rewrite_archive(archive: Path, members: ArchiveMembers, *, sealed: bool = True) -> Path:
    """An archive with these members. With `sealed` the manifest describes them, as an attacker would write it."""
    if sealed:
        manifest = json.loads(members["manifest.json"])
        entries = [
            Member(name=name, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
            for name, content in sorted(members.items())
            if name != "manifest.json"
        ]
        manifest |= {"members": [entry.model_dump() for entry in entries], "content_hash": content_hash(entries)}
        members = members | {"manifest.json": encode_canonical(manifest)}
    target = archive.with_name("bad.tower")
    with zipfile.ZipFile(target, "w") as file:
        for name, content in members.items():
            file.writestr(name, content, zipfile.ZIP_DEFLATED)
    return target


def refusal(studio: Studio, source: Path) -> str:
    """The message of the refusal. All rows and files stay as they were."""
    rows, files = count_all_rows(studio), list_files(studio.settings.data)
    with pytest.raises(TowerError) as refused:
        import_project(studio.sessions, source, settings=studio.settings)
    assert refused.value.status in (422, 507)
    assert (count_all_rows(studio), list_files(studio.settings.data)) == (rows, files)
    return refused.value.message


def changed_rows(members: ArchiveMembers, table: str, change: Callable[[dict[str, Any]], None]) -> ArchiveMembers:
    """The first row of a table, with these changes."""
    name = f"rows/{table}.jsonl"
    first, *rest = members[name].splitlines(keepends=True)
    row = json.loads(first)
    change(row)
    return members | {name: b"".join([encode_canonical(row) + b"\n", *rest])}


def test_a_rewritten_archive_without_changes_is_accepted(other_studio: Studio, archive: Path) -> None:
    same = rewrite_archive(archive, read_members(archive))
    assert import_project(other_studio.sessions, same, settings=other_studio.settings).project_id


@pytest.mark.parametrize("part", [0, 10, 0.3, 0.9, 0.999])
def test_a_truncated_archive_is_refused(other_studio: Studio, archive: Path, part: float) -> None:
    content = archive.read_bytes()
    archive.write_bytes(content[: int(part * len(content)) if part < 1 else int(part)])
    assert "not an archive" in refusal(other_studio, archive)


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), b"not a zip at all" * 100])
def test_a_file_that_is_no_archive_is_refused(other_studio: Studio, tmp_path: Path, content: bytes) -> None:
    other = tmp_path / "other.tower"
    other.write_bytes(content)
    assert "not an archive" in refusal(other_studio, other)


def test_any_flipped_byte_is_refused_or_harmless(other_studio: Studio, archive: Path) -> None:
    """A hash covers the whole archive, except dates and similar fields that a zip stores twice."""
    content, true = archive.read_bytes(), parse_manifest(read_members(archive)["manifest.json"])
    accepted = 0
    for offset in range(17, len(content), len(content) // 60):
        archive.write_bytes(content[:offset] + bytes([content[offset] ^ 0x55]) + content[offset + 1 :])
        try:
            imported = import_project(other_studio.sessions, archive, settings=other_studio.settings)
        except ArchiveError:
            continue
        assert imported.manifest.content_hash == true.content_hash
        accepted += 1
    assert accepted < 10


@pytest.mark.parametrize("bits", [0x01, 0x55, 0xFF])
def test_a_central_directory_with_wrong_offsets_is_refused(other_studio: Studio, archive: Path, bits: int) -> None:
    """Eight bytes at the end give the directory's size and start, which may even be before the file begins."""
    content = archive.read_bytes()
    for offset in range(len(content) - 10, len(content) - 2):
        archive.write_bytes(content[:offset] + bytes([content[offset] ^ bits]) + content[offset + 1 :])
        assert "archive" in refusal(other_studio, archive)


@pytest.mark.parametrize(
    ("changes", "sentence"),
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
def test_a_wrong_manifest_is_refused(
    other_studio: Studio, archive: Path, changes: dict[str, Any], sentence: str
) -> None:
    members = read_members(archive)
    members["manifest.json"] = encode_canonical(json.loads(members["manifest.json"]) | changes)
    assert sentence in refusal(other_studio, rewrite_archive(archive, members, sealed=False))


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "media/../../x", "media/" + "0" * 63, "rows/api_keys.jsonl", "C:\\x"]
)
def test_a_member_with_an_unexpected_name_is_refused(other_studio: Studio, archive: Path, name: str) -> None:
    members = read_members(archive) | {name: b"{}"}
    assert "does not belong" in refusal(other_studio, rewrite_archive(archive, members))


def test_a_member_missing_from_the_manifest_is_refused(other_studio: Studio, archive: Path) -> None:
    members = read_members(archive) | {"media/" + hashlib.sha256(b"more").hexdigest(): b"more"}
    assert "holds media/" in refusal(other_studio, rewrite_archive(archive, members, sealed=False))


@pytest.mark.parametrize("kind", ["media/", "rows/scenes", "versions/", "paths"])
def test_a_missing_member_is_refused(other_studio: Studio, archive: Path, kind: str) -> None:
    members = read_members(archive)
    del members[next(name for name in members if name.startswith(kind))]
    assert "lacks" in refusal(other_studio, rewrite_archive(archive, members, sealed=False))


@pytest.mark.parametrize("kind", ["rows/scenes", "versions/", "paths", "rows/anime_projects", "rows/commits"])
def test_a_missing_member_is_refused_even_if_the_manifest_omits_it(
    other_studio: Studio, archive: Path, kind: str
) -> None:
    members = read_members(archive)
    del members[next(name for name in members if name.startswith(kind))]
    assert "archive" in refusal(other_studio, rewrite_archive(archive, members))


def test_a_duplicate_member_is_refused(other_studio: Studio, archive: Path) -> None:
    with zipfile.ZipFile(archive, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("paths.jsonl", b"")
    assert "twice" in refusal(other_studio, archive)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(other_studio: Studio, archive: Path) -> None:
    content = bytes(60 * 2**20)
    members = read_members(archive) | {"media/" + hashlib.sha256(content).hexdigest(): content}
    bomb = rewrite_archive(archive, members)
    assert bomb.stat().st_size < 2**20
    small = other_studio.settings.model_copy(update={"archive_max_bytes": 50 * 2**20})
    assert "TOWER_ARCHIVE_MAX_BYTES" in refusal(Studio(other_studio.sessions, small), bomb)


def test_a_zip_bomb_with_a_false_size_is_refused(other_studio: Studio, archive: Path) -> None:
    members = read_members(archive)
    members["paths.jsonl"] += b"\n" * 10_000_000
    lying = rewrite_archive(archive, members, sealed=False)
    assert "another size" in refusal(other_studio, lying)


def test_media_that_do_not_match_their_hash_are_refused(other_studio: Studio, archive: Path) -> None:
    members = read_members(archive)
    name = next(name for name in members if name.startswith("media/"))
    assert "does not match" in refusal(other_studio, rewrite_archive(archive, members | {name: b"other bytes"}))


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
def test_invalid_rows_are_refused(
    other_studio: Studio, archive: Path, table: str, fields: dict[str, Any], sentence: str
) -> None:
    members = changed_rows(read_members(archive), table, lambda row: row.update(fields))
    assert sentence in refusal(other_studio, rewrite_archive(archive, members))


@pytest.mark.parametrize(
    ("table", "changes"),
    [("scenes", {"title": "\0"}), ("assets", {"bytes": -1}), ("cultural_elements", {"severity": None})],
)
def test_a_refusal_of_the_database_is_in_own_words(
    other_studio: Studio, archive: Path, table: str, changes: dict[str, Any]
) -> None:
    members = changed_rows(read_members(archive), table, lambda row: row.update(changes))
    message = refusal(other_studio, rewrite_archive(archive, members))
    assert any(words in message for words in ("wrong type or size", "outside of what Tower allows", "is missing"))
    assert not any(words in message for words in ("violates", "null value", "invalid input", "cannot be converted"))


def test_an_empty_table_is_refused(other_studio: Studio, archive: Path) -> None:
    members = read_members(archive) | {"rows/scenes.jsonl": b""}
    assert "rows/scenes.jsonl is empty" in refusal(other_studio, rewrite_archive(archive, members))


def test_a_table_with_fewer_rows_than_the_manifest_says_is_refused(other_studio: Studio, archive: Path) -> None:
    members = read_members(archive)
    del members["rows/feedback.jsonl"]
    assert "other numbers of rows" in refusal(other_studio, rewrite_archive(archive, members))


def test_a_file_to_which_nothing_refers_is_refused(other_studio: Studio, archive: Path) -> None:
    content = b"nothing refers to this"
    sha256 = hashlib.sha256(content).hexdigest()
    members = read_members(archive) | {f"media/{sha256}": content}
    assert f"{sha256}, to which nothing" in refusal(other_studio, rewrite_archive(archive, members))


def test_a_second_project_in_the_archive_is_refused(other_studio: Studio, archive: Path) -> None:
    members = read_members(archive)
    members["rows/anime_projects.jsonl"] *= 2
    assert "more than one project" in refusal(other_studio, rewrite_archive(archive, members))


@pytest.mark.parametrize("content", [b"{\n", b"[]\n", b"\xff\n", b"[" * 100_000 + b"\n", b'{"title": NaN}\n'])
def test_lines_that_are_not_rows_are_refused(other_studio: Studio, archive: Path, content: bytes) -> None:
    members = read_members(archive) | {"rows/scenes.jsonl": content}
    assert "a row of scenes is n" in refusal(other_studio, rewrite_archive(archive, members))


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"silver", b"golden"), (b'"kind":"entity"', b'"kind":"tree"'), (b'"hash":"0', b'"hash":"1')],
)
def test_version_objects_that_do_not_match_their_hash_are_refused(
    other_studio: Studio, archive: Path, old: bytes, new: bytes
) -> None:
    members = read_members(archive)
    name = "versions/objects.jsonl"
    assert old in members[name]
    assert "damaged" in refusal(
        other_studio, rewrite_archive(archive, members | {name: members[name].replace(old, new)})
    )


def with_object(members: ArchiveMembers, fields: dict[str, Any]) -> ArchiveMembers:
    """Add a correctly hashed object of a character that is in no tree."""
    content = encode_canonical({"kind": "characters", "fields": fields})
    line = {"content": content.decode(), "hash": hashlib.sha256(b"entity\0" + content).hexdigest(), "kind": "entity"}
    return members | {"versions/objects.jsonl": members["versions/objects.jsonl"] + encode_canonical(line) + b"\n"}


def test_content_that_no_edit_could_create_is_refused(other_studio: Studio, archive: Path) -> None:
    members = with_object(read_members(archive), {"name": 7})
    assert "no edit could have made" in refusal(other_studio, rewrite_archive(archive, members))


def test_content_that_names_a_file_missing_from_the_archive_is_refused(other_studio: Studio, archive: Path) -> None:
    members = with_object(read_members(archive), {"name": "Rei", "image_path": "/somewhere/rei.png"})
    assert "has no entry" in refusal(other_studio, rewrite_archive(archive, members))


def test_content_cannot_point_to_a_file_of_this_machine(other_studio: Studio, archive: Path) -> None:
    members = with_object(read_members(archive), {"name": "Rei", "image_path": str(HERE)})
    members["paths.jsonl"] += encode_canonical({"path": str(HERE), "sha256": None, "suffix": ".py"}) + b"\n"
    assert "outside of the media folders" in refusal(other_studio, rewrite_archive(archive, members))
