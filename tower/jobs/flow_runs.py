"""How a job appears in Prefect: its deployment, the name of its run and its tags."""

from __future__ import annotations

from db.models.jobs import JobType, ProductionJob
from tower.clients.prefect import FlowRunRequest

RENDER_DEPLOYMENT = "render/render"
DEPLOYMENTS = {
    JobType.STANDARD: "standard/standard",
    JobType.FAST: "fast/fast",
    JobType.INTEGRATED: "integrated/integrated",
    JobType.PROFESSIONAL: "professional/professional",
    JobType.PERSONAL: "personal/personal",
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
        idempotency_key=f"tower-{job.comfyui_job_id}-launch-{job.launches}",
    )


def run_name(job: ProductionJob) -> str:
    """For example `standard · job 17 · "cyberpunk detective…"`."""
    recipe = DEPLOYMENTS[job.job_type].split("/")[0]
    title = " ".join(job.prompt.split())
    if len(title) > MAX_TITLE_LENGTH:
        title = title[:MAX_TITLE_LENGTH].rsplit(" ", 1)[0] + "…"
    return f'{recipe} · job {job.id} · "{title}"'


def run_tags(job: ProductionJob) -> tuple[str, ...]:
    project = (f"project:{job.project_id}",) if job.project_id else ()
    return ("tower", f"job:{job.id}", job.job_type.value, *project)
