"""Every value of a tag is kept, in whatever format, and each is found."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from db.engine import SessionFactory
from db.models.library import Track
from tests.tower.library.conftest import Make
from tests.tower.library.scanned import run_scan, tracks_by_filename
from tests.tower.library.test_lengths import ape_tag
from tower.library import listing
from tower.library.columns import fit_track
from tower.library.search import search_tracks
from tower.library.tags import TrackTags, genre_names, read_tags
from tower.media.decode import MediaUnreadableError
from tower.pages import PageRequest

ARTISTS, GENRES = ["YOASOBI", "宇多田ヒカル"], ["J-Pop", "Anime"]


def id3_tag(version: int, frames: list[tuple[str, list[str]]]) -> bytes:
    """A tag in UTF-16, whose values are separated as this version of ID3 does it."""
    body = b""
    for name, values in frames:
        text = ("\0" if version == 4 else "/").join(values)
        content = b"\x01" + b"\xff\xfe" + text.encode("utf-16-le")
        size = synchsafe(len(content)) if version == 4 else struct.pack(">I", len(content))
        body += name.encode() + size + bytes(2) + content
    return b"ID3" + bytes((version, 0, 0)) + synchsafe(len(body)) + body


def synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def tagged_mp3(path: Path, sounds: Make, tag: bytes, tail: bytes = b"") -> Path:
    sounds(path, "-id3v2_version", "0", "-write_id3v1", "0")
    path.write_bytes(tag + path.read_bytes() + tail)
    return path


def write_all_formats(root: Path, sounds: Make) -> None:
    frames = [("TPE1", ARTISTS), ("TCON", GENRES), ("TBPM", ["0", "128"])]
    tagged_mp3(root / "id3v24.mp3", sounds, id3_tag(4, frames))
    tagged_mp3(root / "id3v23.mp3", sounds, id3_tag(3, [*frames[:2], ("TBPM", ["128"])]))
    items = {"Artist": "\0".join(ARTISTS), "Genre": "\0".join(GENRES), "BPM": "0\x00128"}
    tagged_mp3(root / "ape.mp3", sounds, b"", ape_tag({name: text.encode() for name, text in items.items()}))
    path = sounds(root / "flac.flac", artist="A")
    path.write_bytes(double_comments(path.read_bytes()))
    atoms = ilst_atom("\xa9ART", ARTISTS) + ilst_atom("\xa9gen", GENRES) + tempo_atoms(0, "128")
    path = sounds(root / "atoms.m4a", artist="A", genre="G")
    path.write_bytes(with_ilst(path.read_bytes(), atoms))


def double_comments(content: bytes) -> bytes:
    """A FLAC whose comments are replaced by two artists, two genres and two tempos."""
    texts = [f"ARTIST={artist}" for artist in ARTISTS] + [f"GENRE={genre}" for genre in GENRES] + ["BPM=0", "BPM=128"]
    body = struct.pack("<II", 0, len(texts)) + b"".join(
        struct.pack("<I", len(text.encode())) + text.encode() for text in texts
    )
    at, blocks = 4, b"fLaC"
    while True:
        kind, size = content[at], int.from_bytes(content[at + 1 : at + 4], "big")
        block = content[at + 4 : at + 4 + size]
        if kind & 0x7F == 4:
            block = body
        blocks += bytes((kind,)) + len(block).to_bytes(3, "big") + block
        at += 4 + size
        if kind & 0x80:
            return blocks + content[at:]


def atom(name: str, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + name.encode("latin-1") + content


def ilst_atom(name: str, values: list[str]) -> bytes:
    return atom(name, b"".join(atom("data", struct.pack(">II", 1, 0) + value.encode()) for value in values))


def tempo_atoms(number: int, text: str) -> bytes:
    mean, name = atom("mean", bytes(4) + b"com.apple.iTunes"), atom("name", bytes(4) + b"BPM")
    custom = atom("----", mean + name + atom("data", struct.pack(">II", 1, 0) + text.encode()))
    return atom("tmpo", atom("data", struct.pack(">IIH", 21, 0, number))) + custom


def with_ilst(content: bytes, atoms: bytes) -> bytes:
    """An m4a with these tags. Its index comes last, so that no offset changes."""
    changed, start, end = atoms, 0, 0
    for name in ("ilst", "meta", "udta", "moov"):
        at = content.rindex(name.encode()) - 4
        size = int.from_bytes(content[at : at + 4], "big")
        if name != "ilst":
            changed = content[at + 8 : start] + changed + content[end : at + size]
        changed, start, end = atom(name, changed), at, at + size
    return content[:start] + changed + content[end:]


def test_all_artists_and_genres_are_kept_in_every_format(root: Path, sounds: Make, sessions: SessionFactory) -> None:
    write_all_formats(root, sounds)
    run_scan(sessions, root)
    tracks = tracks_by_filename(sessions)
    assert set(tracks) == {"id3v24.mp3", "id3v23.mp3", "ape.mp3", "flac.flac", "atoms.m4a"}
    for name, track in tracks.items():
        assert (track.artists, track.genres, track.tag_bpm) == (ARTISTS, GENRES, 128), name
        assert (track.artist, track.genre) == ("; ".join(ARTISTS), "; ".join(GENRES)), name
    with sessions() as session:
        for artist in ARTISTS:
            assert len(search_tracks(session, artist, PageRequest(20)).rows) == len(tracks)
        for genre in (*GENRES, "anime", "ｊ－ＰＯＰ"):
            assert names_of_genre(session, genre) == set(tracks)
        assert names_of_genre(session, "pop") == set()


def names_of_genre(session: Session, genre: str) -> set[str]:
    found = listing.page(session, PageRequest(20), track_filter=listing.TrackFilter(genre=genre))
    return {track.filename for track in found.rows}


def test_a_joined_genre_is_found_whole_and_by_its_parts() -> None:
    assert genre_names(["Hip-Hop/Rap", "Pop;Anime"]) == ["Hip-Hop/Rap", "Hip-Hop", "Rap", "Pop;Anime", "Pop", "Anime"]


@pytest.mark.parametrize(
    ("version", "artist", "expected"),
    [(3, "AC/DC", ("AC/DC",)), (3, "Ado/Eve", ("Ado", "Eve")), (4, "Ado/Eve", ("Ado/Eve",)), (4, "A; B;", ("A", "B"))],
)
def test_a_slash_separates_artists_in_id3v23_only(
    tmp_path: Path, sounds: Make, version: int, artist: str, expected: tuple[str, ...]
) -> None:
    path = tagged_mp3(tmp_path / "a.mp3", sounds, id3_tag(version, [("TPE1", [artist])]))
    assert tags_of(path, {"artist": artist}).artists == expected


def tags_of(path: Path, joined: dict[str, str]) -> TrackTags:
    with path.open("rb") as file:
        return read_tags(file, kind="mp3", size_bytes=path.stat().st_size, joined=joined)


def test_an_m4a_without_a_tempo_has_that_of_its_custom_tag(root: Path, sounds: Make, sessions: SessionFactory) -> None:
    path = sounds(root / "a.m4a", artist="A")
    path.write_bytes(with_ilst(path.read_bytes(), tempo_atoms(0, "127.5")))
    run_scan(sessions, root)
    assert tracks_by_filename(sessions)["a.m4a"].tag_bpm == 127.5


HOSTILE: dict[type, list[object]] = {
    float: [2**63, -(2**63) - 1, 10**400, -1, 0, 401, float("nan"), float("inf"), -float("inf"), 1e300],
    str: ["a\0b", "\ud800", "﷽" * 500, "x" * 100_000, "".join(map(chr, range(0x4E00, 0x9E00))), ""],
    list: [["a\0", "\udfff"], ["x" * 100_000], []],
}
OUR_OWN = {"id", "created_at", "updated_at", "bpm", "missing_since", "quality", "quality_measured_at"}
PATH_AND_HASH = {"root", "folder", "filename", "sha256"}  # is_storable checks the path


@pytest.mark.parametrize("name", sorted({column.key for column in inspect(Track).columns} - OUR_OWN - PATH_AND_HASH))
def test_no_value_of_a_file_reaches_the_database_that_it_would_refuse(sessions: SessionFactory, name: str) -> None:
    good: dict[str, object] = {
        **{"root": "/r", "folder": "", "filename": "f.mp3", "sha256": "0" * 64, "bytes": 1, "mtime_ns": 1},
        **{"kind": "mp3", "codec": "mp3", "title": "t", "duration_s": 1.0, "sample_rate": 44100, "channels": 2},
        **{"title_text": "t", "search_text": " t "},
    }
    kind = inspect(Track).columns[name].type.python_type
    for value in HOSTILE[{int: float, object: list}.get(kind, kind)]:
        with sessions() as session:
            try:
                fitted = fit_track({**good, name: value})
            except MediaUnreadableError:
                continue
            session.add(Track(**fitted))
            session.flush()
            session.rollback()
