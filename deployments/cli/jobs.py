"""`tower generate`, `tower status`, `tower cancel`, `tower retry`: jobs from a shell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from deployments.cli.api_client import JsonOption, connect_or_start, connect_running, print_note
from deployments.cli.exits import ExitCode
from deployments.cli.job_page import print_job
from deployments.cli.option_words import integer_if_whole, refusals_name_options, without_none
from deployments.cli.printing import print_json, print_line, print_rows, print_styled
from deployments.cli.story_options import parse_size

FAST = "fast"
# Parameters of `generate` that the API calls the same.
SAME_NAMES = (
    *("prompt", "character", "duration", "style", "mood", "scene_type", "quality", "model", "workflow"),
    *("steps", "cfg", "seed", "engine"),
)
OPTIONS = {
    "prompt": "PROMPT",
    "type": "--type",
    "scene_type": "--scene-type",
    "negative_prompt": "--negative",
    "width": "--size",
    "height": "--size",
    "project_id": "--project",
    **{name: f"--{name}" for name in ("character", "duration", "style", "mood", "quality", "fps", "model", "workflow")},
    **{name: f"--{name}" for name in ("steps", "cfg", "seed", "engine", "force")},
}
CharacterOption = Annotated[str, typer.Option(help="A character's full or first name; 'original' for none.")]
DurationOption = Annotated[float | None, typer.Option(help="Seconds, 1 to 10; default: 3.")]
StyleOption = Annotated[
    str | None, typer.Option(help="anime, realistic, artistic, cinematic, …; default: the project's, or anime.")
]
TypeOption = Annotated[str, typer.Option("--type", help="standard, creative, professional, personal, fast.")]
FastOption = Annotated[bool, typer.Option("--fast", help="The same as --type fast: rendered second by second.")]
MoodOption = Annotated[str | None, typer.Option(help="With --type personal: calm, epic, sad, …; default: learned.")]
SceneTypeOption = Annotated[
    str | None, typer.Option("--scene-type", "--scene", help="dialogue (the default), action, emotional or epic.")
]
QualityOption = Annotated[
    str | None, typer.Option(help="low, medium, high, or a preset; default: the project's, or as configured.")
]
SizeOption = Annotated[
    str | None, typer.Option(help="Width and height, as 1280x720; default: the project's, or the preset's.")
]
FpsOption = Annotated[float | None, typer.Option(help="Frames per second, 1 to 120; default: the project's, or 24.")]
NegativeOption = Annotated[str | None, typer.Option(help="What the shot must not show.")]
ModelOption = Annotated[
    str | None, typer.Option(help="File name of the checkpoint; default: the project's, or as configured.")
]
WorkflowOption = Annotated[
    str | None, typer.Option(help="A workflow's name; default: the character's or project's, or a built-in one.")
]
StepsOption = Annotated[int | None, typer.Option(help="Sampler steps; default: the style's or the preset's.")]
CfgOption = Annotated[float | None, typer.Option(help="Guidance; default: the style's or the preset's.")]
SeedOption = Annotated[int | None, typer.Option(help="The same seed renders the same shot.")]
EngineOption = Annotated[str, typer.Option(help="auto, animatic, comfyui, or another that is installed.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Render even if an equal take exists.")]
RoundsOption = Annotated[int | None, typer.Option(help="A project's id; renders in rounds until it is good.")]
JobArgument = Annotated[str, typer.Argument(help="The job's id, its gen_<id>, or its ComfyUI id.", metavar="JOB")]


def register(app: typer.Typer) -> None:
    app.command()(generate)
    app.command()(status)
    app.command()(cancel)
    app.command()(retry)


def generate(
    prompt: Annotated[str, typer.Argument(help="What the shot shows.")],
    *,
    character: CharacterOption = "original",
    duration: DurationOption = None,
    style: StyleOption = None,
    kind: TypeOption = "standard",
    fast: FastOption = False,
    mood: MoodOption = None,
    scene_type: SceneTypeOption = None,
    quality: QualityOption = None,
    size: SizeOption = None,
    fps: FpsOption = None,
    negative: NegativeOption = None,
    model: ModelOption = None,
    workflow: WorkflowOption = None,
    steps: StepsOption = None,
    cfg: CfgOption = None,
    seed: SeedOption = None,
    engine: EngineOption = "auto",
    force: ForceOption = False,
    project: RoundsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make one shot and print the path of its MP4.

    A fast generation takes whole seconds and renders them in parallel, one per GPU slot. A professional one needs an
    existing character and is compared with its reference image. A personal one has a mood, which chooses the style and
    the camera unless they are given. One for a project is rendered up to three times, with changed settings, until its
    quality is good.

    Uses the running stack, or starts one for this job and stops it afterwards. Ctrl-C cancels the job.

    Example:  tower generate "a samurai under cherry trees" --duration 5 --scene-type epic --seed 7
    """
    by_seconds = fast or kind == FAST
    _refuse_fast_rounds(by_seconds, project)
    body = _build_body(locals())
    with connect_or_start(None if as_json else print_note) as api, refusals_name_options(OPTIONS):
        from deployments.cli.progress import watch_job

        ended = watch_job(api, api.generate(body, fast=by_seconds, project_id=project), quiet=as_json)
    _print_result(ended, as_json)


def status(job: Annotated[str | None, typer.Argument(metavar="[JOB]")] = None, *, as_json: JsonOption = False) -> None:
    """Show one job, or the newest jobs and the state of the stack.

    Example:  tower status 17
    """
    with connect_running() as api:
        if job is not None:
            print_json(api.get_status(job)) if as_json else print_job(api.get_status(job))
            return
        answer = {"system": api.get_system_status(), "generations": api.list_generations(limit=20)}
    print_json(answer) if as_json else print_system(answer)


def cancel(job: JobArgument, *, as_json: JsonOption = False) -> None:
    """Cancel a job. Exit code 1 if it has already ended.

    Example:  tower cancel 17
    """
    with connect_running() as api:
        answer = api.cancel(job)
    print_json(answer) if as_json else print_line(f"Generation {answer['job_id']}: {answer['status']}")


def retry(job: JobArgument, *, as_json: JsonOption = False) -> None:
    """Resume a job that failed or was cancelled, and keep what it has rendered. Exit code 1 if it runs or is completed.

    Example:  tower retry 17
    """
    with connect_running() as api:
        answer = api.retry(job)
    print_json(answer) if as_json else print_line(f"Generation {answer['job_id']}: {answer['status']}")


def _build_body(options: Mapping[str, Any]) -> dict[str, Any]:
    """The body of the API from the parameters of `generate`."""
    changed = {
        "type": None if options["kind"] == FAST else options["kind"],
        "negative_prompt": options["negative"],
        "fps": integer_if_whole(options["fps"]),
        "force": options["force"] or None,
        **parse_size(options["size"]),
    }
    return without_none({**{name: options[name] for name in SAME_NAMES}, **changed})


def _refuse_fast_rounds(fast: bool, project: int | None) -> None:
    if fast and project is not None:
        raise typer.BadParameter(
            "a fast generation cannot be rendered in rounds: leave out --fast or --project", param_hint="--project"
        )


def _print_result(job: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(job)
    elif job["status"] == "completed":
        for warning in job["warnings"]:
            print_note(f"Note: {warning}")
        print_line(job["output_path"])
    if job["status"] != "completed":
        reason = (job["error"] or {}).get("message", "it was cancelled")
        print_note(f"Generation {job['job_id']} {job['status']}: {reason}")
        raise typer.Exit(ExitCode.INTERRUPTED if job["status"] == "cancelled" else ExitCode.FAILED)


def print_system(answer: dict[str, Any]) -> None:
    for part, state in _describe_parts(answer["system"]):
        print_styled((f"{part:>9}", "bold"), (f"  {state}", ""))
    print_rows(("job", "status", "stage", "progress", "technical", "prompt"), map(_job_cells, answer["generations"]))


def _job_cells(job: dict[str, Any]) -> tuple[str, ...]:
    score = "" if job["quality_score"] is None else f"{job['quality_score']:.1f}"
    progress = f"{job['progress']:.0%}"
    stage = job["stage"] if job["queue_position"] is None else f"{job['stage']}, place {job['queue_position']}"
    return (str(job["job_id"]), job["status"], stage, progress, score, job["prompt"][:60])


def _describe_parts(system: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each part of the system with its state, or the reason why the state is unknown."""
    database, prefect, engine = system["database"], system["prefect"], system["engine"]
    counts = ", ".join(f"{count} {status}" for status, count in (database["jobs"] or {}).items() if count)
    size = f"{(database['size_bytes'] or 0) / 1e6:.0f} MB"
    yield "database", _state_or_reason(database, f"PostgreSQL {database['version']}, {size}; jobs: {counts or 'none'}")
    yield "prefect", _state_or_reason(prefect, f"{prefect['version']} at {prefect['url']}")
    pools = (system["workers"]["pools"] or {}).items()
    names = ", ".join(f"{worker['name']} {worker['status'].lower()}" for _, pool in pools for worker in pool)
    yield "workers", _state_or_reason(system["workers"], names or "none")
    yield "engine", _state_or_reason(engine, f"{engine['name']} {engine['version']} ({engine['why']})")
    for name, reason in (engine["broken"] or {}).items():
        yield "engine", f"{name} cannot be loaded: {reason}"
    readiness = system["readiness"]
    yield "readiness", _state_or_reason(readiness, readiness["note"] or "the default workflows run now")
    yield (
        "comfyui",
        _state_or_reason(system["comfyui"], f"{system['comfyui']['version']} at {system['comfyui']['url']}"),
    )


def _state_or_reason(part: dict[str, Any], words: str) -> str:
    return words if part["reachable"] else str(part["reason"])
