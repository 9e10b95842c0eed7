"""`tower character`: creates, lists, shows, changes and deletes characters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from deployments.cli.api_client import JsonOption, connect_running, print_note
from deployments.cli.option_words import cleared_if_empty, refusals_name_options, without_none
from deployments.cli.printing import print_answer, print_json, print_line, print_table
from deployments.cli.story_options import (
    BranchOption,
    MessageOption,
    ProjectOption,
    choose_project,
    find_character,
    parse_pairs,
    print_stale,
)

KIND = "characters"
COLUMNS = {
    "id": "id",
    "name": "name",
    "role": "role",
    "looks": "visual_description",
    "traits": "visual_traits",
}
OPTIONS = {
    "name": "NAME",
    "image_path": "--image",
    "comfyui_workflow": "--workflow",
    "visual_description": "--looks",
    "visual_traits": "--trait",
    "project_id": "--project",
    "branch_name": "--branch",
    "branch": "--branch",
    **{name: f"--{name}" for name in ("description", "role", "seed", "message")},
}
CharacterArgument = Annotated[str, typer.Argument(metavar="CHARACTER", help="The character's name or id.")]
DescriptionOption = Annotated[str | None, typer.Option(help="Who it is.")]
LooksOption = Annotated[str | None, typer.Option(help="How it looks, as words for the prompt.")]
TraitOption = Annotated[
    list[str] | None, typer.Option(help="One thing that shows, as coat=red; several times for more. coat= removes it.")
]
RoleOption = Annotated[str | None, typer.Option(help="Its role, such as protagonist.")]
ImageOption = Annotated[
    Path | None, typer.Option(help="A reference image in a media folder; `tower upload` puts one there.")
]
WorkflowOption = Annotated[str | None, typer.Option(help="The workflow that renders it.")]
SeedOption = Annotated[int | None, typer.Option(help="The seed of its renders; default: the generation's.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Characters: create, list, show, edit, delete.", no_args_is_help=True)
    group.command("create")(create)
    group.command("list")(list_all)
    group.command("show")(show)
    group.command("edit")(edit)
    group.command("delete")(delete)
    app.add_typer(group, name="character")


def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The character's name.")],
    *,
    project: ProjectOption = None,
    branch: BranchOption = None,
    description: DescriptionOption = None,
    looks: LooksOption = None,
    trait: TraitOption = None,
    role: RoleOption = None,
    image: ImageOption = None,
    workflow: WorkflowOption = None,
    seed: SeedOption = None,
    message: MessageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a character and print its id.

    Example:  tower character create "Kai Nakamura" --looks "young swordsman" --trait coat=black
    """
    traits = parse_pairs(trait or [], option="--trait")
    fields = _fields(description=description, looks=looks, role=role, image=image, workflow=workflow, seed=seed)
    with connect_running() as api, refusals_name_options(OPTIONS):
        body = {"project_id": choose_project(api, project), "name": name, **fields}
        made = api.create_entity(
            KIND, body | without_none({"visual_traits": traits or None, "branch_name": branch, "message": message})
        )
    print_json(made) if as_json else print_line(str(made["id"]))
    _print_remarks(made)


def list_all(
    *,
    project: ProjectOption = None,
    branch: BranchOption = None,
    name: Annotated[str | None, typer.Option(help="Only characters with this part in their name.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the characters of a project.

    Example:  tower character list --branch red-coat
    """
    with connect_running() as api, refusals_name_options(OPTIONS):
        characters = api.list_entities(KIND, choose_project(api, project), branch=branch, name=name)
    print_table(characters, COLUMNS, as_json=as_json)


def show(
    character: CharacterArgument,
    *,
    project: ProjectOption = None,
    branch: BranchOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a character.

    Example:  tower character show "Kai Nakamura"
    """
    with connect_running() as api, refusals_name_options(OPTIONS):
        found = find_character(api, character, project=project, branch=branch)
    print_answer(found, as_json=as_json)


def edit(
    character: CharacterArgument,
    *,
    project: ProjectOption = None,
    branch: BranchOption = None,
    name: Annotated[str | None, typer.Option(help="A new name.")] = None,
    description: DescriptionOption = None,
    looks: LooksOption = None,
    trait: TraitOption = None,
    role: RoleOption = None,
    image: ImageOption = None,
    workflow: WorkflowOption = None,
    seed: SeedOption = None,
    message: MessageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change a character on a branch, and say which scenes this makes stale.

    An option that is left out changes nothing. A trait is added to the others, or replaces the one of its name.

    Example:  tower character edit "Kai Nakamura" --trait coat=red --branch red-coat
    """
    traits = parse_pairs(trait or [], option="--trait")
    fields = _fields(description=description, looks=looks, role=role, image=image, workflow=workflow, seed=seed)
    with connect_running() as api, refusals_name_options(OPTIONS | {"name": "--name"}):
        found = find_character(api, character, project=project, branch=branch)
        body = fields | without_none({"name": name, "branch_name": branch, "message": message})
        if traits:
            merged = found["visual_traits"] | traits
            body["visual_traits"] = {key: value for key, value in merged.items() if value != ""}
        changed = api.change_entity(KIND, found["id"], body)
    print_answer(changed, as_json=as_json)
    _print_remarks(changed)


def delete(
    character: CharacterArgument,
    *,
    project: ProjectOption = None,
    branch: BranchOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a character from a branch. Scenes keep its name, and its history stays.

    Example:  tower character delete "Village Elder"
    """
    with connect_running() as api, refusals_name_options(OPTIONS):
        found = find_character(api, character, project=project, branch=branch)
        deleted = api.delete_entity(KIND, found["id"], branch=branch)
    print_json(deleted) if as_json else print_line(f"{found['name']} is deleted")
    print_stale(deleted)


def _fields(
    *,
    description: str | None,
    looks: str | None,
    role: str | None,
    image: Path | None,
    workflow: str | None,
    seed: int | None,
) -> dict[str, Any]:
    """The fields of the API; an empty text removes a value."""
    return {
        **without_none({"description": description, "seed": seed}),
        **cleared_if_empty(looks, field="visual_description"),
        **cleared_if_empty(role, field="role"),
        **cleared_if_empty(None if image is None else str(image.absolute()), field="image_path"),
        **cleared_if_empty(workflow, field="comfyui_workflow"),
    }


def _print_remarks(answer: dict[str, Any]) -> None:
    for warning in answer["warnings"]:
        print_note(f"Note: {warning}")
    print_stale(answer)
