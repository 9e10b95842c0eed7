"""What a personal generation is made of: a mood, and the style, camera, tempo and track that follow from it.

For each the first that says something: the request, a preference that was set (the project's own before that for all),
a learned one that is sure enough, the mood's own. A style or camera that is known to be disliked is passed over where
the mood has another.
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

DEFAULT = "default"  # kind of the preference `mood`: which one where the request names none


def open_personal(
    session: Session, spec: GenerationSpec, *, user: str, given: Collection[str]
) -> tuple[ProductionJob, MoodChoice]:
    """A job with all that its mood chose. `given`: the fields that the request names. Raises what choose raises."""
    choice = choose(session, spec, user=user, given=given)
    job = lifecycle.open_job(session, directed(spec, choice), job_type=JobType.PERSONAL)
    job.steps = CHOSEN_MOOD.entry(choice)
    session.flush()
    return job, choice


def choose(session: Session, spec: GenerationSpec, *, user: str, given: Collection[str]) -> MoodChoice:
    """Raises InvalidError for a mood that is not known, and for a preference that names a style which is not there."""
    wishes = preferences.set_for(session, user, project_id=spec.project_id)
    mood = _mood(session, spec, user, wishes)
    facts = _Facts(
        session, spec, user, frozenset(given), mood.value, wishes.get((MOOD, mood.value), {}), look_of(mood.value)
    )
    tempo = tempo_of(mood.value, facts.wish)
    track, why = track_for(session, mood.value, tempo)
    return MoodChoice(mood, _style(facts), _camera(facts), _words(facts), tempo, track, why)


def directed(spec: GenerationSpec, choice: MoodChoice) -> GenerationSpec:
    """What to make, with what the mood chose."""
    chosen = {"mood": choice.mood.value, "style": choice.style.value, "scene_type": SceneType(choice.camera.value)}
    return spec.model_copy(update=chosen)


def not_as_usual(spec: GenerationSpec) -> frozenset[str]:
    """The fields that a spec whose request is not known must have been given: those that differ from the default."""
    fields = GenerationSpec.model_fields
    return frozenset(name for name in ("style", "scene_type") if getattr(spec, name) != fields[name].default)


def words_of(job: ProductionJob) -> str:
    """What the mood adds to the prompt of a job; nothing for a job without one."""
    choice = CHOSEN_MOOD.get(job)
    return choice.words if choice else ""


@dataclass(frozen=True)
class _Facts:
    """What the choices of a mood follow from. `wish`: what was set for it."""

    session: Session
    spec: GenerationSpec
    user: str
    given: frozenset[str]
    mood: str
    wish: Mapping[str, Any]
    look: Look

    def lesson(self, part: str) -> str | None:
        """The style or camera that was learned for the mood, where that is sure enough."""
        how, preference = learned(self.session, self.user, MOOD).get(self.mood, (None, {}))
        return preference.get(part) if how is not None and how.confidence >= SURE else None


def _mood(session: Session, spec: GenerationSpec, user: str, wishes: Mapping[tuple[str, str], Any]) -> Chosen:
    if spec.mood is not None:
        return Chosen(_named(spec.mood, wishes), Source.REQUEST, f"{spec.mood!r} was asked for")
    found = mood_in(spec.prompt)
    if found is not None:
        return Chosen(found[0].name, Source.PROMPT, f"the prompt says {found[1]!r}")
    wish = wishes.get((DEFAULT, MOOD), {}).get(MOOD)
    if isinstance(wish, str):
        return Chosen(_named(wish, wishes), Source.SET, "it is set for generations that name none")
    best = max(_liked(learned(session, user, MOOD)), default=None)
    if best is not None:
        return Chosen(best[1], Source.LEARNED, f"its takes were liked best: {best[0]:.2f} of 1")
    why = f"nothing is known of what you like yet: the usual one of a scene of type {spec.scene_type}"
    return Chosen(USUAL[spec.scene_type], Source.SCENE_TYPE, why)


def _named(word: str, wishes: Mapping[tuple[str, str], Any]) -> str:
    if (MOOD, word.lower()) in wishes:
        return word.lower()
    mood = mood_of(word)
    if mood is None:
        raise InvalidError.field("mood", word, f"a mood: {known()}, or one that a preference is set for")
    return mood.name


def _liked(likings: Mapping[str, tuple[Liking, Any]]) -> Iterable[tuple[float, str]]:
    return ((how.liking, name) for name, (how, _) in likings.items() if how.liked)


def _style(facts: _Facts) -> Chosen:
    wish = facts.wish.get(STYLE)
    if STYLE in facts.given:
        return Chosen(facts.spec.style, Source.REQUEST, "it was asked for")
    if isinstance(wish, str):
        if not _is_style(facts, wish):
            expected = f"a style that is there: the preference for the mood {facts.mood} names this one"
            raise InvalidError.field("style", wish, expected)
        return Chosen(wish, Source.SET, f"it is set for the mood {facts.mood}")
    lesson = facts.lesson(STYLE)
    if lesson is not None and _is_style(facts, lesson):
        return Chosen(lesson, Source.LEARNED, f"takes of the mood {facts.mood} were liked best in it")
    return _own(facts, STYLE, facts.look.styles)


def _camera(facts: _Facts) -> Chosen:
    wish = facts.wish.get(CAMERA)
    if "scene_type" in facts.given:
        return Chosen(facts.spec.scene_type, Source.REQUEST, "this type of scene was asked for")
    if wish in list(SceneType):
        return Chosen(wish, Source.SET, f"it is set for the mood {facts.mood}")
    lesson = facts.lesson(CAMERA)
    if lesson in list(SceneType):
        return Chosen(str(lesson), Source.LEARNED, f"takes of the mood {facts.mood} were liked best with it")
    return _own(facts, CAMERA, facts.look.cameras)


def _own(facts: _Facts, kind: str, candidates: Sequence[str]) -> Chosen:
    """The mood's own, but for one that is disliked; if all are, the first after all."""
    likings = learned(facts.session, facts.user, kind)
    passed_over = [name for name in candidates if name in likings and likings[name][0].disliked]
    left = [name for name in candidates if name not in passed_over]
    why = f"it goes with the mood {facts.mood}"
    if passed_over and left and left[0] != candidates[0]:
        why += f"; {candidates[0]} was passed over, as its takes were disliked"
    return Chosen(str((left or candidates)[0]), Source.MOOD, why)


def _words(facts: _Facts) -> str:
    """The mood's, and a camera that was set in words of its own."""
    free = facts.wish.get(CAMERA)
    own = free if isinstance(free, str) and free not in list(SceneType) else None
    return ", ".join(part for part in (facts.look.words, own) if part)


def _is_style(facts: _Facts, name: str) -> bool:
    try:
        find_style(facts.session, name, project_id=facts.spec.project_id)
    except InvalidError:
        return False
    return True
