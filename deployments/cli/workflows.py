"""`tower workflow`: adds, lists, shows and removes ComfyUI graphs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from deployments.cli.api_client import JsonOption, connect_running, print_note
from deployments.cli.graph_files import read_graph
from deployments.cli.option_words import refusals_name_options
from deployments.cli.printing import print_json, print_line

OPTIONS = {
    "name": "--name",
    "description": "--description",
    "graph": "FILE",
    "bindings": "--bind",
    "without_prompt": "--without-prompt",
}
NameArgument = Annotated[str, typer.Argument(metavar="NAME")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="ComfyUI graphs of your own: add, list, show, remove.", no_args_is_help=True)
    group.command("add")(add)
    group.command("list")(list_all)
    group.command("show")(show)
    group.command("remove")(remove)
    app.add_typer(group, name="workflow")


def add(
    file: Annotated[Path, typer.Argument(help="A graph in ComfyUI's API format, or a picture or video that holds it.")],
    *,
    name: Annotated[str | None, typer.Option(help="Its name; default: the name of the file.")] = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    bind: Annotated[list[str] | None, typer.Option(help="As seed=3.noise_seed; replaces an inferred input.")] = None,
    without_prompt: Annotated[bool, typer.Option("--without-prompt", help="The graph takes no prompt.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check a graph against ComfyUI, infer the inputs for prompt, seed, size, …, and store it.

    Using a name again creates its next version.

    Example:  tower workflow add my_shot.json --bind seed=12.noise_seed
    """
    body = {
        "name": name or file.stem,
        "description": description,
        "graph": read_graph(file),
        "bindings": _parse_bindings(bind or []),
        "without_prompt": without_prompt,
    }
    with connect_running() as api, refusals_name_options(OPTIONS):
        stored = api.add_workflow(body)
    print_json(stored) if as_json else _print_stored(stored)


def list_all(*, as_json: JsonOption = False) -> None:
    """List the workflows, the built-in ones first.

    Example:  tower workflow list
    """
    with connect_running() as api:
        workflows = api.list_workflows()
    if as_json:
        print_json(workflows)
        return
    for row in workflows:
        owner = "tower" if row["built_in"] else "yours"
        print_line(f"{row['name']:<24} v{row['version']:<3} {owner:<6} {row['description']}")


def show(
    name: NameArgument,
    *,
    version: Annotated[int | None, typer.Option(help="Default: the current version.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the inputs that a workflow sets and the node classes that it needs; --json also prints the graph.

    Example:  tower workflow show animatediff
    """
    with connect_running() as api:
        found = api.get_workflow(name, version)
    if as_json:
        print_json(found)
        return
    print_line(f"{found['name']}, version {found['version']}")
    _print_bindings(found["bindings"])
    print_line(f"needs: {', '.join(found['node_classes'])}")


def remove(name: NameArgument, *, as_json: JsonOption = False) -> None:
    """Delete all versions of one of your workflows. Takes that were rendered with it stay.

    Example:  tower workflow remove my_shot
    """
    with connect_running() as api:
        removed = api.remove_workflow(name)
    print_json(removed) if as_json else print_line(f"{removed['name']}: {removed['deleted_versions']} versions deleted")


def _parse_bindings(given: list[str]) -> dict[str, list[dict[str, str]]]:
    """Parse `seed=3.noise_seed`; a name may occur several times."""
    bindings: dict[str, list[dict[str, str]]] = {}
    for text in given:
        name, equals, target = text.partition("=")
        node, dot, entry = target.partition(".")
        if not (equals and dot and name and node and entry):
            raise typer.BadParameter("write it as seed=3.noise_seed: name=node.input", param_hint="--bind")
        bindings.setdefault(name, []).append({"node": node, "input": entry})
    return bindings


def _print_stored(stored: dict[str, Any]) -> None:
    checked = "checked: ComfyUI can run it" if stored["checked"] else f"not checked: {stored['reason']}"
    print_line(f"{stored['name']}, version {stored['version']}, {checked}")
    _print_bindings(stored["bindings"])
    for name, served in stored["serves"].items():
        print_note(f"Renders: {name}: {served}")
    for name, why in stored["not_inferred"].items():
        print_note(f"Not found: {name}: {why}")
    for finding in stored["warnings"]:
        print_note(f"Note: {finding['message']}. {finding['mend']}")


def _print_bindings(bindings: dict[str, Any]) -> None:
    for name, inputs in bindings.items():
        print_line(f"{name:>16}  {', '.join(target['node'] + '.' + target['input'] for target in inputs)}")
