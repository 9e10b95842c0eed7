"""Plans the trailer of an episode: a cut of its best shots between two cards, to its music."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models.episodes import Episode
from db.models.jobs import ProductionJob
from db.models.library import Track
from db.models.rendering import Asset
from db.models.scenes import Scene as SceneRow
from tower.assembly.cut import (
    CUT,
    Card,
    CardKind,
    EffectKind,
    EpisodeCut,
    Item,
    MusicCue,
    Shot,
    Transition,
    TransitionKind,
    check_cut,
)
from tower.assembly.planning import plan_cut
from tower.assembly.takes import EpisodeIncompleteError
from tower.assembly.trailer_shots import Pace, Scene, Window, choose_shots
from tower.beats.cache import find_cached
from tower.beats.results import MAX_BPM, MIN_BPM, TempoHint
from tower.story.entities import LocatedRow

SHORTEST_CARD_S, CARD_S, LONGEST_CARD_S = 1.5, 2.0, 3.0
FADE_S, MUSIC_FADE_S = 0.5, 2.0
LOOKS = frozenset({EffectKind.BLACK_AND_WHITE, EffectKind.MIRROR})  # the effects that a part of a shot keeps


def plan_trailer(session: Session, episode: LocatedRow[Episode], seconds: float) -> EpisodeCut:
    """Plan a trailer of `seconds`, or as long as the takes that are there allow.

    Raises what plan_cut raises, and EpisodeIncompleteError if no scene is as long as a shot.
    """
    film = plan_cut(session, episode)
    fps = film.form.fps
    cue = max(film.music, key=lambda one: one.frames, default=None)
    pace = Pace(fps, _find_beats(session, cue, fps) if cue else ())
    shots = [_plain(item) for item in film.items if isinstance(item, Shot)]
    scores = _find_scores(session, episode)
    scenes = [Scene(shot.frames, scores.get(shot.scene_key)) for shot in shots]

    whole, card, longest = (pace.frames(length_s) for length_s in (seconds, CARD_S, LONGEST_CARD_S))
    start = pace.end_near(card, least=pace.frames(SHORTEST_CARD_S), most=longest)
    chosen = choose_shots(scenes, pace, start=start, end=whole - card)
    if not chosen:
        raise EpisodeIncompleteError("No scene is as long as a shot of a trailer, which lasts a second")
    left = whole - start - sum(window.frames for window in chosen)
    parts = [_part(shots[window.scene], window) for window in chosen]
    items: tuple[Item, ...] = (_title(film, start), *parts, _end(film, left if left <= longest else card))
    fade = Transition(TransitionKind.FADE, pace.frames(FADE_S))
    cut = EpisodeCut(film.form, items, (*[CUT] * len(parts), fade), tags=_tags(film))
    planned = replace(cut, music=(_excerpt(cue, cut.frames),) if cue else ())
    check_cut(planned)
    return planned


def _plain(shot: Shot) -> Shot:
    """The shot without slow motion and moves, which would begin in the middle in a part of it."""
    effect = shot.effect if shot.effect and shot.effect.kind in LOOKS else None
    return replace(shot, speed=max(shot.speed, Fraction(1)), effect=effect)


def _part(shot: Shot, window: Window) -> Shot:
    length = round(window.frames * shot.speed)
    first = min(int(window.first_frame * shot.speed), shot.source_frames - length)
    return replace(shot, first_frame=shot.first_frame + max(0, first), source_frames=length)


def _title(film: EpisodeCut, frames: int) -> Card:
    shown = film.items[0]
    if isinstance(shown, Card) and shown.kind is CardKind.TITLE:
        return replace(shown, frames=frames)
    return Card(CardKind.TITLE, tuple(dict.fromkeys((film.tags["show"], film.tags["title"]))), frames)


def _end(film: EpisodeCut, frames: int) -> Card:
    shown = film.items[-1]
    if isinstance(shown, Card) and shown.kind is CardKind.END:
        return replace(shown, frames=frames)
    return Card(CardKind.END, (film.tags["title"],), frames)


def _excerpt(cue: MusicCue, frames: int) -> MusicCue:
    """The music from its beginning, which fades with the trailer."""
    return replace(cue, start_frame=0, frames=min(cue.frames, frames), fade_in_s=0.0, fade_out_s=MUSIC_FADE_S)


def _find_beats(session: Session, cue: MusicCue, fps: Fraction) -> Sequence[int]:
    """The frames of the trailer on beats of its music; none if the track was not analysed yet."""
    override = session.scalar(select(Track.bpm_override).where(Track.sha256 == cue.track.sha256).limit(1))
    hint = TempoHint(bpm=override) if override is not None and MIN_BPM <= override <= MAX_BPM else None
    analysis = find_cached(session, cue.track.sha256, hint) or find_cached(session, cue.track.sha256)
    times_s = analysis.beat_times_s if analysis else ()
    return sorted({round((time_s - cue.offset_s) * fps) for time_s in times_s if time_s >= cue.offset_s})


def _find_scores(session: Session, episode: LocatedRow[Episode]) -> Mapping[uuid.UUID, float]:
    """The scores of the accepted takes, by the key of their scene."""
    rows = session.execute(
        select(SceneRow.key, ProductionJob.quality_score)
        .join(Asset, Asset.id == SceneRow.accepted_asset_id)
        .join(ProductionJob, ProductionJob.id == Asset.job_id)
        .where(SceneRow.branch_id == episode.row.branch_id, SceneRow.episode_key == episode.row.key)
    )
    return {key: score for key, score in rows if score is not None}


def _tags(film: EpisodeCut) -> dict[str, str]:
    return {"title": f"{film.tags['title']} (trailer)", "show": film.tags["show"]}
