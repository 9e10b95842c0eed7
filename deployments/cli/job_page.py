"""Prints one job of `tower status JOB` as readable lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.cli.printing import print_record

FIRST = ("status", "job_type", "prompt", "output_path", "quality_score", "error", "warnings")
# Other names of the job, and addresses for programs.
LEFT_OUT = {
    "parameters",
    "id",
    "job_id",
    "generation_id",
    "status_url",
    "video_url",
    "parameter_sources",
    "progress",
    "stage",
}


def print_job(job: Mapping[str, Any]) -> None:
    shown = {"job": job["job_id"], "status": _state(job)}
    rest = {name: value for name, value in job.items() if name not in (*LEFT_OUT, *FIRST)}
    parameters = _with_sources(job["parameters"], job.get("parameter_sources") or {}, repeated=job)
    first = {name: job[name] for name in FIRST[1:]} | {"quality_score": _describe_score(job["quality_score"])}
    print_record({**shown, **first, **rest, "parameters": parameters})


def _describe_score(score: float | None) -> str | None:
    """`9.9 of 10 (technical faults of the clip, not its beauty)`."""
    return None if score is None else f"{score:g} of 10 (technical faults of the clip, not its beauty)"


def _state(job: Mapping[str, Any]) -> str:
    """`processing, render 40 %`."""
    status, stage = str(job["status"]), str(job["stage"])
    return status if job["ended_at"] is not None else f"{status}, {stage} {job['progress']:.0%}"


def _with_sources(
    parameters: Mapping[str, Any], sources: Mapping[str, str], *, repeated: Mapping[str, Any]
) -> dict[str, Any]:
    """The parameters that the job does not show itself, each with the place that it comes from."""
    return {
        name: f"{value} ({sources[name]})" if name in sources and not isinstance(value, dict | list) else value
        for name, value in parameters.items()
        if name not in repeated and value is not None
    }
