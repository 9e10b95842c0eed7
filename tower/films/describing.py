"""Describes a finished film for the library: its series, its texts, its subtitles, and the takes that it is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.bibles import ProjectBible
from db.models.episodes import Episode
from db.models.projects import Project
from db.models.rendering import Asset
from db.models.scenes import Scene
from tower.assembly.cut import EpisodeCut, Shot
from tower.assembly.subtitles import SubtitleFormat, clean_cues, languages, write_subtitles
from tower.engines.installed import installed_engines
from tower.publishing import ledger
from tower.publishing.film import (
    LANGUAGE,
    MAX_NUMBER,
    EpisodeRef,
    Film,
    FilmShot,
    PictureSource,
    Provenance,
    Series,
    Subtitle,
)
from tower.publishing.stills import Moment, Stills
from tower.settings import Settings
from tower.story.entities import LocatedRow
from tower.versions import heads

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
        provenance=_describe_origin(session, project, finished),
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


def _describe_origin(session: Session, project: Project, finished: FinishedFilm) -> Provenance:
    episode, cut = finished.episode, finished.cut
    commit = finished.commit or heads.load_head(session, project.id, episode.branch, lock=False).commit.hash
    takes = _find_takes(session, project.id, cut)
    fingerprints = _find_fingerprints(session, episode.row.branch_id, cut)
    shots = []
    for item, start in zip(cut.items, cut.starts, strict=True):
        if isinstance(item, Shot):
            sha256, fps = item.take.sha256, cut.form.fps
            take = takes.get(sha256)
            engine = None if take is None else str(take.provenance.get("engine"))
            shot = FilmShot(float(start / fps), float((start + item.frames) / fps), str(item.scene_key), sha256, engine)
            model, fingerprint = _find_model(session, take), fingerprints.get((item.scene_key, sha256))
            shots.append(replace(shot, model=model, fingerprint=fingerprint))
    return Provenance(project.id, project.name, commit, tuple(shots), _picture_source(shots))


def _find_takes(session: Session, project_id: int, cut: EpisodeCut) -> Mapping[str, Asset]:
    """The rendered takes of the film by their content, the newest of equal ones. A user's own video has none."""
    wanted = {item.take.sha256 for item in cut.items if isinstance(item, Shot)}
    rows = select(Asset).where(Asset.sha256.in_(wanted), Asset.project_id == project_id).order_by(Asset.id)
    return {asset.sha256: asset for asset in session.scalars(rows) if "engine" in asset.provenance}


def _find_fingerprints(session: Session, branch_id: int, cut: EpisodeCut) -> Mapping[tuple[UUID, str], str]:
    """The fingerprints of the accepted takes, by scene and content of the take."""
    keys = {item.scene_key for item in cut.items if isinstance(item, Shot)}
    rows = session.execute(
        select(Scene.key, Asset.sha256, Scene.accepted_fingerprint)
        .join(Asset, Asset.id == Scene.accepted_asset_id)
        .where(Scene.branch_id == branch_id, Scene.key.in_(keys))
    )
    return {(key, sha256): fingerprint for key, sha256, fingerprint in rows if fingerprint is not None}


def _find_model(session: Session, take: Asset | None) -> str | None:
    """The model file of a take, or of the first part that it was joined from; None if its engine has none."""
    if take is None or not _is_trained(take.provenance.get("engine")):
        return None
    parts = take.provenance.get("joined_from_assets") or ()
    origin = session.get(Asset, parts[0]) if parts else take
    model = (origin.provenance.get("shot") or {}).get("model") if origin else None
    return str(model) if model else None


def _picture_source(shots: Sequence[FilmShot]) -> PictureSource:
    """How the pictures were made. A film with a user's own videos is a composite of whatever they are."""
    kinds = {None if shot.engine is None else _is_trained(shot.engine) for shot in shots}
    if kinds == {True}:
        return PictureSource.TRAINED_MODEL
    if kinds == {False}:
        return PictureSource.ALGORITHM
    return PictureSource.COMPOSITE if True in kinds else PictureSource.MIXED


def _is_trained(engine: object) -> bool:
    """Whether an engine draws with a trained model. One that is not installed here counts as such."""
    entry = installed_engines().entries.get(str(engine))
    return entry is None or entry.uses_trained_model


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
