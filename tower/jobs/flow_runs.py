"""How a job appears in Prefect: its deployment, and the key, the name and the tags of its runs."""

from __future__ import annotations

import re

from db.models.jobs import JobType, ProductionJob
from db.models.rendering import RenderSegment
from tower.clients.prefect import FlowRunRequest
from tower.errors.foreign import one_line

RENDER_DEPLOYMENT = "render/render"
DEPLOYMENTS = {
    JobType.STANDARD: "standard/standard",
    JobType.FAST: "fast/fast",
    JobType.INTEGRATED: "integrated/integrated",
    JobType.PROFESSIONAL: "professional/professional",
    JobType.PERSONAL: "personal/personal",
    JobType.FILM: "episode/episode",
}
MAX_TITLE_LENGTH = 32  # characters of the prompt


def flow_run_request(job: ProductionJob) -> FlowRunRequest:
    """The request for a run of this job. The same launch of the same job always has the same idempotency key."""
    deployment = DEPLOYMENTS[job.job_type]
    return FlowRunRequest(
        deployment=deployment,
        name=run_name(job),
        parameters={"job_id": job.id},
        tags=run_tags(job),
        idempotency_key=launch_key(job, job.launches),
    )


def launch_key(job: ProductionJob, launch: int) -> str:
    """The idempotency key of one launch of the job. `launch` counts from 0."""
    return f"tower-{job.comfyui_job_id}-launch-{launch}"


def launch_number(key: str | None) -> int | None:
    """The launch that a run's idempotency key names. None for a run that was started in Prefect."""
    found = re.fullmatch(r"tower-.+-launch-(\d+)", key or "")
    return int(found[1]) if found else None


def render_key(row: RenderSegment) -> str:
    """The idempotency key of the render run of one attempt at a segment."""
    return f"tower-{row.prompt_id}-segment-{row.segment}-{row.attempt}"


def run_name(job: ProductionJob) -> str:
    """For example `standard · job 17 · "cyberpunk detective…"`."""
    recipe = DEPLOYMENTS[job.job_type].split("/")[0]
    title = one_line(job.prompt)
    if len(title) > MAX_TITLE_LENGTH:
        title = title[:MAX_TITLE_LENGTH].rsplit(" ", 1)[0] + "…"
    return f'{recipe} · job {job.id} · "{title}"'


def run_tags(job: ProductionJob) -> tuple[str, ...]:
    project = (f"project:{job.project_id}",) if job.project_id else ()
    return ("tower", f"job:{job.id}", job.job_type.value, *project)
