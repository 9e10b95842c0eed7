"""The library over HTTP: scans, search, tracks, playlists, imports."""

from __future__ import annotations

import plistlib
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.http.collaborators import collaborators_of, store_collaborators
from api.music.dependencies import MusicCollaborators
from tests.api.music.library_fixture import poll_until, run_scan, tracks_by_title
from tests.tower.library.conftest import Make
from tower.settings import Settings


@pytest.fixture
def scanned_library(music: TestClient, music_folder: Path, sounds: Make) -> TestClient:
    sounds(music_folder / "1.mp3", title="夜に駆ける", artist="YOASOBI", album="THE BOOK", genre="J-Pop", TBPM="130")
    sounds(music_folder / "2.flac", title="Jóga", artist="Björk", album="Homogenic", genre="Electronic", bpm="83")
    sounds(music_folder / "3.ogg", title="Epic Orchestral Battle", artist="Nobody", seconds=3)
    sounds(music_folder / "4.wav", title="ドライフラワー", artist="優里")
    sounds(music_folder / "5.opus", title="Epic", artist="Faith No More", genre="electronic")
    scan = run_scan(music)
    assert (scan["state"], scan["added"], scan["progress"]) == ("completed", 5, 1.0)
    return music


def wait_for_quality(music: TestClient, track_id: int) -> dict[str, Any]:
    quality = poll_until(lambda: music.get(f"/api/track/{track_id}").json()["quality"], lambda row: row["measured_at"])
    assert isinstance(quality, dict)
    return quality


def titles(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [track["title"] for track in answer.json()]


def test_health_reports_the_checked_features(music: TestClient) -> None:
    health = music.get("/api/health").json()
    assert (health["status"], health["service"], health["reasons"]) == ("healthy", "tower-apple-music", {})
    names = ("audio_quality_monitoring", "music_library", "streaming", "search")
    assert health["features"] == dict.fromkeys(names, True)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("夜に駆ける", "夜に駆ける"),
        ("駆け", "夜に駆ける"),
        ("yoasobi", "夜に駆ける"),
        ("ＹＯＡＳＯＢＩ", "夜に駆ける"),
        ("joga bjork", "Jóga"),
        ("homogenik", "Jóga"),
        ("どらいふらわー", "ドライフラワー"),
        ("ﾄﾞﾗｲﾌﾗﾜｰ", "ドライフラワー"),
        ("ドライフラワア", "ドライフラワー"),
        ("epic orchestral", "Epic Orchestral Battle"),
        ("orchestrl batle", "Epic Orchestral Battle"),
        ("epic", "Epic"),
    ],
)
def test_search_finds_any_script_and_forgives_a_typo(scanned_library: TestClient, query: str, first: str) -> None:
    assert titles(scanned_library.get("/api/search", params={"q": query}))[0] == first


def test_search_ranks_the_title_before_its_beginning_and_pages(scanned_library: TestClient) -> None:
    whole = scanned_library.get("/api/search", params={"q": "epic"})
    assert titles(whole) == ["Epic", "Epic Orchestral Battle"]
    assert [match["match"] for match in whole.json()] == ["title", "beginning"]
    first = scanned_library.get("/api/search", params={"q": "epic", "limit": 1})
    second = scanned_library.get(
        "/api/search", params={"q": "epic", "limit": 1, "cursor": first.headers["X-Next-Cursor"]}
    )
    assert titles(first) + titles(second) == titles(whole)
    assert "X-Next-Cursor" not in second.headers


@pytest.mark.parametrize("query", ["%", "_", "\\", "%%%%", "!!!", "zzzzqqqq", "' or 1=1 --"])
def test_search_treats_special_characters_as_text(scanned_library: TestClient, query: str) -> None:
    assert titles(scanned_library.get("/api/search", params={"q": query})) == []


def test_tracks_are_narrowed_by_tempo_genre_and_length(scanned_library: TestClient) -> None:
    assert titles(scanned_library.get("/api/tracks?min_bpm=80&max_bpm=100")) == ["Jóga"]
    assert titles(scanned_library.get("/api/tracks?min_bpm=120")) == ["夜に駆ける"]
    assert sorted(titles(scanned_library.get("/api/tracks?genre=ELECTRONIC"))) == ["Epic", "Jóga"]
    assert titles(scanned_library.get("/api/tracks?min_duration=2.5")) == ["Epic Orchestral Battle"]
    page = scanned_library.get("/api/tracks?limit=2")
    rest = scanned_library.get(f"/api/tracks?limit=200&cursor={page.headers['X-Next-Cursor']}")
    assert len(titles(page)) + len(titles(rest)) == 5
    refused = scanned_library.get("/api/tracks?min_bpm=100&max_bpm=80")
    assert (refused.status_code, refused.json()["error"]["details"]["field"]) == (422, "max_bpm")


def test_a_track_has_all_fields_and_its_tempo_can_be_set(scanned_library: TestClient) -> None:
    track_id = tracks_by_title(scanned_library)["Jóga"]["id"]
    track = scanned_library.get(f"/api/track/{track_id}").json()
    assert (track["bpm"], track["bpm_source"], track["tag_bpm"]) == (83, "tag", 83)
    assert (track["kind"], track["codec"], track["sample_rate"], track["duration"]) == ("flac", "flac", 44100, 1)
    changed = scanned_library.patch(f"/api/track/{track_id}", json={"bpm_override": 166}).json()
    assert (changed["bpm"], changed["bpm_source"], changed["tag_bpm"]) == (166, "override", 83)
    assert titles(scanned_library.get("/api/tracks?min_bpm=160")) == ["Jóga"]
    run_scan(scanned_library)
    lifted = scanned_library.patch(f"/api/track/{track_id}", json={"bpm_override": None}).json()
    assert (lifted["bpm"], lifted["bpm_source"]) == (83, "tag")
    assert scanned_library.get("/api/track/999999999").status_code == 404
    assert scanned_library.patch(f"/api/track/{track_id}", json={"bpm_override": 5}).status_code == 422


def test_quality_is_null_with_a_reason_until_it_is_measured(scanned_library: TestClient) -> None:
    track_id = tracks_by_title(scanned_library)["Epic Orchestral Battle"]["id"]
    first = scanned_library.get(f"/api/track/{track_id}").json()["quality"]
    assert first["measured_at"] or "being measured" in first["reason"]
    track = wait_for_quality(scanned_library, track_id)
    assert track["reason"] is None
    assert track["loudness_lufs"] == pytest.approx(-21.1, abs=0.6)  # ffmpeg's sine has an amplitude of 1/8
    assert (track["clipped_places"], track["silence_share"], track["suspect"]) == (0, 0, False)
    assert track["faults"] == []


def test_a_scan_can_measure_everything(scanned_library: TestClient) -> None:
    scanned_library.post("/api/library/scan", json={"measure": True})
    tracks = tracks_by_title(scanned_library).values()
    measured = [wait_for_quality(scanned_library, track["id"]) for track in tracks]
    assert [quality["reason"] for quality in measured] == [None] * len(tracks)


def test_a_scan_lists_unreadable_files(scanned_library: TestClient, music_folder: Path) -> None:
    (music_folder / "broken.mp3").write_bytes(b"nothing")
    (music_folder / "1.mp3").unlink()
    scan = run_scan(scanned_library)
    assert (scan["unreadable"], scan["missing"], scan["unchanged"]) == (1, 1, 4)
    (unreadable,) = scanned_library.get(f"/api/library/scans/{scan['id']}/unreadable").json()
    assert unreadable["path"] == str(music_folder / "broken.mp3")
    assert unreadable["reason"]
    assert "夜に駆ける" not in tracks_by_title(scanned_library)
    missing_track = next(
        track for track in scanned_library.get("/api/tracks?with_missing=true").json() if track["title"] == "夜に駆ける"
    )
    assert (missing_track["available"], missing_track["streamable"]) == (False, False)
    answer = scanned_library.get(f"/api/track/{missing_track['id']}/stream")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "FILE_MISSING")
    assert scanned_library.get("/api/library/scans").json()[0]["id"] == scan["id"]
    assert scanned_library.post(f"/api/library/scans/{scan['id']}/cancel").json()["state"] == "completed"


def test_playlists_are_created_changed_and_deleted(scanned_library: TestClient) -> None:
    ids_by_title = tracks_by_title(scanned_library)
    ids = [ids_by_title[title]["id"] for title in ("夜に駆ける", "Jóga", "Epic")]
    playlist = scanned_library.post("/api/playlists", json={"name": "Mix", "track_ids": [ids[2], ids[0], ids[2]]})
    assert playlist.status_code == 201
    mine = playlist.json()
    assert [track["id"] for track in mine["tracks"]] == [ids[2], ids[0], ids[2]]
    assert (mine["track_count"], mine["source"]) == (3, "tower")
    url = f"/api/playlists/{mine['id']}"
    renamed = scanned_library.put(url, json={"name": "Mix 2"}).json()
    assert (renamed["name"], renamed["track_count"]) == ("Mix 2", 3)
    assert scanned_library.put(url, json={"name": "\u200b"}).status_code == 422
    assert scanned_library.put(url, json={"name": "\u200bE\u0301va "}).json()["name"] == "Éva"
    scanned_library.put(url, json={"name": "Mix 2"})
    assert scanned_library.put(url, json={"track_ids": [ids[1]]}).json()["track_count"] == 1
    assert scanned_library.put(url, json={"name": None}).status_code == 422
    refused = scanned_library.put(url, json={"track_ids": [ids[1], 999_999]})
    assert (refused.status_code, refused.json()["error"]["details"]["value"]) == (422, 999_999)
    (playlist,) = scanned_library.get("/api/playlists").json()
    assert (playlist["name"], playlist["track_count"], playlist["duration"]) == ("Mix 2", 1, pytest.approx(1, abs=0.1))
    assert scanned_library.delete(url).json() == {"id": mine["id"]}
    assert scanned_library.get(url).status_code == 404
    assert len(tracks_by_title(scanned_library)) == 5


def test_a_library_xml_from_any_machine_is_imported(
    music: TestClient, music_folder: Path, music_settings: Settings, sounds: Make
) -> None:
    accents = sounds(music_folder / unicodedata.normalize("NFC", "Jóga é.flac"), title="Jóga")
    sounds(music_folder / "win.mp3", title="Windows")
    sounds(music_folder / "mac.mp3", title="Mac")
    nfd = unicodedata.normalize("NFD", accents.name)
    tracks = {
        "1": {"Track ID": 1, "Name": "Jóga", "Location": f"file://{music_folder}/{nfd}".replace(" ", "%20"), "BPM": 83},
        "2": {"Track ID": 2, "Name": "Windows", "Location": "file://localhost/C:/Users/Kai/Music/win.mp3"},
        "3": {"Track ID": 3, "Name": "Mac", "Location": "file:///Users/kai/Music/mac.mp3", "Persistent ID": "AB12"},
        "4": {"Track ID": 4, "Name": "Cloud", "Artist": "Somebody"},
        "5": {"Track ID": 5, "Name": "Radio", "Track Type": "Remote", "Location": "http://radio.example/"},
        "6": {"Track ID": 6, "Name": "Bought", "Protected": True, "Location": "file:///x.m4p"},
        "7": {"Track ID": 7, "Name": "Gone", "Location": f"file://{music_folder}/gone.mp3"},
        "8": {"Track ID": 8, "Name": "Outside", "Location": "file:///etc/passwd"},
    }
    items = [{"Track ID": number} for number in (3, 1, 4, 2)]
    playlists = [
        {"Name": "Library", "Master": True, "Playlist Items": items},
        {"Name": "Music", "Distinguished Kind": 4, "Playlist Items": items},
        {"Name": "A folder", "Folder": True},
        {"Name": "Drive", "Playlist Persistent ID": "FF01", "Playlist Items": items},
    ]
    path = music_folder / "Library.xml"
    path.write_bytes(plistlib.dumps({"Major Version": 1, "Tracks": tracks, "Playlists": playlists}))
    moved = f"C:/Users/Kai/Music={music_folder},/Users/kai/Music={music_folder}"
    assert isinstance(music.app, FastAPI)
    collaborators = collaborators_of(music.app, MusicCollaborators)
    store_collaborators(
        music.app, replace(collaborators, settings=music_settings.model_copy(update={"music_moved": moved}))
    )
    report = music.post("/api/library/import", json={"path": str(path)}).json()
    assert (report["source"], report["tracks_known"], report["playlists"], report["skipped_count"]) == (
        "itunes_xml",
        3,
        1,
        5,
    )
    reasons = {skipped["what"]: skipped["reason"] for skipped in report["skipped"]}
    assert "only in the cloud" in reasons["Somebody – Cloud"]
    assert "stream" in reasons["Radio"]
    assert "protected" in reasons["Bought"]
    assert "not in the library" in reasons["Gone"]
    assert "not in the library" in reasons["Outside"]
    assert tracks_by_title(music)["Jóga"]["bpm"] == 83
    (drive,) = music.get("/api/playlists").json()
    detail = music.get(f"/api/playlists/{drive['id']}").json()
    assert [track["title"] for track in detail["tracks"]] == ["Mac", "Jóga", "Windows"]
    repeated = music.post("/api/library/import", json={"path": str(path)}).json()
    assert repeated["playlists"] == 1
    assert [playlist["id"] for playlist in music.get("/api/playlists").json()] == [drive["id"]]


@pytest.mark.parametrize(
    "content", [b"", b"no xml", b"<plist><dict/></plist>", b"<plist version='1.0'><array/></plist>"]
)
def test_a_file_that_is_not_a_library_xml_is_refused(music: TestClient, music_folder: Path, content: bytes) -> None:
    (music_folder / "Library.xml").write_bytes(content)
    refused = music.post("/api/library/import", json={"path": str(music_folder / "Library.xml")})
    assert (refused.status_code, refused.json()["error"]["details"]["field"]) == (422, "path")


def test_entities_in_a_library_xml_are_not_expanded(music: TestClient, music_folder: Path) -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><plist><dict><key>&a;</key></dict></plist>'
    (music_folder / "Library.xml").write_bytes(bomb)
    assert music.post("/api/library/import", json={"path": str(music_folder / "Library.xml")}).status_code == 422


@pytest.mark.parametrize("name", ["list.m3u8", "list.m3u"])
def test_a_playlist_file_becomes_a_playlist(music: TestClient, music_folder: Path, sounds: Make, name: str) -> None:
    sounds(music_folder / "sub" / "a é.mp3", title="A")
    sounds(music_folder / "b.mp3", title="B")
    lines = ["#EXTM3U", "#EXTINF:1,X - A", "sub/a é.mp3", str(music_folder / "b.mp3"), "sub\\a é.mp3"]
    lines += ["http://radio.example/a.mp3", "../../../etc/passwd", "gone.mp3", ""]
    encoding = "latin-1" if name.endswith("m3u") else "utf-8-sig"
    (music_folder / name).write_bytes("\r\n".join(lines).encode(encoding))
    report = music.post("/api/library/import", json={"path": str(music_folder / name)}).json()
    assert (report["source"], report["tracks_known"], report["playlists"], report["skipped_count"]) == ("m3u", 2, 1, 3)
    (playlist,) = music.get("/api/playlists").json()
    detail = music.get(f"/api/playlists/{playlist['id']}").json()
    assert (detail["name"], [track["title"] for track in detail["tracks"]]) == ("list", ["A", "B", "A"])
