"""The planned film of an episode: every shot, card, transition, subtitle and piece of music with its frames."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from fractions import Fraction
from typing import Literal

from fastapi import Response
from pydantic import BaseModel, Field

from api.episodes.routes import OptionalProject
from api.errors import error_responses
from api.http.dependencies import ReadingSession
from api.http.field_types import BranchQuery
from api.http.strict_routes import strict_router
from api.versions.reading import with_etag
from tower.assembly.cut import Card, EffectKind, EpisodeCut, Item, Shot, SoundRule, Transition, TransitionKind
from tower.assembly.keys import film_key
from tower.assembly.planning import plan_cut
from tower.media.rates import rate_number
from tower.story.episodes import find_episode

router = strict_router(prefix="/api/anime/episodes/{episode_id}", tags=["cuts"])


class CutListTransition(BaseModel):
    kind: TransitionKind
    frames: int


class CutListEffect(BaseModel):
    kind: EffectKind
    scale: float = Field(description="How much the picture is enlarged; 1 for effects that do not enlarge it.")
    start_frame: int = Field(description="From the start of the shot.")
    frames: int = Field(description="The length of a shake, a flash or a freeze; 0 for the others.")


class CutListItem(BaseModel):
    """A shot or card. Frames count from 0; a dissolve overlaps two items."""

    kind: Literal["shot", "title", "end"]
    title: str = Field(description="The title of the scene, or the lines of the card.")
    scene_key: uuid.UUID | None = Field(description="Null for a card.")
    start_frame: int
    frames: int
    start_seconds: float
    seconds: float
    first_frame: int | None = Field(description="First frame of the take that is shown, at the rate of the film.")
    source_frames: int | None = Field(description="Frames of the take that are shown, before the speed.")
    speed: float | None
    sound: SoundRule | None
    effect: CutListEffect | None = Field(description="What is done to the pictures; a freeze is within `frames`.")
    video_path: str | None
    transition: CutListTransition | None = Field(description="To the next item; null after the last.")


class CutListMusic(BaseModel):
    path: str
    start_frame: int
    frames: int
    start_seconds: float
    seconds: float
    offset_seconds: float
    gain_db: float
    fade_in_seconds: float
    fade_out_seconds: float
    duck_db: float


class CutListSubtitle(BaseModel):
    start_seconds: float
    end_seconds: float
    text: str
    speaker: str | None
    language: str


class CutListChapter(BaseModel):
    start_seconds: float
    title: str


class CutListAnswer(BaseModel):
    """The film as it would be made now. Equal fingerprints mean equal films."""

    episode_id: uuid.UUID
    branch_name: str
    width: int
    height: int
    fps: float
    frames: int
    seconds: float
    fingerprint: str
    items: list[CutListItem]
    music: list[CutListMusic]
    subtitles: list[CutListSubtitle]
    burn_subtitles: bool
    chapters: list[CutListChapter]


@router.get("/cut-list", responses=error_responses(404, 409, 422))
def get_cut_list(
    episode_id: uuid.UUID,
    session: ReadingSession,
    response: Response,
    *,
    branch: BranchQuery = None,
    project_id: OptionalProject = None,
) -> CutListAnswer:
    """Plan the film from the cut and the takes that its scenes show now.

    409 lists the scenes that have no take; 422 names what does not fit the takes.
    """
    found = find_episode(session, episode_id, project_id=project_id, branch=branch)
    cut = plan_cut(session, found)
    answer = CutListAnswer(
        episode_id=episode_id,
        branch_name=found.branch,
        width=cut.form.width,
        height=cut.form.height,
        fps=float(rate_number(cut.form.fps)),
        frames=cut.frames,
        seconds=round(cut.duration_s, 6),
        fingerprint=film_key(cut),
        items=_items(cut),
        music=_music(cut),
        subtitles=_subtitles(cut),
        burn_subtitles=cut.burn_subtitles,
        chapters=[CutListChapter(start_seconds=_s(part.start_frame, cut), title=part.title) for part in cut.chapters],
    )
    return with_etag(response, answer)


def _items(cut: EpisodeCut) -> list[CutListItem]:
    following: list[Transition | None] = [*cut.transitions, None]
    return [_item(*part, cut) for part in zip(cut.items, cut.starts, following, strict=True)]


def _item(item: Item, start: int, after: Transition | None, cut: EpisodeCut) -> CutListItem:
    shot = item if isinstance(item, Shot) else None
    return CutListItem(
        kind=item.kind.value if isinstance(item, Card) else "shot",
        title=item.title if isinstance(item, Shot) else " / ".join(item.lines),
        scene_key=shot and shot.scene_key,
        start_frame=start,
        frames=item.frames,
        start_seconds=_s(start, cut),
        seconds=_s(item.frames, cut),
        first_frame=shot and shot.first_frame,
        source_frames=shot and shot.source_frames,
        speed=shot and float(shot.speed),
        sound=shot and shot.sound,
        effect=CutListEffect(**asdict(shot.effect)) if shot and shot.effect else None,
        video_path=shot and str(shot.take.path),
        transition=after and CutListTransition(kind=after.kind, frames=after.frames),
    )


def _music(cut: EpisodeCut) -> list[CutListMusic]:
    return [
        CutListMusic(
            path=str(cue.track.path),
            start_frame=cue.start_frame,
            frames=cue.frames,
            start_seconds=_s(cue.start_frame, cut),
            seconds=_s(cue.frames, cut),
            offset_seconds=cue.offset_s,
            gain_db=cue.gain_db,
            fade_in_seconds=cue.fade_in_s,
            fade_out_seconds=cue.fade_out_s,
            duck_db=cue.duck_db,
        )
        for cue in cut.music
    ]


def _subtitles(cut: EpisodeCut) -> list[CutListSubtitle]:
    return [
        CutListSubtitle(
            start_seconds=_s(cue.start_frame, cut),
            end_seconds=_s(cue.end_frame, cut),
            text=cue.text,
            speaker=cue.speaker,
            language=cue.language,
        )
        for cue in cut.subtitles
    ]


def _s(frames: int, cut: EpisodeCut) -> float:
    return round(float(Fraction(frames) / cut.form.fps), 6)
