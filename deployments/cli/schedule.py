"""`tower schedule`: what is made by itself, and in which hours."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

import typer

from deployments.cli.api_client import JsonOption, connect_running, print_note
from deployments.cli.episode import connect_episodes, find_episode_id
from deployments.cli.option_words import refusals_name_options, without_none
from deployments.cli.printing import print_json, print_line, print_table
from deployments.cli.story_options import BranchOption, ProjectOption, choose_project
from tower.errors import InvalidError

HOURS = re.compile(r"(\d\d:\d\d)\s*[-–]\s*(\d\d:\d\d)")
KIND = "schedule"
COLUMNS = {
    "id": "id",
    "state": "state",
    "starts": "starts_at",
    "episode": "episode_id",
    "scene": "scene_key",
    "waits for": "waiting_reason",
    "obstacle": "obstacle",
    "error": "error_message",
}
OPTIONS = {
    "start": "HOURS",
    "end": "HOURS",
    "zone": "--zone",
    "start_at": "--at",
    "due_at": "--due",
    "scene_id": "--scene",
    "episode_id": "--episode",
    "project_id": "--project",
    "branch_name": "--branch",
    "allow_publish": "--publish",
    "parameters": "--quality or --engine",
    "quality": "--quality",
    "engine": "--engine",
    "priority": "--priority",
}
EpisodeOption = Annotated[str | None, typer.Option(help="The film of this episode, by its number or id.")]
SceneOption = Annotated[int | None, typer.Option(help="This scene, by its id. Without both: all stale scenes.")]
AtOption = Annotated[str | None, typer.Option(help="The earliest start, as 2026-11-29T22:00; default: now.")]
DueOption = Annotated[str | None, typer.Option(help="The desired end; a plan that cannot keep it is refused.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="The schedule of renders: add, list, cancel; its window.", no_args_is_help=True)
    group.command("add")(add)
    group.command("list")(list_all)
    group.command("cancel")(cancel)
    group.command("window")(window)
    app.add_typer(group, name="schedule")


def add(
    *,
    episode: EpisodeOption = None,
    scene: SceneOption = None,
    at: AtOption = None,
    due: DueOption = None,
    priority: Annotated[int | None, typer.Option(help="From 0 to 1000, the smallest first; default: 5.")] = None,
    publish: Annotated[bool, typer.Option("--publish", help="Also put the film into the library.")] = False,
    quality: Annotated[str | None, typer.Option(help="low, medium or high.")] = None,
    engine: Annotated[str | None, typer.Option(help="The engine that renders.")] = None,
    project: ProjectOption = None,
    branch: BranchOption = None,
    as_json: JsonOption = False,
) -> None:
    """Plan the film of an episode, the render of a scene, or of all stale scenes, and print the entry's id.

    It starts when the production window is open. Times without a zone are those of this machine.

    Example:  tower schedule add --episode 1 --publish
    """
    times: dict[str, Any] = {
        "start_at": _moment(at or "now", "--at"),
        "due_at": None if due is None else _moment(due, "--due"),
    }
    parameters = without_none({"quality": quality, "engine": engine})
    with refusals_name_options(OPTIONS):
        episode_id = None if episode is None else _episode_id(episode, project, branch)
        target: dict[str, Any] = {
            "scene_id": scene,
            "episode_id": episode_id,
            "branch_name": branch,
            "priority": priority,
        }
        with connect_running() as api:
            body = {"project_id": choose_project(api, project), "parameters": parameters, "allow_publish": publish}
            made = api.create_entity(KIND, body | without_none({**times, **target}))
    if as_json:
        print_json(made)
        return
    print_line(str(made["id"]))
    print_note(f"Starts at {made['starts_at']}" + (f": {made['waiting_reason']}" if made["waiting_reason"] else ""))


def list_all(
    *,
    project: ProjectOption = None,
    state: Annotated[str | None, typer.Option(help="planned, started, completed, failed or cancelled.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the entries of a project's schedule, and what the planned ones wait for.

    Example:  tower schedule list --state planned
    """
    with connect_running() as api, refusals_name_options(OPTIONS | {"state": "--state"}):
        entries = api.list_entities(KIND, choose_project(api, project), branch=None, state=state)
    print_table(entries, COLUMNS, as_json=as_json)


def cancel(
    entry: Annotated[int, typer.Argument(metavar="ENTRY", help="The entry's id.")], *, as_json: JsonOption = False
) -> None:
    """Cancel an entry that has not started.

    Example:  tower schedule cancel 7
    """
    with connect_running() as api:
        cancelled = api.delete_entity(KIND, entry)
    print_json(cancelled) if as_json else print_line(f"Entry {entry} is cancelled")


def window(
    hours: Annotated[str | None, typer.Argument(metavar="HOURS", help="Such as 22:00-07:00; none shows it.")] = None,
    *,
    zone: Annotated[str | None, typer.Option(help="The IANA time zone of the hours, such as Europe/Berlin.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Let scheduled work start at any time.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show or set the hours in which scheduled work may start. Work that runs goes on when they end.

    Example:  tower schedule window 22:00-07:00 --zone Europe/Berlin
    """
    if remove and hours is not None:
        raise InvalidError("HOURS or --remove, not both")
    with connect_running() as api, refusals_name_options(OPTIONS):
        if remove:
            found = api.remove_window()
        elif hours is None:
            found = api.get_window()
        else:
            found = api.set_window(_parse(hours) | {"zone": zone or api.get_window()["zone"] or "UTC"})
    if as_json:
        print_json(found)
        return
    if found["start"] is None:
        print_line("Scheduled work starts at any time")
    else:
        state = f"open until {found['closes_at']}" if found["is_open"] else "closed"
        print_line(f"{found['start']}-{found['end']} {found['zone']}, {state}")
        for opening in found["next_openings"]:
            print_line(f"opens {opening['opens_at']}, closes {opening['closes_at']}")
    for entry in found["unfit"]:
        which = f"entry {entry['schedule_id']} of project {entry['project_id']}"
        print_line(f"{which} fits in no opening: {entry['reason']}")
    if found["unfit_count"] > len(found["unfit"]):
        print_line(f"and {found['unfit_count'] - len(found['unfit'])} more")
    if found["reason"]:
        print_note(f"Prefect: {found['reason']}")


def _parse(hours: str) -> dict[str, str]:
    found = HOURS.fullmatch(hours.strip())
    if found is None:
        raise InvalidError(f"HOURS {hours!r}: expected two times of the day, such as 22:00-07:00")
    return {"start": found[1], "end": found[2]}


def _episode_id(episode: str, project: int | None, branch: str | None) -> str:
    with connect_episodes() as api:
        return find_episode_id(api, episode, project=project, branch=branch)


def _moment(text: str, option: str) -> str:
    """The time with its zone. One without is of this machine's clocks."""
    if text == "now":
        return datetime.now().astimezone().isoformat()
    try:
        return datetime.fromisoformat(text).astimezone().isoformat()
    except ValueError as error:
        raise InvalidError(f"{option} {text!r}: expected a time such as 2026-11-29T22:00") from error
