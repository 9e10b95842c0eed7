"""Options and look-ups that the commands on stories share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.api_client import print_note
from tower.errors import InvalidError, NotFoundError
from tower.names import name_key

if TYPE_CHECKING:
    from tower.clients.story import StoryClient

ProjectOption = Annotated[int | None, typer.Option("--project", help="The project's id; default: the only project.")]
BranchOption = Annotated[str | None, typer.Option("--branch", help="The branch; default: main.")]
MessageOption = Annotated[str | None, typer.Option("--message", "-m", help="The commit message; default: generated.")]
SceneArgument = Annotated[int, typer.Argument(metavar="SCENE", help="The scene's id, as `tower scene list` prints it.")]


def choose_project(api: StoryClient, given: int | None) -> int:
    """The given project, or the only one. Raises InvalidError if there is none or more than one."""
    if given is not None:
        return given
    projects = api.list_projects()
    if not projects:
        raise InvalidError('There is no project yet: create one with `tower project create "My film"`')
    if len(projects) > 1:
        names = ", ".join(f"{project['id']} {project['name']}" for project in projects[:5])
        raise InvalidError(
            f"There is more than one project ({names}{', …' if len(projects) > 5 else ''}): use --project"
        )
    return int(projects[0]["id"])


def find_character(api: StoryClient, who: str, *, project: int | None, branch: str | None) -> dict[str, Any]:
    """The character with this id or name. Raises NotFoundError or InvalidError."""
    if who.isdecimal():
        return api.get_entity("characters", int(who), branch=branch)
    project_id = choose_project(api, project)
    found = api.list_entities("characters", project_id, branch=branch, name=who)
    exact = [row for row in found if name_key(row["name"]) == name_key(who)] or found
    if not exact:
        raise NotFoundError(f"Project {project_id} has no character {who!r} on the branch {branch or 'main'}")
    if len(exact) > 1:
        raise InvalidError(f"Several characters match {who!r}: {', '.join(row['name'] for row in exact[:5])}")
    return exact[0]


def parse_size(size: str | None) -> dict[str, int]:
    if size is None:
        return {}
    width, _, height = size.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise typer.BadParameter("write width and height as 1280x720", param_hint="--size")
    return {"width": int(width), "height": int(height)}


def parse_pairs(given: Sequence[str], *, option: str) -> dict[str, str]:
    """Parse texts like `coat=red`."""
    pairs = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise typer.BadParameter("write it as NAME=VALUE, for example coat=red", param_hint=option)
        pairs[name] = value
    return pairs


def print_stale(answer: Mapping[str, Any]) -> None:
    """Say which scenes an edit made stale."""
    if scene_ids := answer.get("stale_scenes"):
        named = ", ".join(str(scene_id) for scene_id in scene_ids)
        print_note(f"Stale now: scene {named}. Render again with `tower render --stale`")
