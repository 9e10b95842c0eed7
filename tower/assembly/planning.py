"""Plans the film of an episode: its content and its accepted takes become a cut in frames."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from sqlalchemy.orm import Session

from db.models.episodes import Episode
from db.models.projects import Project
from tower.assembly.cut import (
    CUT,
    Card,
    CardKind,
    Chapter,
    EpisodeCut,
    FilmForm,
    Item,
    Shot,
    SoundRule,
    SubtitleCue,
    Transition,
    TransitionKind,
    check_cut,
)
from tower.assembly.dialogue import ShotPlace, place_lines, without_overlaps
from tower.assembly.effect_plans import plan_effect
from tower.assembly.soundtrack import FilmTimes, plan_music
from tower.assembly.takes import SceneTake, choose_form, find_takes
from tower.errors import InvalidError
from tower.story.entities import LocatedRow
from tower.story.episodes import EpisodeScene, read_contents
from tower.versions.episode_cuts import CardPart, CutContent, ScenePart, TransitionPart


def plan_cut(session: Session, episode: LocatedRow[Episode]) -> EpisodeCut:
    """Plan the film of an episode from the takes that its scenes show now.

    Raises EpisodeIncompleteError for scenes without a take, and InvalidError, which names the field, for a cut that
    does not fit its takes.
    """
    content = CutContent.of(episode.fields)
    scenes = read_contents(session, [episode.row])[episode.row.id].scenes
    takes = find_takes(session, scenes)
    form = choose_form(session, episode.project_id, takes[scenes[0].key])
    items, after = _plan_picture(content, scenes, takes, form)
    cut = EpisodeCut(form, tuple(items), tuple(after[:-1]))
    check_cut(cut)
    planned = replace(
        cut,
        music=plan_music(session, content.music, scenes, _film_times(cut)),
        subtitles=without_overlaps(_subtitles(cut, scenes, content)) if content.subtitles.enabled else (),
        burn_subtitles=content.subtitles.enabled and content.subtitles.burn_in,
        chapters=tuple(_chapters(cut)) if content.chapters else (),
        tags=_tags(session, episode),
    )
    check_cut(planned)
    return planned


def _plan_picture(
    content: CutContent, scenes: Sequence[EpisodeScene], takes: Mapping[uuid.UUID, SceneTake], form: FilmForm
) -> tuple[list[Item], list[Transition]]:
    """Return the items of the film, and the transition after each."""
    items: list[Item] = []
    after: list[Transition] = []
    if content.title_card:
        items.append(_card(CardKind.TITLE, content.title_card, form.fps))
        after.append(_transition(content.title_card.transition))
    for number, scene in enumerate(scenes):
        part = content.scenes.get(str(scene.key), ScenePart())
        items.append(_shot(f"scenes.{number}", scene, takes[scene.key], part, form.fps))
        after.append(_transition(part.transition))
    if content.end_card:
        items.append(_card(CardKind.END, content.end_card, form.fps))
        after.append(CUT)
    return items, after


def _shot(place: str, scene: EpisodeScene, take: SceneTake, part: ScenePart, fps: Fraction) -> Shot:
    length = take.frames_at(fps)
    first = round(part.in_seconds * fps)
    end = length if part.out_seconds is None else round(part.out_seconds * fps)
    seconds = float(length / fps)
    if first >= length:
        raise InvalidError.field(f"{place}.in_seconds", part.in_seconds, f"less than the take's {seconds:.3f} s")
    if not first < end <= length:
        expected = f"after in_seconds and at most the take's {seconds:.3f} s"
        raise InvalidError.field(f"{place}.out_seconds", part.out_seconds, expected)
    shot = Shot(
        scene_key=scene.key,
        title=scene.fields["title"] or f"Scene {scene.fields['scene_number']}",
        take=take.file,
        first_frame=first,
        source_frames=end - first,
        speed=Fraction(part.speed).limit_denominator(1000),
        sound=SoundRule(part.sound),
        gain_db=part.gain_db,
    )
    return shot if part.effect is None else replace(shot, effect=plan_effect(f"{place}.effect", part.effect, shot, fps))


def _card(kind: CardKind, part: CardPart, fps: Fraction) -> Card:
    return Card(kind, tuple(part.lines), max(1, round(part.seconds * fps)))


def _transition(part: TransitionPart) -> Transition:
    """A merge may have combined the kind of one side with the frames of the other; then it is a cut."""
    if part.kind == "cut" or part.frames == 0:
        return CUT
    return Transition(TransitionKind(part.kind), part.frames)


def _film_times(cut: EpisodeCut) -> FilmTimes:
    placed = {
        item.scene_key: (start, item.frames)
        for item, start in zip(cut.items, cut.starts, strict=True)
        if isinstance(item, Shot)
    }
    return FilmTimes(placed, cut.frames, cut.form.fps)


def _subtitles(cut: EpisodeCut, scenes: Sequence[EpisodeScene], content: CutContent) -> Iterator[SubtitleCue]:
    dialogue = {scene.key: scene.fields["dialogue"] for scene in scenes}
    for item, start in zip(cut.items, cut.starts, strict=True):
        if isinstance(item, Shot):
            place = ShotPlace(item, start, float(cut.form.fps))
            yield from place_lines(place, dialogue[item.scene_key], language=content.subtitles.language)


def _chapters(cut: EpisodeCut) -> Iterator[Chapter]:
    for item, start in zip(cut.items, cut.starts, strict=True):
        if isinstance(item, Shot):
            yield Chapter(start, item.title)
        elif item.kind is CardKind.TITLE:
            yield Chapter(start, item.lines[0])


def _tags(session: Session, episode: LocatedRow[Episode]) -> dict[str, str]:
    """The tags of the file: title, show and number."""
    project = session.get_one(Project, episode.project_id)
    series = project.settings.series_name if project.settings else None
    row = episode.row
    described = {"description": row.synopsis} if row.synopsis else {}
    return {"title": row.title, "show": series or project.name, "episode_sort": str(row.episode_number), **described}
