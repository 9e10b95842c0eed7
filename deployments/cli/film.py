"""`tower episode assemble|render|trailer|export|open`: the film of an episode."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.api_client import JsonOption, connect_running, print_note
from deployments.cli.episode import OPTIONS, EpisodeArgument, connect_episodes, find_episode_id
from deployments.cli.exits import ExitCode
from deployments.cli.option_words import refusals_name_options, without_none
from deployments.cli.printing import print_answer, print_json, print_line
from deployments.cli.story_options import BranchOption, ProjectOption
from tower.errors import InvalidError, NotFoundError

if TYPE_CHECKING:
    pass

FILM_OPTIONS = {
    **OPTIONS,
    **{name: f"--{name}" for name in ("quality", "engine", "render", "publish", "format", "seconds")},
}
FORMATS = {".otio": "otio", ".otioz": "otioz", ".edl": "edl", ".xml": "fcpxml7"}
QualityOption = Annotated[
    str | None, typer.Option(help="low, medium, high, or a preset; default: each scene's own, or the project's.")
]
EngineOption = Annotated[str | None, typer.Option(help="auto, animatic, comfyui, or another one.")]
PublishOption = Annotated[bool, typer.Option("--publish", help="Also put the film into the library.")]


def register(group: typer.Typer) -> None:
    """Add the commands to `tower episode`."""
    group.command("assemble")(assemble)
    group.command("render")(render)
    group.command("trailer")(trailer)
    group.command("export")(export)
    group.command("open")(open_)


def assemble(
    episode: EpisodeArgument,
    *,
    project: ProjectOption = None,
    branch: BranchOption = None,
    publish: PublishOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make the film of an episode from the takes that its scenes show, and print its path.

    A film with nothing changed costs nothing. A stale take is used with a warning. Ctrl-C cancels the job.

    Example:  tower episode assemble 1
    """
    make_film(episode, "assemble", {"publish": publish or None}, project=project, branch=branch, as_json=as_json)


def render(
    episode: EpisodeArgument,
    *,
    project: ProjectOption = None,
    branch: BranchOption = None,
    quality: QualityOption = None,
    engine: EngineOption = None,
    publish: PublishOption = False,
    as_json: JsonOption = False,
) -> None:
    """Render the scenes of an episode that are stale or have no take, make its film, and print the path.

    Scenes that are current cost nothing. Ctrl-C cancels the job and the renders that it started.

    Example:  tower episode render 1 --quality low
    """
    wanted = {"quality": quality, "engine": engine, "publish": publish or None}
    make_film(episode, "render", wanted, project=project, branch=branch, as_json=as_json)


def trailer(
    episode: EpisodeArgument,
    *,
    project: ProjectOption = None,
    branch: BranchOption = None,
    seconds: Annotated[float | None, typer.Option(help="Its length, 10 to 90; default: 30.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a trailer of an episode from the takes that its scenes show, and print its path.

    The best shots in story order, cut to the beats of its music, without the last quarter of the story.

    Example:  tower episode trailer 1 --seconds 20
    """
    make_film(episode, "trailer", {"seconds": seconds}, project=project, branch=branch, as_json=as_json)


def export(
    episode: EpisodeArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Ends in .otio, .otioz, .edl or .xml (FCP 7).")],
    *,
    project: ProjectOption = None,
    branch: BranchOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the cut of an episode for an editing program, and say what the format does not hold.

    Example:  tower episode export 1 rain.otio
    """
    form = FORMATS.get(file.suffix.lower())
    if form is None:
        raise typer.BadParameter(f"its name ends in {', '.join(FORMATS)}", param_hint="FILE")
    with connect_episodes() as api, refusals_name_options(FILM_OPTIONS):
        episode_id = find_episode_id(api, episode, project=project, branch=branch)
        content, losses = api.export(episode_id, form, branch=branch)
    _write(file, content)
    if as_json:
        print_json({"path": str(file.absolute()), "losses": losses})
        return
    for loss in losses:
        print_note(f"Not in the file: {loss['part']}: {loss['message']}")
    print_line(str(file.absolute()))


def open_(
    episode: EpisodeArgument,
    *,
    project: ProjectOption = None,
    branch: BranchOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the path of the last film of an episode, and open it.

    Example:  tower episode open 1
    """
    with connect_episodes() as api:
        found = api.get(find_episode_id(api, episode, project=project, branch=branch), branch=branch)
    if found["video_path"] is None:
        raise NotFoundError(f"Episode {found['episode_number']} has no film: `tower episode assemble` makes it")
    if as_json:
        print_answer({"path": found["video_path"], "film": found["film"]}, as_json=True)
        return
    print_line(found["video_path"])
    typer.launch(found["video_path"])


def make_film(
    episode: str,
    action: str,
    wanted: Mapping[str, object],
    *,
    project: int | None,
    branch: str | None,
    as_json: bool,
) -> str:
    """Run the job of a film to its end, and return the id of the episode. Exits if the job is not completed."""
    from deployments.cli.progress import watch_job

    with connect_episodes() as api, refusals_name_options(FILM_OPTIONS):
        episode_id = find_episode_id(api, episode, project=project, branch=branch)
        started = api.start_film(episode_id, action, without_none({**wanted, "branch": branch}))
    if not as_json:
        _print_start(started)
    with connect_running() as production:
        ended = watch_job(production, started, quiet=as_json)
    if as_json:
        print_json(ended)
    else:
        _print_end(ended, shows_path=action != "publish")
    if ended["status"] != "completed":
        raise typer.Exit(ExitCode.INTERRUPTED if ended["status"] == "cancelled" else ExitCode.FAILED)
    return episode_id


def _print_start(started: dict[str, Any]) -> None:
    opened, joined = len(started["opened_jobs"]), len(started["joined_jobs"])
    if opened or joined:
        waits = f", and waits for {joined} that render already" if joined else ""
        print_note(f"Scenes to render: {opened}{waits}; current: {started['reused_scenes']}")


def _print_end(job: dict[str, Any], *, shows_path: bool) -> None:
    for warning in job["warnings"]:
        print_note(f"Note: {warning}")
    if job["status"] == "completed":
        if shows_path:
            print_line(job["output_path"])
        return
    reason = (job["error"] or {}).get("message", "it was cancelled")
    print_note(f"Generation {job['job_id']} {job['status']}: {reason}")


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise InvalidError(f"{file} cannot be written: {error.strerror}") from error
