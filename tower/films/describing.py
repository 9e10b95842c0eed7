"""Describes a finished film for the library: its series, its texts, its subtitles, and where it comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.bibles import ProjectBible
from db.models.episodes import Episode
from db.models.projects import Project
from tower.assembly.cut import EpisodeCut, Shot
from tower.assembly.subtitles import SubtitleFormat, clean_cues, languages, write_subtitles
from tower.films.origins import describe_origin
from tower.publishing import ledger
from tower.publishing.film import (
    LANGUAGE,
    MAX_NUMBER,
    EpisodeRef,
    Film,
    Series,
    Subtitle,
)
from tower.publishing.stills import Moment, Stills
from tower.settings import Settings
from tower.story.entities import LocatedRow

FIRST_YEAR = 1851  # that an NFO may hold
MAX_WORDS, MAX_WORD_LENGTH = 20, 100  # of genres and tags
SEPARATORS = re.compile(r"[,;/]")


@dataclass(frozen=True)
class FinishedFilm:
    """The film of an episode, and the cut that it was made from. `commit`: of its story; None: the branch's newest."""

    episode: LocatedRow[Episode]
    path: Path
    cut: EpisodeCut
    commit: str | None = None


def list_moments(cut: EpisodeCut) -> list[Moment]:
    """The middle of each shot, in its take."""
    shots = (item for item in cut.items if isinstance(item, Shot))
    middles = ((shot.take.path, shot.first_frame + shot.source_frames // 2) for shot in shots)
    return [Moment(take, float(frame / cut.form.fps)) for take, frame in middles]


def describe_film(session: Session, settings: Settings, finished: FinishedFilm, stills: Stills | None) -> Film:
    """The film with everything that is published beside it."""
    episode = finished.episode.row
    project = session.get_one(Project, finished.episode.project_id)
    series = _describe_series(session, project, episode)
    if stills and ledger.may_bring_poster(session, settings.library, EpisodeRef(series.key, episode.key)):
        series = replace(series, poster=stills.poster)
    return Film(
        path=finished.path,
        episode_key=episode.key,
        series=series,
        season=_number(episode.details.get("season"), otherwise=1),
        number=episode.episode_number,
        title=episode.title,
        synopsis=episode.synopsis,
        aired=_date(episode.details.get("aired")),
        tags=_words(episode.details, "tags", "mood"),
        subtitles=tuple(_list_subtitles(finished.cut)),
        thumb=stills.thumb if stills else None,
        provenance=describe_origin(session, finished.episode, finished.cut, finished.commit),
    )


def _describe_series(session: Session, project: Project, episode: Episode) -> Series:
    bible = session.scalar(select(ProjectBible).where(ProjectBible.branch_id == episode.branch_id))
    name = project.settings.series_name if project.settings else None
    return Series(
        key=str(project.series_key),
        name=name or project.name,
        plot=bible.description if bible else project.description,
        year=_number(project.details.get("year"), otherwise=project.created_at.year, least=FIRST_YEAR),
        genres=_words(project.details, "genres", "genre"),
    )


def _list_subtitles(cut: EpisodeCut) -> Iterator[Subtitle]:
    """One file for each language. The first one is left out if it is burnt into the picture."""
    for language in languages(cut.subtitles)[int(cut.burn_subtitles) :]:
        cues = clean_cues(cue for cue in cut.subtitles if cue.language == language)
        if cues and LANGUAGE.fullmatch(language):
            yield Subtitle(language, write_subtitles(cues, cut.form.fps, SubtitleFormat.SRT))


def _words(details: Mapping[str, Any], *names: str) -> tuple[str, ...]:
    """The texts of the author's fields of these names: lists, or words between commas."""
    values = (details.get(name) for name in names)
    texts = (text for value in values for text in (value if isinstance(value, list) else [value]))
    words = (word.strip() for text in texts if isinstance(text, str) for word in SEPARATORS.split(text))
    return tuple(dict.fromkeys(word[:MAX_WORD_LENGTH] for word in words if word))[:MAX_WORDS]


def _number(value: Any, *, otherwise: int, least: int = 0) -> int:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and least <= value <= MAX_NUMBER else otherwise


def _date(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
