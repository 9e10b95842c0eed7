"""The job of a film is opened with the renders that it waits for, and never twice."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy.orm import Session

from db.models.jobs import JobStatus, JobType, ProductionJob, Stage
from tests.tower.films.conftest import FilmStage
from tests.tower.scene_takes import ANIMATIC_STUDIO
from tower.assembly.takes import EpisodeIncompleteError
from tower.errors import ConflictError, InvalidError, NotFoundError, SupersededError
from tower.films.requests import RenderChoice, read_request
from tower.jobs import attempts, lifecycle
from tower.jobs.attempts import Attempt
from tower.jobs.launching import jobs_to_launch
from tower.rendering.forecast import forecast_job
from tower.rendering.queue_order import cancel_pending
from tower.shots.preflight import check_job_can_render, retry_job


def due_ids(session: Session) -> list[int]:
    return [job.id for job in session.scalars(jobs_to_launch())]


def test_a_film_waits_for_its_missing_and_stale_scenes_only(session: Session, stage: FilmStage) -> None:
    stage.accept_takes(stage.village.alone)
    film = stage.open_film()
    [render] = [stage.read_job(job_id) for job_id in film.opened]
    assert (film.joined, film.reused, render.scene_id) == ([], 1, stage.scene_id(stage.village.both))
    assert (film.job.job_type, film.job.prompt, film.job.waits_for) == (JobType.FILM, "Episode 3: Rain", film.opened)
    assert read_request(film.job).render is RenderChoice.STALE
    assert due_ids(session) == film.opened
    shown = forecast_job(session, film.job, ANIMATIC_STUDIO)
    assert (shown.step, shown.stage, shown.place) == ("waiting for 1 of 1 renders", Stage.QUEUED, None)
    stage.end(render.id, JobStatus.FAILED)
    assert due_ids(session) == [film.job.id]
    assert forecast_job(session, film.job, ANIMATIC_STUDIO).step is None


def test_live_renders_are_joined_if_they_render_what_the_scene_shows_now(stage: FilmStage) -> None:
    outdated, current = (stage.village.stage.open_job(scene) for scene in stage.scenes)
    stage.edit_scene(stage.village.alone, mood="tense")
    film = stage.open_film()
    assert (film.joined, len(film.opened), film.reused) == ([current.id], 1, 0)
    assert outdated.id not in film.job.waits_for


def test_nothing_is_rendered_if_all_takes_are_current(session: Session, stage: FilmStage) -> None:
    stage.accept_takes()
    film = stage.open_film()
    assert (film.opened, film.joined, film.reused, film.job.waits_for) == ([], [], 2, [])
    assert due_ids(session) == [film.job.id]


def test_without_renders_a_stale_take_is_used_and_a_missing_one_refused(stage: FilmStage) -> None:
    stage.accept_takes(stage.village.alone)
    with pytest.raises(EpisodeIncompleteError, match="scene_2"):
        stage.open_film(render=RenderChoice.NONE)
    stage.accept_takes(stage.village.both)
    stage.edit_scene(stage.village.both, mood="tense")
    assert stage.open_film(render=RenderChoice.NONE).reused == 2


def test_an_episode_without_scenes_has_no_film(stage: FilmStage) -> None:
    for scene in stage.scenes:
        stage.edit_scene(scene, episode_key=None)
    with pytest.raises(EpisodeIncompleteError, match="no scenes"):
        stage.open_film()


def test_a_scene_that_cannot_be_rendered_refuses_the_film_by_its_number(stage: FilmStage) -> None:
    stage.edit_scene(stage.village.both, style="gone")
    with pytest.raises(InvalidError, match="Scene 2: ") as refused:
        stage.open_film()
    assert (refused.value.details or {})["scene_id"] == stage.scene_id(stage.village.both)


def test_a_second_film_of_the_same_episode_and_branch_is_refused(session: Session, stage: FilmStage) -> None:
    film = stage.open_film()
    with pytest.raises(ConflictError, match=f"Generation {film.job.id} already makes the film of episode 3"):
        stage.open_film()
    stage.village.stage.story.create_branch("other")
    assert stage.open_film("other").job.id != film.job.id
    lifecycle.cancel_job(session, film.job.id)
    second = stage.open_film().job.id
    assert second != film.job.id
    with pytest.raises(ConflictError, match=f"Generation {second} already makes this film"):
        lifecycle.retry_job(session, film.job.id)


def test_a_cancelled_film_cancels_the_renders_that_it_opened(session: Session, stage: FilmStage) -> None:
    joined = stage.village.stage.open_job(stage.village.both)
    film = stage.open_film()
    lifecycle.cancel_job(session, film.job.id)
    statuses = [stage.read_job(job_id).status for job_id in (film.job.id, *film.opened, joined.id)]
    assert statuses == [JobStatus.CANCELLED, JobStatus.CANCELLED, JobStatus.PROCESSING]


def test_a_render_that_another_film_joined_outlives_the_film_that_opened_it(session: Session, stage: FilmStage) -> None:
    film = stage.open_film()
    joining = ProductionJob(
        job_type=JobType.FILM, prompt="", parameters={}, comfyui_job_id=uuid.uuid4(), seed=0, waits_for=film.opened[:1]
    )
    session.add(joining)
    session.flush()
    lifecycle.cancel_job(session, film.job.id)
    kept, cancelled = (stage.read_job(job_id).status for job_id in film.opened)
    assert (kept, cancelled) == (JobStatus.PROCESSING, JobStatus.CANCELLED)


def test_a_retried_film_retries_its_failed_renders_and_waits_again(session: Session, stage: FilmStage) -> None:
    film = stage.open_film()
    done, failed = film.opened
    stage.end(done, JobStatus.COMPLETED)
    stage.end(failed, JobStatus.FAILED)
    stage.end(film.job.id, JobStatus.FAILED)
    lifecycle.retry_job(session, film.job.id)
    statuses = [stage.read_job(job_id).status for job_id in (done, failed)]
    assert statuses == [JobStatus.COMPLETED, JobStatus.PROCESSING]
    assert due_ids(session) == [failed]


def test_a_films_retry_is_refused_if_a_render_of_it_cannot_be_made_any_more(session: Session, stage: FilmStage) -> None:
    film = stage.open_film()
    broken = stage.read_job(film.opened[1])
    broken.parameters = broken.parameters | {"workflow": "gone"}
    ids = (*film.opened, film.job.id)
    for job_id in ids:
        stage.end(job_id, JobStatus.FAILED)
    with pytest.raises(NotFoundError, match="no workflow 'gone'"), session.begin_nested():
        retry_job(session, film.job.id, ANIMATIC_STUDIO)
    assert {stage.read_job(job_id).status for job_id in ids} == {JobStatus.FAILED}


def test_a_run_that_was_started_by_hand_cannot_claim_a_waiting_film(session: Session, stage: FilmStage) -> None:
    film = stage.open_film()
    with pytest.raises(SupersededError, match="waits for other generations"):
        attempts.claim_job(session, film.job.id, flow_run_id=uuid.uuid4(), timeout_s=60)
    for job_id in film.opened:
        stage.end(job_id, JobStatus.COMPLETED)
    claimed = attempts.claim_job(session, film.job.id, flow_run_id=uuid.uuid4(), timeout_s=60)
    assert claimed == Attempt(film.job.id, 1)


def test_a_film_is_no_shot(session: Session, stage: FilmStage) -> None:
    film = stage.open_film()
    check_job_can_render(session, film.job, ANIMATIC_STUDIO)
    with pytest.raises(ConflictError, match="makes a film"):
        lifecycle.parse_spec(film.job)
    assert cancel_pending(session) == film.opened
