"""Imports of lists into a real library."""

from __future__ import annotations

import plistlib
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from db.engine import SessionFactory
from db.models.library import Playlist, Track
from tests.tower.library.conftest import Make
from tower.errors import InvalidError
from tower.library.import_result import ImportResult
from tower.library.imported_playlists import NAMELESS
from tower.library.importing import import_file
from tower.library.playlists import list_tracks, replace_tracks

NAMES = ("a", "b", "c")


@pytest.fixture
def mounted(root: Path, tmp_path: Path, sounds: Make) -> Path:
    """A library folder with c.mp3, and a second one, mnt, with a.mp3 and b.mp3."""
    for name in NAMES:
        sounds((root if name == "c" else tmp_path / "mnt") / f"{name}.mp3", title=name, seconds=0.3)
    return (tmp_path / "mnt").resolve()


def library_file(path: Path, mounted: Path, playlists: list[dict[str, Any]]) -> Path:
    folders = {"a": mounted, "b": mounted, "c": path.parent}
    tracks = {
        str(number): {"Track ID": number, "Name": name, "Location": f"file://{folders[name]}/{name}.mp3"}
        for number, name in enumerate(NAMES)
    }
    listed = [
        {**entry, "Playlist Items": [{"Track ID": NAMES.index(name)} for name in entry["Playlist Items"]]}
        for entry in playlists
    ]
    path.write_bytes(plistlib.dumps({"Library Persistent ID": "L1", "Tracks": tracks, "Playlists": listed}))
    return path


def m3u_file(path: Path, *lines: object) -> Path:
    path.write_text("\n".join(map(str, lines)))
    return path


def contents(sessions: SessionFactory) -> list[tuple[str, str]]:
    """The name of each playlist and the titles of its tracks."""
    with sessions() as session:
        rows = session.scalars(select(Playlist).order_by(Playlist.id)).all()
        return [(row.name, "".join(track.title for track in list_tracks(session, row.id))) for row in rows]


def differences(result: ImportResult) -> list[tuple[str, str]]:
    assert len(result.differences) == result.differences_count
    return [(remark.name, remark.reason) for remark in result.differences]


def test_two_playlists_of_one_name_stay_two(sessions: SessionFactory, root: Path, mounted: Path) -> None:
    same = [{"Name": "Mix", "Playlist Items": "ab"}, {"Name": "Mix", "Playlist Items": "c"}]
    path = library_file(root / "Library.xml", mounted, same)
    for _ in range(2):
        assert differences(import_file(sessions, str(path), roots=[root, mounted])) == []
        assert contents(sessions) == [("Mix", "ab"), ("Mix", "c")]
    content = plistlib.loads(path.read_bytes())
    other = root / "other.xml"
    other.write_bytes(plistlib.dumps({**content, "Library Persistent ID": "L2", "Playlists": content["Playlists"][1:]}))
    import_file(sessions, str(other), roots=[root, mounted])
    assert contents(sessions) == [("Mix", "ab"), ("Mix", "c"), ("Mix", "c")]


def test_a_playlist_keeps_its_tracks_while_their_folder_is_not_mounted(
    sessions: SessionFactory, root: Path, mounted: Path
) -> None:
    roots = [root, mounted]
    library = library_file(root / "Library.xml", mounted, [{"Name": "Mix", "Playlist Items": "acb"}])
    listed = m3u_file(root / "list.m3u8", mounted / "b.mp3", "c.mp3", mounted / "a.mp3")
    for path in (library, listed):
        import_file(sessions, str(path), roots=roots)
    shutil.move(mounted, mounted.with_name("away"))
    for path in (library, listed):
        result = import_file(sessions, str(path), roots=roots)
        assert (result.tracks_known, result.skipped_count) == (3, 0)
        assert {reason for _, reason in differences(result)} == {"its file was not found; the track is kept"}
    assert contents(sessions) == [("Mix", "acb"), ("list", "bca")]
    result = import_file(sessions, str(library), roots=[root])  # the folder was taken from the settings
    assert ("Mix", "2 tracks were kept, because entries of its source were not found") in differences(result)
    assert contents(sessions)[0] == ("Mix", "acb")


def test_a_track_is_known_by_its_persistent_id(sessions: SessionFactory, root: Path, mounted: Path) -> None:
    mix = [{"Name": "Mix", "Playlist Items": "a"}]
    path = library_file(root / "Library.xml", mounted, mix)
    content = plistlib.loads(path.read_bytes())
    content["Tracks"]["0"]["Persistent ID"] = "AB12"
    path.write_bytes(plistlib.dumps(content))
    import_file(sessions, str(path), roots=[root, mounted])
    content["Tracks"]["0"]["Location"] = "file:///Volumes/elsewhere/a.mp3"
    path.write_bytes(plistlib.dumps(content))
    assert import_file(sessions, str(path), roots=[root, mounted]).skipped_count == 0
    assert contents(sessions) == [("Mix", "a")]


def test_each_difference_between_the_source_and_the_library_is_said(
    sessions: SessionFactory, root: Path, mounted: Path
) -> None:
    roots = [root, mounted]
    lists = [
        {"Name": "One", "Playlist Persistent ID": "P1", "Playlist Items": "ab"},
        {"Name": "Two", "Playlist Persistent ID": "P2", "Playlist Items": "c"},
        {"Name": "Three", "Playlist Persistent ID": "P3", "Playlist Items": "c"},
    ]
    path = library_file(root / "Library.xml", mounted, lists)
    import_file(sessions, str(path), roots=roots)
    with sessions.begin() as session:
        playlist = session.scalars(select(Playlist).where(Playlist.name == "One")).one()
        ids = {track.title: track.id for track in session.scalars(select(Track))}
        replace_tracks(session, playlist, [ids["a"], ids["b"], ids["c"]])
    library_file(
        path, mounted, [{**lists[0], "Playlist Items": "b"}, {**lists[2], "Name": "Drei", "Playlist Items": ""}]
    )
    result = import_file(sessions, str(path), roots=roots)
    assert differences(result) == [
        ("One", "1 track was removed, as in its source"),
        ("One", "1 track was kept that its source does not have"),
        ("Drei", "1 track was kept, because its source is empty now"),
        ("Drei", "it was called Three here"),
        ("Two", "it is no longer in the library; it was kept here"),
    ]
    assert contents(sessions) == [("One", "bc"), ("Two", "c"), ("Drei", "c")]


def test_a_playlist_of_an_earlier_version_is_the_same_and_loses_nothing(
    sessions: SessionFactory, root: Path, mounted: Path
) -> None:
    one = {"Name": "One", "Playlist Persistent ID": "P1", "Playlist Items": "ab"}
    path = library_file(root / "Library.xml", mounted, [one])
    import_file(sessions, str(path), roots=[root, mounted])
    with sessions.begin() as session:
        session.execute(update(Playlist).values(source_id="P1", imported_track_ids=None))
    library_file(path, mounted, [{**one, "Playlist Items": "c"}])
    import_file(sessions, str(path), roots=[root, mounted])
    assert contents(sessions) == [("One", "cab")]


@pytest.mark.parametrize("content", [b"", b"#EXTM3U\n", b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\na.ts\n"])
def test_an_empty_list_or_a_stream_changes_nothing(
    sessions: SessionFactory, root: Path, mounted: Path, content: bytes
) -> None:
    path = m3u_file(root / "list.m3u8", "c.mp3")
    import_file(sessions, str(path), roots=[root])
    path.write_bytes(content)
    with pytest.raises(InvalidError, match="Invalid path"):
        import_file(sessions, str(path), roots=[root])
    assert contents(sessions) == [("list", "c")]


def test_a_list_of_unknown_files_makes_no_playlist_and_names_them(
    sessions: SessionFactory, root: Path, mounted: Path
) -> None:
    (root / "broken.mp3").write_bytes(b"no music")
    result = import_file(sessions, str(m3u_file(root / "list.m3u", "gone.mp3", "broken.mp3", "# c")), roots=[root])
    assert (result.playlists, contents(sessions)) == (0, [])
    assert [skipped.name for skipped in result.skipped] == ["gone.mp3", "broken.mp3"]
    assert differences(result) == [("list", "none of its entries is in the library, so no playlist was made")]


def test_a_file_that_looks_like_a_comment_is_an_entry(sessions: SessionFactory, root: Path, sounds: Make) -> None:
    sounds(root / "#1 Hit.mp3", title="hit", seconds=0.3)
    sounds(root / "b.mp3", title="b", seconds=0.3)
    result = import_file(sessions, str(m3u_file(root / "list.m3u", "#1 Hit.mp3", "# about", "b.mp3")), roots=[root])
    assert (contents(sessions), result.skipped_count) == ([("list", "hitb")], 0)


def test_the_name_of_a_playlist_becomes_one_that_the_api_accepts(
    sessions: SessionFactory, root: Path, mounted: Path
) -> None:
    named = ["Ni\u200bght\u3164", "\u200b\u2060", "E\u0301a", "x" * 300]
    playlists = [{"Name": name, "Playlist Items": ["a"], "Playlist Persistent ID": name} for name in named]
    file = library_file(root / "library.xml", mounted, playlists)
    for _ in range(2):
        result = import_file(sessions, str(file), roots=[root, mounted])
        assert [name for name, _ in contents(sessions)] == ["Night", NAMELESS, "\u00c9a", "x" * 200]
        assert [name for name, _ in differences(result)] == ["Night", NAMELESS, "x" * 200]
