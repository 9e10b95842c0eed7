"""`tower publish`, `publications`, `unpublish` and `rollback`: what of an episode is and was in the library."""

from __future__ import annotations

from typing import Annotated

import typer

from deployments.cli.api_client import JsonOption, print_note
from deployments.cli.episode import EpisodeArgument, connect_episodes, find_episode_id
from deployments.cli.film import make_film
from deployments.cli.option_words import refusals_name_options, without_none
from deployments.cli.printing import print_json, print_line, print_table
from deployments.cli.story_options import BranchOption, ProjectOption

OPTIONS = {"project_id": "--project", "publication_id": "--to"}
COLUMNS = {"id": "id", "state": "state", "published": "published_at", "path": "path", "reason": "reason"}


def register(app: typer.Typer) -> None:
    app.command("publish")(publish)
    app.command("publications")(publications)
    app.command("unpublish")(unpublish)
    app.command("rollback")(roll_back)


def publish(
    episode: EpisodeArgument,
    *,
    project: ProjectOption = None,
    branch: BranchOption = None,
    render: Annotated[bool, typer.Option("--render", help="Render stale and missing scenes first.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Put the film of an episode into the library, and print its path there. Makes the film if it is missing or stale.

    The same film again changes nothing. Ctrl-C cancels the job.

    Example:  tower publish 1 --render
    """
    wanted = {"render": "stale" if render else None}
    episode_id = make_film(episode, "publish", wanted, project=project, branch=branch, as_json=as_json)
    if not as_json:
        with connect_episodes() as api:
            newest = api.list_publications(episode_id, project_id=project)[0]
        print_line(newest["path"])
        print_note(f"{newest['state']}{': ' + newest['reason'] if newest['reason'] else ''}")


def publications(episode: EpisodeArgument, *, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the versions of an episode that are or were in the library, newest first.

    Example:  tower publications 1
    """
    with connect_episodes() as api, refusals_name_options(OPTIONS):
        found = api.list_publications(find_episode_id(api, episode, project=project, branch=None), project_id=project)
    print_table(found, COLUMNS, as_json=as_json)


def unpublish(episode: EpisodeArgument, *, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Remove the film of an episode from the library, with what stands beside it. The film itself stays.

    Example:  tower unpublish 1
    """
    with connect_episodes() as api, refusals_name_options(OPTIONS):
        gone = api.unpublish(find_episode_id(api, episode, project=project, branch=None), project_id=project)
    print_json(gone) if as_json else print_line(f"Removed from the library: {gone['path']}")


def roll_back(
    episode: EpisodeArgument,
    *,
    to: Annotated[int | None, typer.Option(help="The id of the version; default: the one before the present.")] = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish an earlier version of an episode again.

    Example:  tower rollback 1
    """
    with connect_episodes() as api, refusals_name_options(OPTIONS):
        episode_id = find_episode_id(api, episode, project=project, branch=None)
        row = api.roll_back(episode_id, without_none({"publication_id": to}), project_id=project)
    print_json(row) if as_json else print_line(f"{row['state']}: {row['path']}")
