"""`tower branch` and `tower merge`: the branches of a project's story."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any

import typer

from deployments.cli.api_client import JsonOption, connect_running, print_note
from deployments.cli.exits import ExitCode
from deployments.cli.option_words import refusals_name_options, without_none
from deployments.cli.printing import print_json, print_line, print_rows
from deployments.cli.story_options import MessageOption, ProjectOption, choose_project, parse_pairs, print_stale
from tower.errors import TowerError

OPTIONS = {
    "project_id": "--project",
    "branch_name": "NAME",
    "source_branch": "--from",
    "description": "--description",
    "message": "--message",
}
MERGE_OPTIONS = {
    "project_id": "--project",
    "source_branch": "SOURCE",
    "target_branch": "--into",
    "resolutions": "--resolve",
    "message": "--message",
}
SHORT_HASH = 10


class Side(StrEnum):
    """A side of a merge."""

    SOURCE = "source"
    TARGET = "target"


API_SIDES = {Side.SOURCE: "theirs", Side.TARGET: "ours"}


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Branches of a story: create, list, delete.", no_args_is_help=True)
    group.command("create")(create)
    group.command("list")(list_all)
    group.command("delete")(delete)
    app.add_typer(group, name="branch")
    app.command()(merge)


def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of the new branch.")],
    *,
    project: ProjectOption = None,
    source: Annotated[str | None, typer.Option("--from", help="A branch, tag or commit; default: main.")] = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Create a branch. Other commands use it with --branch NAME.

    Example:  tower branch create red-coat
    """
    with connect_running() as api, refusals_name_options(OPTIONS):
        body = {"project_id": choose_project(api, project), "branch_name": name}
        made = api.create_branch(body | without_none({"source_branch": source, "description": description}))
    print_json(made) if as_json else print_line(made["branch_name"])


def list_all(*, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the branches of a project, main first.

    Example:  tower branch list
    """
    with connect_running() as api, refusals_name_options(OPTIONS):
        branches = api.list_branches(choose_project(api, project))
    if as_json:
        print_json(branches)
        return
    header = ("branch", "newest commit", "changed", "description")
    print_rows(header, [_row(branch) for branch in branches])


def delete(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The branch.")],
    *,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete a branch, except main. Its commits stay: create a branch from the last one to restore it.

    Example:  tower branch delete red-coat
    """
    with connect_running() as api, refusals_name_options(OPTIONS):
        deleted = api.delete_branch(choose_project(api, project), name)
    print_json(deleted) if as_json else print_line(f"The branch {deleted['name']} is deleted")


def merge(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A branch, tag or commit.")],
    *,
    into: Annotated[str | None, typer.Option(help="The branch that changes; default: main.")] = None,
    project: ProjectOption = None,
    prefer: Annotated[Side | None, typer.Option(help="The side that wins where both changed the same field.")] = None,
    resolve: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH=VALUE", help="Decides one conflict: source, target, or a value as text or JSON."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would happen.")] = False,
    message: MessageOption = None,
    as_json: JsonOption = False,
) -> None:
    """Merge one branch into another, field by field, and say which scenes this makes stale.

    If both sides changed the same field, nothing is merged, the conflicts are listed, and the exit code is 1.

    Example:  tower merge red-coat --into main
    """
    resolutions = {path: _parse_value(text) for path, text in parse_pairs(resolve or [], option="--resolve").items()}
    with connect_running() as api, refusals_name_options(MERGE_OPTIONS):
        body = {"project_id": choose_project(api, project), "source_branch": source, "dry_run": dry_run}
        strategy = None if prefer is None else API_SIDES[prefer]
        more = {"target_branch": into, "strategy": strategy, "resolutions": resolutions or None, "message": message}
        try:
            merged = api.merge(body | without_none(more))
        except TowerError as error:
            conflicts = (error.details or {}).get("conflicts")
            if conflicts is None:
                raise
            _print_conflicts(conflicts, as_json=as_json)
            raise typer.Exit(ExitCode.FAILED) from error
    _print_merge(merged, as_json=as_json)


def _parse_value(text: str) -> Any:
    if text in API_SIDES:
        return API_SIDES[Side(text)]
    try:
        return json.loads(text)
    except ValueError:
        return text


def _print_conflicts(conflicts: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json({"conflicts": conflicts})
    else:
        rows = [(conflict["path"], conflict["theirs"], conflict["ours"], conflict["base"]) for conflict in conflicts]
        print_rows(("path", "source", "target", "before"), rows)
    print_note(
        "tower: Both sides changed the same fields, and nothing was merged: repeat with --prefer source, "
        f"--prefer target, or --resolve '{conflicts[0]['path']}=VALUE'"
    )


def _print_merge(merged: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(merged)
    elif merged["conflicts"]:
        _print_conflicts(merged["conflicts"], as_json=False)
    elif merged["up_to_date"]:
        print_line("There is nothing to merge")
    else:
        rows = [(change["change"], change["kind"], change["label"], _paths(change)) for change in merged["changes"]]
        print_rows(("change", "kind", "of", "fields"), rows)
        done = "Would be merged" if merged["dry_run"] else f"Merged as {merged['commit']['commit_hash'][:SHORT_HASH]}"
        print_note(done)
    print_stale(merged)


def _paths(change: dict[str, Any]) -> list[str]:
    return [field["path"] for field in change["fields"]]


def _row(branch: dict[str, Any]) -> tuple[object, ...]:
    head = branch["head"]
    return branch["branch_name"], head and head[:SHORT_HASH], branch["updated_at"][:19], branch["description"]
