"""`tower render` and `tower stale`: the takes of scenes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.api_client import JsonOption, connect_or_start, connect_running, print_note
from deployments.cli.exits import ExitCode
from deployments.cli.option_words import refusals_name_options, without_none
from deployments.cli.printing import describe, print_json, print_line, print_rows
from deployments.cli.story_options import BranchOption, ProjectOption, choose_project, parse_size

if TYPE_CHECKING:
    from tower.clients.story import StoryClient

OPTIONS = {
    "scene_id": "SCENE",
    "branch": "--branch",
    "branch_name": "--branch",
    "project_id": "--project",
    "width": "--size",
    "height": "--size",
    **{name: f"--{name}" for name in ("quality", "engine", "seed", "duration", "style", "model", "workflow")},
}


def register(app: typer.Typer) -> None:
    app.command()(render)
    app.command()(stale)


def render(
    scene: Annotated[int | None, typer.Argument(metavar="SCENE", help="The scene's id; or use --stale.")] = None,
    *,
    all_stale: Annotated[bool, typer.Option("--stale", help="Render every stale scene of a branch.")] = False,
    project: ProjectOption = None,
    branch: BranchOption = None,
    quality: Annotated[
        str | None, typer.Option(help="low, medium, high, or a preset; default: the accepted take's, or the project's.")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="auto, animatic, comfyui, or another one.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed renders the same shot. Only for one scene.")] = None,
    duration: Annotated[float | None, typer.Option(help="Seconds, 1 to 10. Only for one scene.")] = None,
    style: Annotated[str | None, typer.Option(help="Another style. Only for one scene.")] = None,
    size: Annotated[str | None, typer.Option(help="As 1280x720. Only for one scene.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Render even if an equal take exists.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --stale: only list the scenes.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Render a scene, or exactly the stale ones, and print the path of each MP4.

    A take that passes its quality check becomes the accepted take of a scene that has none or a stale one. Uses the
    running stack, or starts one for these jobs. Ctrl-C cancels the job that is shown.

    Examples:

      tower render 3 --quality low

      tower render --stale --branch main
    """
    only_one = without_none({"seed": seed, "duration": duration, "style": style, **parse_size(size)})
    _check_usage(scene, all_stale=all_stale, only_one=only_one, force=force, dry_run=dry_run)
    chosen = without_none({"quality": quality, "engine": engine})
    with connect_or_start(None if as_json else print_note) as api, refusals_name_options(OPTIONS):
        if scene is None:
            answer = _render_stale(api, choose_project(api, project), branch, chosen | {"dry_run": dry_run}, as_json)
            if dry_run:
                return
            started = answer["jobs"]
        else:
            found = api.get_entity("scenes", scene, branch=branch)
            wanted = {"scene_id": found["id"], **chosen, **only_one, **without_none({"force": force or None})}
            started = [api.render_scene(found["project_id"], wanted)]
        ended = _watch_all(api, started, quiet=as_json)
    if as_json:
        print_json(ended)
    _exit_with(ended)


def stale(*, project: ProjectOption = None, branch: BranchOption = None, as_json: JsonOption = False) -> None:
    """List the scenes whose accepted take no longer matches the story, with the reason; and those without a take.

    Example:  tower stale --branch red-coat
    """
    with connect_running() as api, refusals_name_options(OPTIONS):
        pages = api.list_stale_pages(choose_project(api, project), branch=branch)
    found = [scene for page in pages for scene in page["stale"]]
    missing = [scene_id for page in pages for scene_id in page["missing"]]
    if as_json:
        counts = {name: sum(page[name] for page in pages) for name in ("scenes", "fresh", "own_videos")}
        first = {name: pages[0][name] for name in ("project_id", "branch_name", "commit")}
        print_json({**first, **counts, "stale": found, "missing": missing})
        return
    if found:
        rows = [(row["scene_number"], row["scene_id"], _reasons(row)) for row in found]
        print_rows(("number", "id", "reason"), rows)
    else:
        print_line("No scene is stale")
    if missing:
        print_note(f"Without a take: {describe(missing)}. Render each with `tower render SCENE`")


def _check_usage(
    scene: int | None, *, all_stale: bool, only_one: dict[str, object], force: bool, dry_run: bool
) -> None:
    if (scene is None) == (not all_stale):
        raise typer.BadParameter("name one scene, or use --stale", param_hint="SCENE")
    if all_stale and (only_one or force):
        raise typer.BadParameter("--seed, --duration, --style, --size and --force need one SCENE", param_hint="--stale")
    if dry_run and not all_stale:
        raise typer.BadParameter("it needs --stale", param_hint="--dry-run")


def _render_stale(
    api: StoryClient, project_id: int, branch: str | None, wanted: dict[str, object], as_json: bool
) -> dict[str, Any]:
    answer = api.render_stale(project_id, wanted | without_none({"branch": branch}))
    if answer["dry_run"]:
        _print_plan(answer, as_json)
    elif not answer["jobs"] and not as_json:
        print_note("No scene is to be rendered")
    for live in answer["already_rendering"]:
        print_note(f"Scene {live['scene_id']} is being rendered by job {live['job_id']}")
    for refused in answer["cannot_render"]:
        print_note(f"Scene {refused['scene_id']} cannot be rendered: {refused['message']}")
    return answer


def _print_plan(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        print_line(f"Would be rendered: scene {describe(answer['to_render'])}" if answer["to_render"] else "Nothing")


def _watch_all(api: StoryClient, started: list[dict[str, Any]], *, quiet: bool) -> list[dict[str, Any]]:
    """Follow the jobs one after the other and print the path of each finished MP4."""
    from deployments.cli.progress import watch_job

    ended = []
    for accepted in started:
        job = watch_job(api, accepted, quiet=quiet)
        ended.append(job)
        if not quiet:
            _print_end(api, job)
    return ended


def _print_end(api: StoryClient, job: dict[str, Any]) -> None:
    if job["status"] != "completed":
        reason = (job["error"] or {}).get("message", "it was cancelled")
        print_note(f"Scene {job['scene_id']}: generation {job['job_id']} {job['status']}: {reason}")
        return
    for warning in job["warnings"]:
        print_note(f"Note: {warning}")
    print_line(job["output_path"])
    shown = api.get_entity("scenes", job["scene_id"])["video_path"]
    state = "shows this take" if shown == job["output_path"] else "does not show this take"
    print_note(f"Scene {job['scene_id']} {state}")


def _exit_with(ended: list[dict[str, Any]]) -> None:
    statuses = {job["status"] for job in ended} - {"completed"}
    if statuses:
        raise typer.Exit(ExitCode.INTERRUPTED if statuses == {"cancelled"} else ExitCode.FAILED)


def _reasons(row: dict[str, Any]) -> str:
    texts = []
    for reason in row["reasons"]:
        of = f"{reason['kind']} {reason['name']}" if reason["name"] else reason["kind"]
        texts.append(f"{of} {reason['field']}: {describe(reason['was'])} → {describe(reason['now'])}")
    return "; ".join(texts)
