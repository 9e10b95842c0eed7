"""`tower project`: creates, lists, shows and changes projects."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from deployments.cli import archives
from deployments.cli.api_client import JsonOption, connect_running, print_note
from deployments.cli.option_words import integer_if_whole, refusals_name_options, without_none
from deployments.cli.printing import print_answer, print_json, print_line, print_record, print_table
from deployments.cli.story_options import parse_size

OPTIONS = {
    "name": "NAME",
    "fps": "--fps",
    "width": "--size",
    "height": "--size",
    "default_style": "--style",
    "quality_preset": "--quality",
    **{name: f"--{name}" for name in ("description", "model", "workflow")},
}
COLUMNS = {name: name for name in ("id", "status", "name", "description")}
IdArgument = Annotated[int, typer.Argument(metavar="ID", help="The project's id.")]
DescriptionOption = Annotated[str | None, typer.Option(help="What it is about.")]
SizeOption = Annotated[str | None, typer.Option(help="Width and height of its shots, as 1280x720.")]
FpsOption = Annotated[float | None, typer.Option(help="Frames per second of its shots.")]
StyleOption = Annotated[str | None, typer.Option(help="Its style: anime, realistic, artistic, cinematic, …")]
ModelOption = Annotated[str | None, typer.Option(help="File name of its checkpoint.")]
WorkflowOption = Annotated[str | None, typer.Option(help="The name of its workflow.")]
QualityOption = Annotated[str | None, typer.Option(help="fast_preview, current_workflow or ultra_production.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Projects: create, list, show, edit, export, import.", no_args_is_help=True)
    group.command("create")(create)
    group.command("list")(list_all)
    group.command("show")(show)
    group.command("edit")(edit)
    group.command("export")(archives.export)
    group.command("import")(archives.import_)
    app.add_typer(group, name="project")


def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The project's name.")],
    *,
    description: DescriptionOption = None,
    size: SizeOption = None,
    fps: FpsOption = None,
    style: StyleOption = None,
    model: ModelOption = None,
    workflow: WorkflowOption = None,
    quality: QualityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a project and print its id. What is left out comes from the configuration when a shot is rendered.

    Example:  tower project create "Neon Rain" --size 512x512 --fps 12
    """
    settings = _settings(size=size, fps=fps, style=style, model=model, workflow=workflow, quality=quality)
    body = without_none({"name": name, "description": description, "settings": settings or None})
    with connect_running() as api, refusals_name_options(OPTIONS):
        made = api.create_project(body)
    if as_json:
        print_json(made)
        return
    print_line(str(made["id"]))
    print_note(f'Next: tower scene create "a samurai under cherry trees" --project {made["id"]}')


def list_all(
    *,
    name: Annotated[str | None, typer.Option(help="Only projects with this part in their name.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the projects by id.

    Example:  tower project list
    """
    with connect_running() as api:
        projects = api.list_projects(name=name)
    print_table(projects, COLUMNS, as_json=as_json)


def show(project: IdArgument, *, as_json: JsonOption = False) -> None:
    """Show a project with its settings, branches, characters and scenes.

    Example:  tower project show 1
    """
    with connect_running() as api:
        found = api.get_project(project)
        branches = api.list_branches(project)
        counts = {kind: len(api.list_entities(kind, project, branch=None)) for kind in ("characters", "scenes")}
    if as_json:
        print_json(found | counts | {"branches": branches})
        return
    print_record(found | counts | {"branches": [branch["branch_name"] for branch in branches]})


def edit(
    project: IdArgument,
    *,
    name: Annotated[str | None, typer.Option(help="A new name.")] = None,
    description: DescriptionOption = None,
    size: SizeOption = None,
    fps: FpsOption = None,
    style: StyleOption = None,
    model: ModelOption = None,
    workflow: WorkflowOption = None,
    quality: QualityOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change a project. An option that is left out changes nothing; an empty text removes a setting.

    Example:  tower project edit 1 --style cinematic --fps 24
    """
    settings = _settings(size=size, fps=fps, style=style, model=model, workflow=workflow, quality=quality)
    body = without_none({"name": name, "description": description, "settings": settings or None})
    with connect_running() as api, refusals_name_options(OPTIONS | {"name": "--name"}):
        changed = api.change_project(project, body)
    print_answer(changed, as_json=as_json)


def _settings(
    *,
    size: str | None,
    fps: float | None,
    style: str | None,
    model: str | None,
    workflow: str | None,
    quality: str | None,
) -> dict[str, Any]:
    """The settings that were given; an empty text becomes null."""
    texts = {"default_style": style, "model": model, "workflow": workflow, "quality_preset": quality}
    return {
        **{name: text or None for name, text in texts.items() if text is not None},
        **without_none({"fps": integer_if_whole(fps)}),
        **parse_size(size),
    }
