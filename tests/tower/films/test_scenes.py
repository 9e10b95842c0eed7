"""A film fails with a reason that names the scene, rather than show a stale take in silence."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from db.models.jobs import JobStatus, QualityMetrics
from tests.tower.films.conftest import FilmStage
from tests.tower.scene_takes import ANIMATIC_SETTINGS
from tower.films.opening import FilmJob
from tower.films.requests import RenderChoice, read_request
from tower.films.scenes import SceneNotRenderedError, check_scenes


def check(stage: FilmStage, film: FilmJob) -> list[str]:
    request = read_request(film.job)
    return check_scenes(stage.session, film.job, stage.locate(), request, settings=ANIMATIC_SETTINGS)


def refusal_of(stage: FilmStage, film: FilmJob) -> str:
    with pytest.raises(SceneNotRenderedError) as refused:
        check(stage, film)
    return refused.value.message


def test_rendered_scenes_are_fine(stage: FilmStage) -> None:
    film = stage.open_film()
    stage.accept_takes()
    assert check(stage, film) == []


def test_failed_and_cancelled_renders_are_named(stage: FilmStage) -> None:
    film = stage.open_film()
    failed, cancelled = film.opened
    stage.end(failed, JobStatus.FAILED)
    stage.end(cancelled, JobStatus.CANCELLED)
    assert refusal_of(stage, film) == (
        f"Scene 1 was not rendered: generation {failed} failed: It broke; "
        f"Scene 2 was not rendered: generation {cancelled} was cancelled"
    )


def test_a_take_that_did_not_pass_and_an_edit_meanwhile_are_named(session: Session, stage: FilmStage) -> None:
    stage.accept_takes(stage.village.both)
    film = stage.open_film()
    [rendered] = film.opened
    session.add(QualityMetrics(job_id=rendered, score=2, passed=False, metrics=[]))
    stage.end(rendered, JobStatus.COMPLETED)
    stage.edit_scene(stage.village.both, mood="tense")
    assert refusal_of(stage, film) == (
        f"Scene 1 has no good take: that of generation {rendered} did not pass its quality check; "
        "Scene 2 has changed since the film was asked for"
    )


def test_without_renders_a_stale_take_is_a_warning(stage: FilmStage) -> None:
    stage.accept_takes()
    stage.edit_scene(stage.village.both, mood="tense")
    film = stage.open_film(render=RenderChoice.NONE)
    assert check(stage, film) == ["Scene 2 is stale: the film shows its earlier take"]
