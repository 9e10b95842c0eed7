"""The recipe of an episode's film, from its rendered scenes to a checked file, and into the library if asked."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from db.models.jobs import JobType
from tasks.films import check_film_scenes, finish_film, make_film, publish_film_summary, publish_made_film
from tasks.jobs import run_recipe
from tower.jobs.attempts import Attempt


@flow(name="episode")
async def episode(job_id: int) -> State[None]:
    """Make the film of a job, which is launched once the renders that it waits for have ended."""
    return await run_recipe(job_id, None, make_episode_film, job_type=JobType.FILM)


async def make_episode_film(attempt: Attempt) -> None:
    """Check the scenes → assemble and record → publish if asked → finish.

    A restarted run does not repeat finished work.
    """
    request = check_film_scenes(attempt)
    made = make_film(attempt, request)
    publish_made_film(attempt, request, made)
    finish_film(attempt, made)
    publish_film_summary(attempt, made)
