"""`tower episode`: creates, lists, shows, changes, cuts and deletes episodes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.api_client import JsonOption, connect_running, print_note, require_addresses
from deployments.cli.option_words import refusals_name_options, without_none
from deployments.cli.printing import print_answer, print_json, print_line, print_rows, print_table
from deployments.cli.settings_option import load_settings
from deployments.cli.story_options import BranchOption, MessageOption, ProjectOption, choose_project, parse_pairs
from tower.errors import InvalidError, NotFoundError

if TYPE_CHECKING:
    from tower.clients.episodes import EpisodesClient

COLUMNS = {
    "number": "episode_number",
    "id": "id",
    "status": "status",
    "scenes": "scenes",
    "duration": "duration",
    "title": "title",
}
OPTIONS = {
    "title": "TITLE",
    "episode_number": "--number",
    "metadata": "--meta",
    "project_id": "--project",
    "branch_name": "--branch",
    "branch": "--branch",
    "synopsis": "--synopsis",
    "message": "--message",
}
EpisodeArgument = Annotated[str, typer.Argument(metavar="EPISODE", help="The episode's number in its project, or id.")]
NumberOption = Annotated[int | None, typer.Option(help="Its number, which must be free; default: after the last.")]
SynopsisOption = Annotated[str | None, typer.Option(help="What happens in it.")]
MetaOption = Annotated[
    list[str] | None, typer.Option(help="A field of your own, as genre=fantasy; several times for more.")
]


def register(app: typer.Typer) -> None:
    from deployments.cli import film  # it needs the arguments of this module

    group = typer.Typer(
        help="Episodes: create, list, show, edit, cut, delete, and make their films.", no_args_is_help=True
    )
    group.command("create")(create)
    group.command("list")(list_all)
    group.command("show")(show)
    group.command("edit")(edit)
    group.command("cut")(cut)
    group.command("delete")(delete)
    film.register(group)
    app.add_typer(group, name="episode")


def create(
    title: Annotated[str, typer.Argument(metavar="TITLE", help="The title.")],
    *,
    project: ProjectOption = None,
    branch: BranchOption = None,
    number: NumberOption = None,
    synopsis: SynopsisOption = None,
    meta: MetaOption = None,
    message: MessageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create an episode and print its id. `tower scene edit SCENE --episode ID` puts a scene into it.

    Example:  tower episode create "The Beginning" --synopsis "Our hero's journey starts"
    """
    fields = {"episode_number": number, "synopsis": synopsis, "branch_name": branch, "message": message}
    details = {"metadata": pairs} if (pairs := parse_pairs(meta or [], option="--meta")) else {}
    with connect_episodes() as api, refusals_name_options(OPTIONS):
        body = {"project_id": find_project(project), "title": title, **without_none(fields), **details}
        made = api.create(body)
    print_json(made) if as_json else print_line(made["id"])


def list_all(
    *,
    project: ProjectOption = None,
    branch: BranchOption = None,
    q: Annotated[str | None, typer.Option("--search", help="Only with this text in the title or synopsis.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the episodes of a project by number.

    Example:  tower episode list
    """
    with connect_episodes() as api, refusals_name_options(OPTIONS | {"q": "--search"}):
        episodes = api.list_episodes(find_project(project), branch=branch, q=q)
    print_table(episodes, COLUMNS, as_json=as_json)


def show(
    episode: EpisodeArgument,
    *,
    project: ProjectOption = None,
    branch: BranchOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show an episode, and say which of its scenes have no take or a stale one.

    Example:  tower episode show 1
    """
    with connect_episodes() as api, refusals_name_options(OPTIONS):
        episode_id = find_episode_id(api, episode, project=project, branch=branch)
        found = api.get(episode_id, branch=branch)
        state = api.get(episode_id, "stale", branch=branch)
    print_answer({**found, "staleness": state} if as_json else found, as_json=as_json)
    for name, what in (("stale_scenes", "Stale"), ("missing", "Without a take")):
        if state[name]:
            print_note(f"{what}: scene {', '.join(str(scene_id) for scene_id in state[name])}")


def edit(
    episode: EpisodeArgument,
    *,
    project: ProjectOption = None,
    branch: BranchOption = None,
    title: Annotated[str | None, typer.Option(help="The title.")] = None,
    number: NumberOption = None,
    synopsis: SynopsisOption = None,
    meta: MetaOption = None,
    message: MessageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change an episode on a branch. An option that is left out changes nothing.

    Example:  tower episode edit 1 --title "The Beginning, again"
    """
    fields = without_none({"title": title, "episode_number": number, "synopsis": synopsis})
    more = without_none({"branch_name": branch, "message": message})
    pairs = parse_pairs(meta or [], option="--meta")
    with connect_episodes() as api, refusals_name_options(OPTIONS | {"title": "--title"}):
        episode_id = find_episode_id(api, episode, project=project, branch=branch)
        details = {"metadata": api.get(episode_id, branch=branch)["metadata"] | pairs} if pairs else {}
        changed = api.change(episode_id, fields | more | details)
    print_answer(changed, as_json=as_json)


def cut(
    episode: EpisodeArgument,
    *,
    project: ProjectOption = None,
    branch: BranchOption = None,
    file: Annotated[
        Path | None, typer.Option("--set", help="A JSON file with the fields of the cut to change; - reads stdin.")
    ] = None,
    message: MessageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the planned film of an episode: each shot and card with its frames. With --json, print its cut.

    What --json prints can be changed and set again with --set.

    Example:  tower episode cut 1 --json > cut.json    then    tower episode cut 1 --set cut.json
    """
    change = None if file is None else _read_change(file)
    with connect_episodes() as api, refusals_name_options(OPTIONS):
        episode_id = find_episode_id(api, episode, project=project, branch=branch)
        if change is not None:
            more = without_none({"branch_name": branch, "message": message})
            changed = api.change(episode_id, change | more, "cut")
        if as_json:
            print_json(changed if change is not None else api.get(episode_id, "cut", branch=branch))
            return
        planned = api.get(episode_id, "cut-list", branch=branch)
    print_rows(("start", "frames", "kind", "to the next", "title"), [_item_row(item) for item in planned["items"]])
    print_note(f"{planned['frames']} frames, {planned['seconds']:.2f} s at {planned['fps']:g} fps")


def delete(
    episode: EpisodeArgument,
    *,
    project: ProjectOption = None,
    branch: BranchOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete an episode from a branch. Its scenes and its history stay, and so does its film in the library.

    Example:  tower episode delete 1
    """
    with connect_episodes() as api, refusals_name_options(OPTIONS):
        episode_id = find_episode_id(api, episode, project=project, branch=branch)
        found = api.get(episode_id, branch=branch)
        deleted = api.delete(episode_id, branch=branch)
    print_json(deleted) if as_json else print_line(f"Episode {episode} is deleted")
    if found["status"] == "published":
        print_note(f"Its film stays in the library: `tower unpublish {episode_id}` removes it")


@contextmanager
def connect_episodes() -> Iterator[EpisodesClient]:
    """The episodes API of the running stack. Raises StackError if none runs."""
    from tower.clients.episodes import EpisodesClient

    mine = load_settings()
    with EpisodesClient(require_addresses(mine).episodes_url, key=mine.api_key) as api:
        yield api


def find_project(given: int | None) -> int:
    """The given project, or the only one. Raises InvalidError if there is none or more than one."""
    if given is not None:
        return given
    with connect_running() as api:
        return choose_project(api, None)


def find_episode_id(api: EpisodesClient, named: str, *, project: int | None, branch: str | None) -> str:
    """The id of the episode with this number, or the given id. Raises NotFoundError or InvalidError."""
    if not named.isdecimal():
        return named
    project_id = find_project(project)
    for row in api.list_episodes(project_id, branch=branch):
        if row["episode_number"] == int(named):
            return str(row["id"])
    raise NotFoundError(f"Project {project_id} has no episode {named} on the branch {branch or 'main'}")


def _read_change(file: Path) -> dict[str, Any]:
    try:
        change = json.loads(typer.get_text_stream("stdin").read() if str(file) == "-" else file.read_text())
    except OSError as error:
        raise InvalidError(f"--set {file}: {error.strerror}") from error
    except ValueError as error:
        raise InvalidError(f"--set {file} is not valid JSON: {error}") from error
    if not isinstance(change, dict):
        raise InvalidError(f"--set {file}: expected an object with fields of the cut")
    return change


def _item_row(item: dict[str, Any]) -> tuple[object, ...]:
    after = item["transition"]
    joined = "" if after is None or after["kind"] == "cut" else f"{after['kind']} {after['frames']}"
    return f"{item['start_seconds']:.2f}", item["frames"], item["kind"], joined, item["title"]
