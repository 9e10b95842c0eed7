"""`tower scene`: creates, lists, shows, changes, moves and deletes scenes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from deployments.cli.api_client import JsonOption, connect_running, print_note
from deployments.cli.option_words import refusals_name_options, without_none
from deployments.cli.printing import print_answer, print_json, print_line, print_table
from deployments.cli.story_options import (
    BranchOption,
    MessageOption,
    ProjectOption,
    SceneArgument,
    choose_project,
    print_stale,
)
from tower.errors import InvalidError

KIND = "scenes"
COLUMNS = {
    "number": "scene_number",
    "id": "id",
    "status": "status",
    "characters": "characters",
    "description": "description",
}
OPTIONS = {
    "description": "DESCRIPTION",
    "scene_number": "--number",
    "characters": "--with",
    "duration_seconds": "--duration",
    "scene_type": "--scene-type",
    "video_path": "--video",
    "episode_id": "--episode",
    "project_id": "--project",
    "branch_name": "--branch",
    "branch": "--branch",
    **{name: f"--{name}" for name in ("title", "style", "location", "mood", "camera", "message")},
}
TEXT_FIELDS = {  # fields of the API by parameter
    "episode": "episode_id",
    **{name: name for name in ("title", "scene_type", "style", "location", "mood", "camera")},
}
VALUE_FIELDS = {
    "number": "scene_number",
    "duration": "duration_seconds",
    "branch": "branch_name",
    **{name: name for name in ("description", "characters", "message")},
}
TitleOption = Annotated[str | None, typer.Option(help="Its title.")]
NumberOption = Annotated[int | None, typer.Option(help="Its number, which must be free; default: after the last.")]
WithOption = Annotated[
    list[str] | None, typer.Option("--with", metavar="NAME", help="A character in it; several times for more.")
]
DurationOption = Annotated[float | None, typer.Option(help="Seconds.")]
SceneTypeOption = Annotated[str | None, typer.Option(help="dialogue, action, emotional or epic.")]
StyleOption = Annotated[str | None, typer.Option(help="Its style; default: the project's.")]
LocationOption = Annotated[str | None, typer.Option(help="Where it is.")]
MoodOption = Annotated[str | None, typer.Option(help="Its mood.")]
CameraOption = Annotated[str | None, typer.Option(help="What the camera does.")]
EpisodeOption = Annotated[str | None, typer.Option(help="The id of its episode.")]
VideoOption = Annotated[Path | None, typer.Option(help="Your own video in a media folder, instead of a render.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Scenes: create, list, show, edit, move, delete.", no_args_is_help=True)
    group.command("create")(create)
    group.command("list")(list_all)
    group.command("show")(show)
    group.command("edit")(edit)
    group.command("move")(move)
    group.command("delete")(delete)
    app.add_typer(group, name="scene")


def create(
    description: Annotated[str, typer.Argument(metavar="DESCRIPTION", help="What it shows.")],
    *,
    project: ProjectOption = None,
    branch: BranchOption = None,
    title: TitleOption = None,
    number: NumberOption = None,
    characters: WithOption = None,
    duration: DurationOption = None,
    scene_type: SceneTypeOption = None,
    style: StyleOption = None,
    location: LocationOption = None,
    mood: MoodOption = None,
    camera: CameraOption = None,
    video: VideoOption = None,
    episode: EpisodeOption = None,
    message: MessageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a scene and print its id. `tower render` makes its first take.

    Example:  tower scene create "Kai draws his sword" --with "Kai Nakamura" --location "a bridge in the rain"
    """
    body = _build_body(locals())
    with connect_running() as api, refusals_name_options(OPTIONS):
        project_id = choose_project(api, project)
        made = api.create_entity(KIND, {"project_id": project_id, **body})
    if as_json:
        print_json(made)
        return
    print_line(str(made["id"]))
    if made["video_path"] is None:
        print_note(f"Next: tower render {made['id']}")


def list_all(*, project: ProjectOption = None, branch: BranchOption = None, as_json: JsonOption = False) -> None:
    """List the scenes of a project by number.

    Example:  tower scene list
    """
    with connect_running() as api, refusals_name_options(OPTIONS):
        scenes = api.list_entities(KIND, choose_project(api, project), branch=branch)
    print_table(scenes, COLUMNS, as_json=as_json)


def show(scene: SceneArgument, *, branch: BranchOption = None, as_json: JsonOption = False) -> None:
    """Show a scene.

    Example:  tower scene show 3
    """
    with connect_running() as api, refusals_name_options(OPTIONS):
        found = api.get_entity(KIND, scene, branch=branch)
    print_answer(found, as_json=as_json)


def edit(
    scene: SceneArgument,
    *,
    branch: BranchOption = None,
    description: Annotated[str | None, typer.Option(help="What it shows.")] = None,
    title: TitleOption = None,
    number: NumberOption = None,
    characters: WithOption = None,
    duration: DurationOption = None,
    scene_type: SceneTypeOption = None,
    style: StyleOption = None,
    location: LocationOption = None,
    mood: MoodOption = None,
    camera: CameraOption = None,
    video: VideoOption = None,
    episode: EpisodeOption = None,
    message: MessageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change a scene on a branch, and say whether its take is stale then.

    An option that is left out changes nothing; an empty text removes a value.

    Example:  tower scene edit 3 --location "the same bridge in the snow" --branch winter
    """
    body = _build_body(locals())
    with connect_running() as api, refusals_name_options(OPTIONS | {"description": "--description"}):
        changed = api.change_entity(KIND, scene, body)
    print_answer(changed, as_json=as_json)
    print_stale(changed)


def move(
    scene: SceneArgument,
    to: Annotated[int, typer.Argument(metavar="POSITION", min=1, help="Its new place among the scenes, from 1.")],
    *,
    branch: BranchOption = None,
    message: MessageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move a scene to another place; all scenes of the branch are numbered again from 1, in one commit.

    Example:  tower scene move 3 1
    """
    with connect_running() as api, refusals_name_options(OPTIONS):
        found = api.get_entity(KIND, scene, branch=branch)
        scenes = api.list_entities(KIND, found["project_id"], branch=found["branch_name"])
        if to > len(scenes):
            raise InvalidError(f"POSITION {to} does not exist: the branch has {len(scenes)} scenes")
        order = [row["id"] for row in scenes if row["id"] != found["id"]]
        order.insert(to - 1, found["id"])
        body = {"project_id": found["project_id"], "branch_name": found["branch_name"], "scene_ids": order}
        ordered = api.reorder_scenes(body | without_none({"message": message}))
    print_table(ordered, COLUMNS, as_json=as_json)


def delete(scene: SceneArgument, *, branch: BranchOption = None, as_json: JsonOption = False) -> None:
    """Delete a scene from a branch. Its history and its takes stay.

    Example:  tower scene delete 3
    """
    with connect_running() as api, refusals_name_options(OPTIONS):
        deleted = api.delete_entity(KIND, scene, branch=branch)
    print_json(deleted) if as_json else print_line(f"Scene {scene} is deleted")


def _build_body(options: Mapping[str, Any]) -> dict[str, Any]:
    """The body of the API from the parameters of a command; an empty text removes a value."""
    named = {field: options[name] for name, field in TEXT_FIELDS.items()}
    video = options["video"]
    named["video_path"] = None if video is None else str(video.absolute())
    texts = {field: text or None for field, text in named.items() if text is not None}
    return texts | without_none({field: options[name] for name, field in VALUE_FIELDS.items()})
