"""`tower generate`, `tower status`, `tower cancel`, `tower retry`: jobs from a shell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from deployments.cli.api_client import Json, print_json, production, running, say
from deployments.cli.exits import Exit

FAST = "fast"
JobKey = Annotated[str, typer.Argument(help="The job's id, its gen_<id>, or its ComfyUI id.", metavar="JOB")]


def register(app: typer.Typer) -> None:
    app.command()(generate)
    app.command()(status)
    app.command()(cancel)
    app.command()(retry)


def generate(
    prompt: Annotated[str, typer.Argument(help="What the shot shows.")],
    *,
    character: Annotated[str, typer.Option(help="A character's full or first name; original: none.")] = "original",
    duration: Annotated[float, typer.Option(help="Seconds, 1 to 10.")] = 3,
    style: Annotated[str | None, typer.Option(help="anime (the default), realistic, artistic, cinematic, …")] = None,
    kind: Annotated[str, typer.Option("--type", help="standard, creative, professional, personal, fast.")] = "standard",
    fast: Annotated[bool, typer.Option("--fast", help="The same as --type fast: rendered second by second.")] = False,
    mood: Annotated[str | None, typer.Option(help="Of a personal one: calm, epic, sad, …; else as learned.")] = None,
    scene: Annotated[str | None, typer.Option(help="dialogue, action, emotional or epic; else dialogue.")] = None,
    quality: Annotated[str | None, typer.Option(help="low, medium, high, or a preset; else as configured.")] = None,
    size: Annotated[str | None, typer.Option(help="Width and height, as 1280x720; else the preset's.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed draws the same shot.")] = None,
    engine: Annotated[str, typer.Option(help="auto, animatic, comfyui, or another that is installed.")] = "auto",
    force: Annotated[bool, typer.Option("--force", help="Render even where an equal take is there already.")] = False,
    project: Annotated[int | None, typer.Option(help="For the project of this id, in rounds until it is good.")] = None,
    as_json: Json = False,
) -> None:
    """Make one shot and print the path of its MP4.

    A fast one takes whole seconds and renders them side by side, as many at once as there are GPU slots. A professional
    one needs a character that exists, and is held against its reference image. A personal one has a mood, which
    chooses the style and camera that are not named. One for a project is rendered up to three times, each time
    otherwise, until its quality is good.

    Uses the running stack, or starts one for this job and stops it afterwards. Ctrl-C cancels the job.

    Example:  tower generate "a samurai under cherry trees" --duration 5 --scene epic --seed 7
    """
    by_seconds = fast or kind == FAST
    if by_seconds and project is not None:
        raise typer.BadParameter(
            "a fast generation is not made in rounds: leave out one of the two", param_hint="--project"
        )
    body = {
        "prompt": prompt,
        "character": character,
        "duration": duration,
        "style": style,
        "type": None if kind == FAST else kind,
        "mood": mood,
        "scene_type": scene,
        "quality": quality,
        "seed": seed,
        "engine": engine,
        "force": force or None,
        **_sides(size),
    }
    with production(None if as_json else say) as api:
        from deployments.cli.progress import watch

        given = {name: value for name, value in body.items() if value is not None}
        accepted = api.generate(given, fast=by_seconds, project_id=project)
        ended = watch(api, accepted, quiet=as_json)
    _report(ended, as_json)


def status(job: Annotated[str | None, typer.Argument(metavar="[JOB]")] = None, *, as_json: Json = False) -> None:
    """Show one job, or the newest ones and how the stack is.

    Example:  tower status 17
    """
    with running() as api:
        if job is not None:
            print_json(api.status(job)) if as_json else _show_job(api.status(job))
            return
        answer = {"system": api.system(), "generations": api.generations(limit=20)}
    print_json(answer) if as_json else _show_system(answer)


def cancel(job: JobKey, *, as_json: Json = False) -> None:
    """Cancel a job. One that has ended already is left as it is, with exit code 1.

    Example:  tower cancel 17
    """
    with running() as api:
        answer = api.cancel(job)
    print_json(answer) if as_json else typer.echo(f"Generation {answer['job_id']}: {answer['status']}")


def retry(job: JobKey, *, as_json: Json = False) -> None:
    """Take up again a job that failed or was cancelled; what it has rendered is used. One that runs or is done: exit 1.

    Example:  tower retry 17
    """
    with running() as api:
        answer = api.retry(job)
    print_json(answer) if as_json else typer.echo(f"Generation {answer['job_id']}: {answer['status']}")


def _sides(size: str | None) -> dict[str, int]:
    if size is None:
        return {}
    width, _, height = size.lower().partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise typer.BadParameter("write width and height as 1280x720", param_hint="--size")
    return {"width": int(width), "height": int(height)}


def _report(job: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(job)
    elif job["status"] == "completed":
        for warning in job["warnings"]:
            say(f"Note: {warning}")
        typer.echo(job["output_path"])
    if job["status"] != "completed":
        reason = (job["error"] or {}).get("message", "it was cancelled")
        say(f"Generation {job['job_id']} {job['status']}: {reason}")
        raise typer.Exit(Exit.INTERRUPTED if job["status"] == "cancelled" else Exit.FAILED)


def _show_job(job: dict[str, Any]) -> None:
    for name, value in job.items():
        if value not in (None, [], {}):
            typer.echo(f"{name:>16}  {value}")


def _show_system(answer: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("job", "status", "stage", "progress", "score", "prompt", box=None)
    for job in answer["generations"]:
        score = "" if job["quality_score"] is None else f"{job['quality_score']:.1f}"
        progress = f"{job['progress']:.0%}"
        table.add_row(str(job["job_id"]), job["status"], job["stage"], progress, score, job["prompt"][:60])
    console = Console()
    for part, said in _parts(answer["system"]):
        console.print(f"[bold]{part:>9}[/]  {said}", highlight=False)
    console.print(table)


def _parts(system: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each part of the system and how it is, in words; what is not known comes with its reason."""
    database, prefect, engine = system["database"], system["prefect"], system["engine"]
    counts = ", ".join(f"{count} {status}" for status, count in (database["jobs"] or {}).items() if count)
    size = f"{(database['size_bytes'] or 0) / 1e6:.0f} MB"
    yield "database", _known(database, f"PostgreSQL {database['version']}, {size}; jobs: {counts or 'none'}")
    yield "prefect", _known(prefect, f"{prefect['version']} at {prefect['url']}")
    pools = (system["workers"]["pools"] or {}).items()
    names = ", ".join(f"{worker['name']} {worker['status'].lower()}" for _, pool in pools for worker in pool)
    yield "workers", _known(system["workers"], names or "none")
    yield "engine", _known(engine, f"{engine['name']} {engine['version']} ({engine['why']})")
    for name, reason in engine["broken"].items():
        yield "engine", f"{name} cannot be loaded: {reason}"
    yield "comfyui", _known(system["comfyui"], f"{system['comfyui']['version']} at {system['comfyui']['url']}")


def _known(part: dict[str, Any], words: str) -> str:
    return words if part["reachable"] else str(part["reason"])
