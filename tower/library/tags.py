"""Reads the tags of a music file with every value of each, whatever the format keeps them in.

FFmpeg gives one string for each tag: the first value, the last, or all joined by ";", depending on the format. tinytag
gives the values. FFmpeg reads damaged tags better, so its string decides if both disagree.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from tinytag import TinyTag, TinyTagException

from tower.library.ape import read_ape_tags
from tower.library.columns import MAX_BPM, MIN_BPM

MAX_TEXT_LENGTH = 500  # characters of a tag that are kept
MAX_VALUES = 50  # of one tag
JOINED_KINDS = frozenset({"flac", "ogg", "opus"})  # FFmpeg joins their values by ";"
NAMES = {"album_artist": "albumartist", "album artist": "albumartist", "tbpm": "bpm", "tmpo": "bpm", "tempo": "bpm"}
R128_TO_REPLAYGAIN_DB = 5.0  # the reference is −23 LUFS in R 128 and −18 LUFS in ReplayGain 2
GENRE_SEPARATORS = re.compile(r"[;/,|、]")
Tags = Mapping[str, Sequence[str]]  # the values by name, in lower case


@dataclass(frozen=True)
class TrackTags:
    """The tags of a track. `gain_db` is as in ReplayGain; `bpm` is the first one that is a tempo."""

    title: str | None
    artists: tuple[str, ...]
    album: str | None
    album_artists: tuple[str, ...]
    genres: tuple[str, ...]
    bpm: float | None
    gain_db: float | None


def read_tags(file: IO[bytes], *, kind: str, size_bytes: int, joined: Mapping[str, str]) -> TrackTags:
    """The tags of a file. `joined` are the strings that FFmpeg gives, by name in lower case."""
    tags = _merge(joined, _values(file, kind, joined), kind)
    if kind == "mp3":
        tags = {**_renamed(read_ape_tags(file, size_bytes)), **tags}
    slash = kind == "mp3" and _id3_version(file) == 3
    return TrackTags(
        title=next(iter(_texts(tags, "title")), None),
        artists=tuple(_split(_texts(tags, "artist"), slash=slash)),
        album=next(iter(_texts(tags, "album")), None),
        album_artists=tuple(_split(_texts(tags, "albumartist"), slash=slash)),
        genres=tuple(_split(_texts(tags, "genre"), slash=slash)),
        bpm=_bpm(tags),
        gain_db=_gain_db(tags),
    )


def genre_names(genres: Sequence[str]) -> list[str]:
    """The names that a filter finds these genres by: each, and the parts of one like "Hip-Hop/Rap"."""
    split = (GENRE_SEPARATORS.split(unicodedata.normalize("NFKC", genre)) for genre in genres)
    parts = (part.strip() for genre, parts in zip(genres, split, strict=True) for part in (genre, *parts))
    return list(dict.fromkeys(filter(None, parts)))


def clean_text(text: str) -> str:
    """The text without unprintable characters and extra spaces, cut to MAX_TEXT_LENGTH."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split())[:MAX_TEXT_LENGTH].rstrip()


def _values(file: IO[bytes], kind: str, joined: Mapping[str, str]) -> Tags:
    """The values as tinytag reads them. Where FFmpeg's string cannot be joined, it is not asked."""
    if kind in JOINED_KINDS and not any(";" in text for text in joined.values()):
        return {}
    file.seek(0)
    try:
        found = TinyTag.get(file_obj=file, duration=False)  # type: ignore[arg-type] # any binary file does
    except (TinyTagException, ValueError, LookupError, OverflowError, OSError):
        return {}
    own = {"title": found.title, "artist": found.artist, "album": found.album}
    own |= {"albumartist": found.albumartist, "genre": found.genre}
    values = {field: [text] for field, text in own.items() if text}
    for field, further in found.other.items():
        values.setdefault(NAMES.get(field.casefold(), field.casefold()), []).extend(map(str, further))
    return values


def _merge(joined: Mapping[str, str], values: Tags, kind: str) -> dict[str, list[str]]:
    merged = {field: list(texts) for field, texts in values.items()}
    for name, text in joined.items():
        field = NAMES.get(name, name)
        single = text.split(";") if kind in JOINED_KINDS else [text]
        known = merged.get(field, [])
        if not {part.strip() for part in (text, *single)} & {value.strip() for value in known}:
            merged[field] = [*single, *known] if field == "bpm" else single
    return merged


def _renamed(tags: Tags) -> dict[str, list[str]]:
    return {NAMES.get(field, field): list(texts) for field, texts in tags.items()}


def _id3_version(file: IO[bytes]) -> int | None:
    file.seek(0)
    head = file.read(4)
    return head[3] if head[:3] == b"ID3" else None


def _texts(tags: Tags, field: str) -> list[str]:
    texts = (clean_text(part) for text in tags.get(field, ()) for part in text.split("\0"))
    return list(dict.fromkeys(filter(None, texts)))


def _split(texts: Iterable[str], *, slash: bool) -> Iterator[str]:
    """The single values of texts that hold several: after ";", and in ID3v2.3, which has no other way, after "/"."""
    parts = (part.strip() for text in texts for value in text.split(";") for part in _split_slash(value, slash=slash))
    return iter(list(dict.fromkeys(filter(None, parts)))[:MAX_VALUES])


def _split_slash(text: str, *, slash: bool) -> list[str]:
    """A name like AC/DC is one: short parts in ASCII are no names."""
    parts = [part.strip() for part in text.split("/")] if slash else [text]
    return [text] if any(part.isascii() and len(part) < 3 for part in parts) else parts


def _numbers(tags: Tags, field: str) -> Iterator[float]:
    for text in tags.get(field, ()):
        for part in re.split(r"[;\0]", text):
            found = re.match(r"\s*([+-]?\d{1,9}(?:[.,]\d{1,9})?)", part)
            if found:
                yield float(found[1].replace(",", "."))


def _bpm(tags: Tags) -> float | None:
    return next((bpm for bpm in _numbers(tags, "bpm") if MIN_BPM <= bpm <= MAX_BPM), None)


def _gain_db(tags: Tags) -> float | None:
    """The ReplayGain of a track in dB, from a tag like `-6.1 dB` or an R128 tag in Q7.8."""
    gains = (gain for gain in _numbers(tags, "replaygain_track_gain") if abs(gain) < 100)
    r128 = (gain for gain in _numbers(tags, "r128_track_gain") if abs(gain) < 2**15)
    found = next(gains, None)
    return found if found is not None else next((round(gain / 256 + R128_TO_REPLAYGAIN_DB, 2) for gain in r128), None)
