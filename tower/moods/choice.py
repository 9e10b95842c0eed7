"""Chooses the mood of a personal generation, and the style, camera, tempo and track that follow from it.

Each choice comes from the first source that has one: the request, a preference that was set (for the project, then for
all projects), the project's default style, a learned preference of sufficient confidence, the defaults of the mood. A
default style or camera that the user dislikes is skipped if the mood has another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from db.models.jobs import JobType, ProductionJob
from tower.errors import InvalidError
from tower.jobs.production import DecidedSpec, Source, Sources, open_decided_job
from tower.jobs.spec import GenerationSpec, SceneType
from tower.library.moods import find_mood
from tower.moods import preferences
from tower.moods.chosen import MOOD_CHOICES, ExplainedChoice, MoodChoices
from tower.moods.learned import CAMERA, MIN_CONFIDENCE, MOOD, STYLE, TasteEstimate, load_taste
from tower.moods.music import choose_tempo, choose_track
from tower.moods.pictures import DEFAULT_MOODS, ChoiceSource, MoodLook, find_mood_in, get_look, known_moods
from tower.names import name_key
from tower.presets.styles import find_style

DEFAULT_KIND = "default"  # kind of the preference for the mood of requests that name none
_STYLE_SOURCES = {
    ChoiceSource.REQUEST: Source.REQUEST,
    ChoiceSource.SET: Source.CONFIGURATION,
    ChoiceSource.PROJECT: Source.PROJECT,
}


def open_personal_job(session: Session, decided: DecidedSpec, *, user: str) -> tuple[ProductionJob, MoodChoices]:
    """Open a job with the choices of its mood. Raises InvalidError."""
    choice = choose_for_mood(session, decided.spec, user=user, sources=decided.sources)
    job = open_decided_job(session, apply_choice(decided, choice), job_type=JobType.PERSONAL)
    job.steps = job.steps | MOOD_CHOICES.to_entry(choice)
    session.flush()
    return job, choice


def choose_for_mood(session: Session, spec: GenerationSpec, *, user: str, sources: Sources) -> MoodChoices:
    """Choose mood, style, camera, tempo and track. `sources`: where the style and the type of scene come from.

    Raises InvalidError for an unknown mood, and for a preference that names an unknown style.
    """
    wishes = preferences.load_preferences(session, user, project_id=spec.project_id)
    mood = _choose_mood(session, spec, user, wishes)
    facts = _Facts(
        session,
        spec,
        user,
        sources,
        mood.value,
        wishes.get((MOOD, mood.value), {}),
        get_look(mood.value),
    )
    tempo = choose_tempo(mood.value, facts.wish)
    track, why = choose_track(session, mood.value, tempo)
    return MoodChoices(mood, _choose_style(facts), _choose_camera(facts), _prompt_words(facts), tempo, track, why)


def apply_choice(decided: DecidedSpec, choice: MoodChoices) -> DecidedSpec:
    """The spec with the chosen mood, style and camera. A style that only the mood suggests counts as a default."""
    chosen = {"mood": choice.mood.value, "style": choice.style.value, "scene_type": SceneType(choice.camera.value)}
    style_source = _STYLE_SOURCES.get(choice.style.source, Source.DEFAULT)
    return DecidedSpec(decided.spec.model_copy(update=chosen), {**decided.sources, STYLE: style_source})


def prompt_words(job: ProductionJob) -> str:
    """The words that the mood adds to the prompt of a job; empty for a job without a mood."""
    choice = MOOD_CHOICES.read(job)
    return choice.words if choice else ""


@dataclass(frozen=True)
class _Facts:
    """The input of the choices. `wish` is the preference that was set for the mood."""

    session: Session
    spec: GenerationSpec
    user: str
    sources: Sources
    mood: str
    wish: Mapping[str, Any]
    look: MoodLook

    def lesson(self, part: str) -> str | None:
        """The style or camera that was learned for the mood, if its confidence is at least SURE."""
        liking, preference = load_taste(self.session, self.user, MOOD).get(self.mood, (None, {}))
        return preference.get(part) if liking is not None and liking.confidence >= MIN_CONFIDENCE else None


def _choose_mood(
    session: Session, spec: GenerationSpec, user: str, wishes: Mapping[tuple[str, str], Any]
) -> ExplainedChoice:
    if spec.mood is not None:
        return ExplainedChoice(
            _canonical_name(spec.mood, wishes), ChoiceSource.REQUEST, f"the request names {spec.mood!r}"
        )
    found = find_mood_in(spec.prompt)
    if found is not None:
        return ExplainedChoice(found[0].name, ChoiceSource.PROMPT, f"the prompt says {found[1]!r}")
    wish = wishes.get((DEFAULT_KIND, MOOD), {}).get(MOOD)
    if isinstance(wish, str):
        return ExplainedChoice(
            _canonical_name(wish, wishes), ChoiceSource.SET, "it is set for generations without a mood"
        )
    best = max(_liked_moods(load_taste(session, user, MOOD)), default=None)
    if best is not None:
        return ExplainedChoice(best[1], ChoiceSource.LEARNED, f"you liked its takes best: {best[0]:.2f} of 1")
    why = f"your taste is not known yet: it is the default of scenes of type {spec.scene_type}"
    return ExplainedChoice(DEFAULT_MOODS[spec.scene_type], ChoiceSource.SCENE_TYPE, why)


def _canonical_name(word: str, wishes: Mapping[tuple[str, str], Any]) -> str:
    if (MOOD, name_key(word)) in wishes:
        return name_key(word)
    mood = find_mood(word)
    if mood is None:
        raise InvalidError.field("mood", word, f"one of {known_moods()}, or a mood with a preference")
    return mood.name


def _liked_moods(likings: Mapping[str, tuple[TasteEstimate, Any]]) -> Iterable[tuple[float, str]]:
    return ((liking.liking, name) for name, (liking, _) in likings.items() if liking.is_liked)


def _choose_style(facts: _Facts) -> ExplainedChoice:
    wish = facts.wish.get(STYLE)
    if facts.sources.get(STYLE) == Source.REQUEST:
        return ExplainedChoice(facts.spec.style, ChoiceSource.REQUEST, "the request names it")
    if isinstance(wish, str):
        if not _is_style(facts, wish):
            expected = f"an existing style: the preference for the mood {facts.mood} names this one"
            raise InvalidError.field("style", wish, expected)
        return ExplainedChoice(wish, ChoiceSource.SET, f"it is set for the mood {facts.mood}")
    if facts.sources.get(STYLE) == Source.PROJECT:
        return ExplainedChoice(facts.spec.style, ChoiceSource.PROJECT, "it is the default style of the project")
    lesson = facts.lesson(STYLE)
    if lesson is not None and _is_style(facts, lesson):
        return ExplainedChoice(lesson, ChoiceSource.LEARNED, f"you liked takes of the mood {facts.mood} best in it")
    return _default_choice(facts, STYLE, facts.look.styles)


def _choose_camera(facts: _Facts) -> ExplainedChoice:
    wish = facts.wish.get(CAMERA)
    if facts.sources.get("scene_type") == Source.REQUEST:
        return ExplainedChoice(facts.spec.scene_type, ChoiceSource.REQUEST, "the request names this type of scene")
    if wish in list(SceneType):
        return ExplainedChoice(wish, ChoiceSource.SET, f"it is set for the mood {facts.mood}")
    lesson = facts.lesson(CAMERA)
    if lesson in list(SceneType):
        return ExplainedChoice(
            str(lesson), ChoiceSource.LEARNED, f"you liked takes of the mood {facts.mood} best with it"
        )
    return _default_choice(facts, CAMERA, facts.look.cameras)


def _default_choice(facts: _Facts, kind: str, candidates: Sequence[str]) -> ExplainedChoice:
    """The first candidate of the mood that is not disliked; the first of all if all are disliked."""
    likings = load_taste(facts.session, facts.user, kind)
    skipped = [name for name in candidates if name in likings and likings[name][0].is_disliked]
    remaining = [name for name in candidates if name not in skipped]
    why = f"it goes with the mood {facts.mood}"
    if skipped and remaining and remaining[0] != candidates[0]:
        why += f"; {candidates[0]} was skipped because you disliked its takes"
    return ExplainedChoice(str((remaining or candidates)[0]), ChoiceSource.MOOD, why)


def _prompt_words(facts: _Facts) -> str:
    """The prompt words of the mood, and those of a camera that was set as free text."""
    free = facts.wish.get(CAMERA)
    custom_camera = free if isinstance(free, str) and free not in list(SceneType) else None
    return ", ".join(part for part in (facts.look.words, custom_camera) if part)


def _is_style(facts: _Facts, name: str) -> bool:
    try:
        find_style(facts.session, name, project_id=facts.spec.project_id)
    except InvalidError:
        return False
    return True
