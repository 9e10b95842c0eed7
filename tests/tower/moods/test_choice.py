"""The track that a mood chooses. tests/api/production/generation/test_typed.py tests the rest over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from db.models.library import Track
from db.models.projects import Project
from tower.errors import InvalidError
from tower.jobs.production import DecidedSpec, Source
from tower.jobs.spec import GenerationSpec, GenerationType
from tower.moods import preferences
from tower.moods.choice import apply_choice, choose_for_mood, open_personal_job, prompt_words


def track(session: Session, title: str, bpm: float, genre: str, **fields: Any) -> Track:
    facts = {"sha256": "0" * 64, "bytes": 1, "mtime_ns": 1, "kind": "mp3", "codec": "mp3", "duration_s": 100.0}
    columns = {
        "genre": genre,
        "genre_text": genre,
        "title_text": title,
        "search_text": f"{title} {genre}",
        "tag_bpm": bpm,
    }
    row = Track(root="/music", folder="a", filename=f"{title}.mp3", title=title, sample_rate=44100, channels=2)
    for name, value in (facts | columns | fields).items():
        setattr(row, name, value)
    session.add(row)
    session.flush()
    return row


def spec(**fields: Any) -> GenerationSpec:
    return GenerationSpec.model_validate({"prompt": "rain", "type": GenerationType.PERSONAL, **fields})


def test_a_track_with_fitting_tempo_and_words_is_chosen_with_its_rank(session: Session) -> None:
    track(session, "march", 120, "polka")
    track(session, "slow", 70, "polka")
    best = track(session, "tears", 70, "ballad")
    choice = choose_for_mood(session, spec(mood="sad"), user="local", sources={})
    assert choice.track is not None
    assert (choice.track.id, choice.track.path, choice.track.bpm) == (best.id, "/music/a/tears.mp3", 70)
    assert choice.track.by == ("tempo", "words")
    assert (choice.tempo.bpm_min, choice.tempo.bpm_max, choice.tempo.source) == (50, 95, "mood")


def test_a_given_tempo_narrows_the_tracks(session: Session) -> None:
    track(session, "fast", 90, "ballad")
    slow = track(session, "slow", 60, "ballad")
    preferences.set_preference(
        session, "local", {"bpm_min": 55, "bpm_max": 65}, kind="mood", name="sad", project_id=None
    )
    choice = choose_for_mood(session, spec(mood="sad"), user="local", sources={})
    assert choice.track is not None
    assert (choice.track.id, choice.tempo.source) == (slow.id, "set")


def test_without_a_track_the_choice_explains_why(session: Session) -> None:
    track(session, "gone", 70, "ballad", missing_since="2026-01-01T00:00:00Z")
    choice = choose_for_mood(session, spec(mood="sad"), user="local", sources={})
    assert choice.track is None
    assert "no track" in choice.track_reason


def test_a_project_preference_takes_precedence_over_the_general_one(session: Session) -> None:
    project = Project(name="p")
    session.add(project)
    session.flush()
    for project_id, style in ((None, "artistic"), (project.id, "realistic")):
        preferences.set_preference(session, "local", {"style": style}, kind="mood", name="sad", project_id=project_id)
    assert choose_for_mood(session, spec(mood="sad"), user="local", sources={}).style.value == "artistic"
    choice = choose_for_mood(session, spec(mood="sad", project_id=project.id), user="local", sources={})
    assert (choice.style.value, choice.style.source) == ("realistic", "set")
    assert choose_for_mood(session, spec(mood="sad"), user="another", sources={}).style.source == "mood"


def test_the_job_is_opened_with_the_chosen_values(session: Session) -> None:
    job, choice = open_personal_job(session, DecidedSpec(spec(mood="tense"), {}), user="local")
    assert (job.job_type, job.parameters["style"], job.parameters["scene_type"]) == (
        "personal_generation",
        choice.style.value,
        choice.camera.value,
    )
    assert job.parameters["mood"] == "tense"
    assert prompt_words(job) == choice.words != ""
    job.steps = {}
    assert prompt_words(job) == ""


@pytest.mark.parametrize("source", [Source.REQUEST, Source.PROJECT])
def test_a_style_that_the_request_or_the_project_names_is_kept(session: Session, source: Source) -> None:
    decided = DecidedSpec(spec(mood="sad", style="realistic"), {"style": source})
    choice = choose_for_mood(session, decided.spec, user="local", sources=decided.sources)
    applied = apply_choice(decided, choice)
    assert (applied.spec.style, applied.spec.scene_type, applied.sources["style"]) == ("realistic", "emotional", source)


def test_a_style_that_only_the_mood_suggests_counts_as_a_default(session: Session) -> None:
    decided = DecidedSpec(spec(mood="sad"), {"style": Source.DEFAULT})
    applied = apply_choice(decided, choose_for_mood(session, decided.spec, user="local", sources=decided.sources))
    assert applied.sources["style"] == Source.DEFAULT


@pytest.mark.parametrize(
    ("preference", "field"),
    [
        ({"style": 3}, "preference.style"),
        ({"bpm_min": 10}, "preference.bpm_min"),
        ({"bpm_max": True}, "preference.bpm_max"),
        ({"bpm_min": 90, "bpm_max": 80}, "preference.bpm_min"),
    ],
)
def test_a_preference_for_an_unknown_mood_is_refused(session: Session, preference: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidError) as refused:
        preferences.set_preference(session, "local", preference, kind="mood", name="sad", project_id=None)
    assert (refused.value.details or {})["field"] == field
