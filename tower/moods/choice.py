"""Chooses the mood of a personal generation, and the style, camera, tempo and track that follow from it.

Each choice comes from the first source that has one: the request, a preference that was set (for the project, then for
all projects), a learned preference of sufficient confidence, the defaults of the mood. A default style or camera that
the user dislikes is skipped if the mood has another one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from db.models.jobs import JobType, ProductionJob
from tower.errors import InvalidError
from tower.jobs import lifecycle
from tower.jobs.spec import GenerationSpec, SceneType
from tower.library.moods import mood_of
from tower.moods import preferences
from tower.moods.chosen import CHOSEN_MOOD, Chosen, MoodChoice
from tower.moods.learned import CAMERA, MOOD, STYLE, SURE, Liking, learned
from tower.moods.music import tempo_of, track_for
from tower.moods.pictures import USUAL, Look, Source, known, look_of, mood_in
from tower.presets.styles import find_style

DEFAULT = "default"  # kind of the preference for the mood of requests that name none


def open_personal(
    session: Session, spec: GenerationSpec, *, user: str, given: Collection[str]
) -> tuple[ProductionJob, MoodChoice]:
    """Open a job with the choices of its mood. `given` are the fields that the request sets. Raises InvalidError."""
    choice = choose(session, spec, user=user, given=given)
    job = lifecycle.open_job(session, directed(spec, choice), job_type=JobType.PERSONAL)
    job.steps = CHOSEN_MOOD.entry(choice)
    session.flush()
    return job, choice


def choose(session: Session, spec: GenerationSpec, *, user: str, given: Collection[str]) -> MoodChoice:
    """Choose mood, style, camera, tempo and track.

    Raises InvalidError for an unknown mood, and for a preference that names an unknown style.
    """
    wishes = preferences.set_for(session, user, project_id=spec.project_id)
    mood = _choose_mood(session, spec, user, wishes)
    facts = _Facts(
        session, spec, user, frozenset(given), mood.value, wishes.get((MOOD, mood.value), {}), look_of(mood.value)
    )
    tempo = tempo_of(mood.value, facts.wish)
    track, why = track_for(session, mood.value, tempo)
    return MoodChoice(mood, _choose_style(facts), _choose_camera(facts), _prompt_words(facts), tempo, track, why)


def directed(spec: GenerationSpec, choice: MoodChoice) -> GenerationSpec:
    """The spec with the chosen mood, style and camera."""
    chosen = {"mood": choice.mood.value, "style": choice.style.value, "scene_type": SceneType(choice.camera.value)}
    return spec.model_copy(update=chosen)


def not_as_usual(spec: GenerationSpec) -> frozenset[str]:
    """The fields of a spec that differ from their defaults. They stand for the given ones if the request is unknown."""
    fields = GenerationSpec.model_fields
    return frozenset(name for name in ("style", "scene_type") if getattr(spec, name) != fields[name].default)


def words_of(job: ProductionJob) -> str:
    """The words that the mood adds to the prompt of a job; empty for a job without a mood."""
    choice = CHOSEN_MOOD.get(job)
    return choice.words if choice else ""


@dataclass(frozen=True)
class _Facts:
    """The input of the choices. `wish` is the preference that was set for the mood."""

    session: Session
    spec: GenerationSpec
    user: str
    given: frozenset[str]
    mood: str
    wish: Mapping[str, Any]
    look: Look

    def lesson(self, part: str) -> str | None:
        """The style or camera that was learned for the mood, if its confidence is at least SURE."""
        liking, preference = learned(self.session, self.user, MOOD).get(self.mood, (None, {}))
        return preference.get(part) if liking is not None and liking.confidence >= SURE else None


def _choose_mood(session: Session, spec: GenerationSpec, user: str, wishes: Mapping[tuple[str, str], Any]) -> Chosen:
    if spec.mood is not None:
        return Chosen(_canonical_name(spec.mood, wishes), Source.REQUEST, f"the request names {spec.mood!r}")
    found = mood_in(spec.prompt)
    if found is not None:
        return Chosen(found[0].name, Source.PROMPT, f"the prompt says {found[1]!r}")
    wish = wishes.get((DEFAULT, MOOD), {}).get(MOOD)
    if isinstance(wish, str):
        return Chosen(_canonical_name(wish, wishes), Source.SET, "it is set for generations without a mood")
    best = max(_liked_moods(learned(session, user, MOOD)), default=None)
    if best is not None:
        return Chosen(best[1], Source.LEARNED, f"you liked its takes best: {best[0]:.2f} of 1")
    why = f"your taste is not known yet: it is the default of scenes of type {spec.scene_type}"
    return Chosen(USUAL[spec.scene_type], Source.SCENE_TYPE, why)


def _canonical_name(word: str, wishes: Mapping[tuple[str, str], Any]) -> str:
    if (MOOD, word.lower()) in wishes:
        return word.lower()
    mood = mood_of(word)
    if mood is None:
        raise InvalidError.field("mood", word, f"one of {known()}, or a mood with a preference")
    return mood.name


def _liked_moods(likings: Mapping[str, tuple[Liking, Any]]) -> Iterable[tuple[float, str]]:
    return ((liking.liking, name) for name, (liking, _) in likings.items() if liking.liked)


def _choose_style(facts: _Facts) -> Chosen:
    wish = facts.wish.get(STYLE)
    if STYLE in facts.given:
        return Chosen(facts.spec.style, Source.REQUEST, "the request names it")
    if isinstance(wish, str):
        if not _is_style(facts, wish):
            expected = f"an existing style: the preference for the mood {facts.mood} names this one"
            raise InvalidError.field("style", wish, expected)
        return Chosen(wish, Source.SET, f"it is set for the mood {facts.mood}")
    lesson = facts.lesson(STYLE)
    if lesson is not None and _is_style(facts, lesson):
        return Chosen(lesson, Source.LEARNED, f"you liked takes of the mood {facts.mood} best in it")
    return _default_choice(facts, STYLE, facts.look.styles)


def _choose_camera(facts: _Facts) -> Chosen:
    wish = facts.wish.get(CAMERA)
    if "scene_type" in facts.given:
        return Chosen(facts.spec.scene_type, Source.REQUEST, "the request names this type of scene")
    if wish in list(SceneType):
        return Chosen(wish, Source.SET, f"it is set for the mood {facts.mood}")
    lesson = facts.lesson(CAMERA)
    if lesson in list(SceneType):
        return Chosen(str(lesson), Source.LEARNED, f"you liked takes of the mood {facts.mood} best with it")
    return _default_choice(facts, CAMERA, facts.look.cameras)


def _default_choice(facts: _Facts, kind: str, candidates: Sequence[str]) -> Chosen:
    """The first candidate of the mood that is not disliked; the first of all if all are disliked."""
    likings = learned(facts.session, facts.user, kind)
    skipped = [name for name in candidates if name in likings and likings[name][0].disliked]
    remaining = [name for name in candidates if name not in skipped]
    why = f"it goes with the mood {facts.mood}"
    if skipped and remaining and remaining[0] != candidates[0]:
        why += f"; {candidates[0]} was skipped because you disliked its takes"
    return Chosen(str((remaining or candidates)[0]), Source.MOOD, why)


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
