"""What Jellyfin makes of a folder of films: series, seasons, episodes and what stands beside them.

The rules are those of 10.11 and 12.0, as far as a library of one's own films meets them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mkv", ".webm", ".mov", ".ts", ".avi"})
SUBTITLE_SUFFIXES = frozenset({".srt", ".vtt", ".ass", ".ssa", ".sub", ".sup", ".mks", ".sami", ".smi"})
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tbn", ".gif", ".svg")
IGNORED_FOLDERS = frozenset(
    {"metadata", "subs", "sample", "extrafanart", "extrathumbs", ".actors", "lost+found", ".snapshot", ".snapshots"}
)
EXTRAS_FOLDERS = frozenset(
    {"trailers", "backdrops", "theme-music", "behind the scenes", "deleted scenes", "interviews", "scenes", "samples"}
    | {"shorts", "featurettes", "extras", "extra", "other", "clips"}
)
EXTRA_WORDS = (
    *("trailer", "sample", "scene", "clip", "short", "interview", "featurette"),
    *("deleted", "behindthescenes", "extra", "other"),
)
EXTRA_STEM = re.compile(rf"(?:-|\.|_|- )(?:{'|'.join(EXTRA_WORDS)})\d*$", re.IGNORECASE)
EPISODE = re.compile(r"s(\d{1,4})[ ._-]*e(\d{1,4})(?:-e(\d{1,4}))?|(?<!\d)(\d{1,2})x(\d{1,3})(?!\d)", re.IGNORECASE)
RANGE_IN_TITLE = re.compile(r"(\d+)(?:-(\d+))+")
SEASON = re.compile(r"(?:(?:season|staffel|saison|シーズン)\s*|s)?(\d{1,4})", re.IGNORECASE)
FLAGS = {"default": "default", "forced": "forced", "foreign": "forced", "sdh": "sdh", "cc": "sdh", "hi": "sdh"}
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2})?")


@dataclass(frozen=True)
class Subtitle:
    path: Path
    language: str | None
    flags: frozenset[str]
    title: str


@dataclass(frozen=True)
class Episode:
    """`versions` are further files of the same episode, which 12.0 groups."""

    path: Path
    series: Path
    season: int
    number: int
    last_number: int | None
    image: Path | None
    subtitles: tuple[Subtitle, ...]
    extra_sound: tuple[Path, ...]
    versions: tuple[Path, ...] = ()


@dataclass
class Series:
    path: Path
    poster: Path | None
    seasons: dict[int, Path] = field(default_factory=dict)
    episodes: list[Episode] = field(default_factory=list)
    extras: list[Path] = field(default_factory=list)


def resolve_library(root: Path, *, version: str) -> list[Series]:
    """The series below `root`. A folder above that is ignored hides all of them."""
    if any(part.casefold() in IGNORED_FOLDERS for part in root.parts) or _is_hidden(root):
        return []
    return [_resolve_series(folder, version) for folder in _folders(root)]


def find_season_number(name: str) -> int | None:
    if name.casefold() == "specials":
        return 0
    match = SEASON.fullmatch(name.strip())
    return int(match[1]) if match else None


def parse_subtitle(path: Path, stem: str) -> Subtitle:
    language, flags, title = None, set(), []
    for word in path.stem.removeprefix(stem).strip(".").split("."):
        flag = next((FLAGS[name] for name in ("default", "forced", "foreign") if name in word.casefold()), None)
        if flag:
            flags.add(flag)
        elif word.casefold() in ("sdh", "cc") or (word.casefold() == "hi" and language):
            flags.add("sdh")
        elif language is None and LANGUAGE.fullmatch(word):
            language = word
        elif word:
            title.append(word)
    return Subtitle(path, language, frozenset(flags), " ".join(title))


def _resolve_series(folder: Path, version: str) -> Series:
    series = Series(folder, _image(folder, ("poster", "folder", "cover", "default", "show")))
    _add_videos(series, folder, None, version)
    for inner in _folders(folder):
        number = find_season_number(inner.name)
        if inner.name.casefold() in EXTRAS_FOLDERS:
            series.extras += [file for file in _files(inner) if file.suffix in VIDEO_SUFFIXES]
        else:
            if number is not None:
                series.seasons[number] = inner
            _add_videos(series, inner, number, version)
    return series


def _add_videos(series: Series, folder: Path, season: int | None, version: str) -> None:
    found: dict[tuple[int, int], Episode] = {}
    for file in _files(folder):
        if file.suffix.casefold() not in VIDEO_SUFFIXES:
            continue
        if EXTRA_STEM.search(file.stem):
            series.extras.append(file)
            continue
        episode = _resolve_episode(series, file, season, version)
        if episode is None:
            continue
        first = found.get((episode.season, episode.number))
        if first is not None and version.startswith("12"):
            at = series.episodes.index(first)
            grouped = Episode(**{**vars(first), "versions": (*first.versions, file)})
            series.episodes[at] = found[episode.season, episode.number] = grouped
        else:
            found.setdefault((episode.season, episode.number), episode)
            series.episodes.append(episode)


def _resolve_episode(series: Series, file: Path, season: int | None, version: str) -> Episode | None:
    match = EPISODE.search(file.stem)
    if match is None:
        return None
    named, number = int(match[1] or match[4]), int(match[2] or match[5])
    last = int(match[3]) if match[3] else None
    title = RANGE_IN_TITLE.search(file.stem, match.end())
    if last is None and title and version.startswith("10."):
        last = int(title[2])
    beside = [other for other in _files(file.parent) if other.name.startswith(f"{file.stem}.") and other != file]
    return Episode(
        path=file,
        series=series.path,
        season=named if match[1] or match[4] else season or 1,
        number=number,
        last_number=last,
        image=_image(file.parent, (file.stem, f"{file.stem}-thumb")),
        subtitles=tuple(parse_subtitle(it, file.stem) for it in beside if it.suffix.casefold() in SUBTITLE_SUFFIXES),
        extra_sound=tuple(it for it in beside if it.suffix.casefold() in (".wav", ".mp3", ".flac", ".m4a")),
    )


def _image(folder: Path, stems: tuple[str, ...]) -> Path | None:
    """The first picture of these names that is not empty."""
    for stem in stems:
        for suffix in IMAGE_SUFFIXES:
            file = folder / f"{stem}{suffix}"
            if file.is_file() and file.stat().st_size:
                return file
    return None


def _folders(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        ignored = entry.name.startswith(".") or entry.name.casefold() in IGNORED_FOLDERS
        if entry.is_dir() and not ignored and not _is_hidden(entry):
            yield entry


def _files(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        name = entry.name.casefold()
        ignored = name.startswith(".") or ".sample." in name or name.endswith((".sync", ".bts"))
        if entry.is_file() and not ignored and name not in ("small.jpg", "albumart.jpg", "thumbs.db"):
            yield entry


def _is_hidden(folder: Path) -> bool:
    """Whether an empty .ignore file hides the folder."""
    marker = folder / ".ignore"
    return marker.is_file() and not marker.read_text().strip()
