"""A film that can be published: the file, its place among others, and its texts."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

from tower.errors import InvalidError
from tower.media.files import sha256_of
from tower.publishing.provenance import Provenance

LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?")
MAX_NUMBER = 9999


class SubtitleFormat(StrEnum):
    SRT = "srt"
    VTT = "vtt"
    ASS = "ass"


@dataclass(frozen=True)
class Subtitle:
    """Subtitles beside the film. `language` has two or three letters, with a country if it matters: pt-BR."""

    language: str
    text: str
    format: SubtitleFormat = SubtitleFormat.SRT
    is_default: bool = False
    is_forced: bool = False
    is_for_hearing_impaired: bool = False


@dataclass(frozen=True)
class Series:
    """`key` identifies the series under every name, also beside series that another installation publishes.

    Its folder keeps its first name.
    """

    key: str
    name: str
    plot: str = ""
    year: int | None = None
    genres: tuple[str, ...] = ()
    poster: Path | None = None


@dataclass(frozen=True)
class EpisodeRef:
    """An episode of a series. Copies of a project are other series with the same episodes."""

    series_key: str
    episode_key: UUID


@dataclass(frozen=True)
class Film:
    """An episode as it is to be published. `path` is an MP4 without a mark, which is not written to again."""

    path: Path
    episode_key: UUID
    series: Series
    season: int
    number: int
    title: str
    synopsis: str = ""
    aired: date | None = None
    tags: tuple[str, ...] = ()
    subtitles: tuple[Subtitle, ...] = ()
    thumb: Path | None = None
    provenance: Provenance = field(default_factory=Provenance)

    @property
    def ref(self) -> EpisodeRef:
        return EpisodeRef(self.series.key, self.episode_key)

    def as_json(self) -> dict[str, Any]:
        """All of it but the paths, as the ledger keeps it."""
        series = {name: value for name, value in vars(self.series).items() if name != "poster"}
        return {
            "series": {**series, "genres": list(self.series.genres)},
            "season": self.season,
            "number": self.number,
            "title": self.title,
            "synopsis": self.synopsis,
            "aired": self.aired.isoformat() if self.aired else None,
            "tags": list(self.tags),
            "subtitles": [{**vars(one), "format": one.format.value} for one in self.subtitles],
        }


def restore_film(
    request: Mapping[str, Any],
    *,
    episode_key: UUID,
    path: Path,
    poster: Path | None,
    thumb: Path | None,
    provenance: Mapping[str, Any],
) -> Film:
    """The film of a ledger row."""
    series = {**request["series"], "genres": tuple(request["series"]["genres"]), "poster": poster}
    subtitles = (Subtitle(**{**one, "format": SubtitleFormat(one["format"])}) for one in request["subtitles"])
    return Film(
        path=path,
        episode_key=episode_key,
        series=Series(**series),
        season=request["season"],
        number=request["number"],
        title=request["title"],
        synopsis=request["synopsis"],
        aired=date.fromisoformat(request["aired"]) if request["aired"] else None,
        tags=tuple(request["tags"]),
        subtitles=tuple(subtitles),
        thumb=thumb,
        provenance=Provenance.from_json(provenance),
    )


def content_sha256(film: Film, master_sha256: str) -> str:
    """The hash over everything that is published. Equal: there is nothing to do.

    The commit and the branch do not count: a commit that changes another episode makes the same film.
    """
    origin = {**film.provenance.as_json(), "commit": None}
    del origin["branch"]
    pictures = [sha256_of(path) if path else None for path in (film.series.poster, film.thumb)]
    parts = [master_sha256, pictures, film.as_json(), origin]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def check_film(film: Film) -> None:
    """Raises InvalidError, which names the field, if the film cannot be published."""
    if film.path.suffix.lower() != ".mp4" or not film.path.is_file():
        raise InvalidError.field("path", str(film.path), "an MP4 file that exists")
    for name, text in (("title", film.title), ("series.name", film.series.name), ("series.key", film.series.key)):
        if not text.strip():
            raise InvalidError.field(name, text, "a text that is not blank")
    for name, number in (("season", film.season), ("number", film.number)):
        if not 0 <= number <= MAX_NUMBER:
            raise InvalidError.field(name, number, f"0 to {MAX_NUMBER}")
    year = film.series.year
    if year is not None and not 1850 < year <= MAX_NUMBER:
        raise InvalidError.field("series.year", year, f"1851 to {MAX_NUMBER}")
    for name, picture in (("series.poster", film.series.poster), ("thumb", film.thumb)):
        if picture is not None and not picture.is_file():
            raise InvalidError.field(name, str(picture), "a picture that exists")
    _check_subtitles(film.subtitles)


def _check_subtitles(subtitles: tuple[Subtitle, ...]) -> None:
    seen = set()
    for number, subtitle in enumerate(subtitles):
        if not LANGUAGE.fullmatch(subtitle.language):
            raise InvalidError.field(f"subtitles.{number}.language", subtitle.language, "a code such as en or pt-BR")
        kind = (subtitle.language, subtitle.is_forced, subtitle.is_for_hearing_impaired, subtitle.format)
        if kind in seen:
            raise InvalidError.field(f"subtitles.{number}", subtitle.language, "each language once for each kind")
        seen.add(kind)
