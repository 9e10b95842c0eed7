"""Publishes the summary of a run in the Prefect UI."""

from __future__ import annotations

from prefect import task
from prefect.artifacts import create_markdown_artifact

from tasks.resources import resources
from tower.jobs.attempts import Attempt
from tower.review.run_page import render_summary


@task(name="summary")
def publish_summary(attempt: Attempt) -> None:
    """Publish a page with the prompt, the quality table and a link to the video."""
    video_url = f"{resources().settings.production_url}/generation/{attempt.job_id}/video"
    with resources().sessions() as session:
        page = render_summary(session, attempt.job_id, video_url=video_url)
    create_markdown_artifact(page, key=f"job-{attempt.job_id}", description=f"Generation {attempt.job_id}")
