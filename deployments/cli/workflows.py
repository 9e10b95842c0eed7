"""`tower workflow`: ComfyUI graphs of one's own, from a shell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from deployments.cli.api_client import Json, print_json, running, say

Name = Annotated[str, typer.Argument(metavar="NAME")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="ComfyUI graphs of your own: add, list, show, remove.", no_args_is_help=True)
    group.command("add")(add)
    group.command("list")(list_all)
    group.command("show")(show)
    group.command("remove")(remove)
    app.add_typer(group, name="workflow")


def add(
    file: Annotated[Path, typer.Argument(help="A graph in ComfyUI's API format (Workflow → Export (API)).")],
    *,
    name: Annotated[str | None, typer.Option(help="What to call it; else as the file.")] = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    bind: Annotated[list[str] | None, typer.Option(help="seed=3.noise_seed: instead of what is inferred.")] = None,
    as_json: Json = False,
) -> None:
    """Check a graph against ComfyUI, infer which inputs take prompt, seed, size, …, and store it.

    The same name again makes the next version.

    Example:  tower workflow add my_shot.json --bind seed=12.noise_seed
    """
    body = {
        "name": name or file.stem,
        "description": description,
        "graph": _graph(file),
        "bindings": _bindings(bind or []),
    }
    with running() as api:
        stored = api.add_workflow(body)
    print_json(stored) if as_json else _show_stored(stored)


def list_all(*, as_json: Json = False) -> None:
    """List the workflows, those that come with Tower first.

    Example:  tower workflow list
    """
    with running() as api:
        workflows = api.workflows()
    if as_json:
        print_json(workflows)
        return
    for one in workflows:
        whose = "tower" if one["built_in"] else "yours"
        typer.echo(f"{one['name']:<24} v{one['version']:<3} {whose:<6} {one['description']}")


def show(
    name: Name,
    *,
    version: Annotated[int | None, typer.Option(help="Without it, the present one.")] = None,
    as_json: Json = False,
) -> None:
    """Show which inputs of a workflow are set, and which node classes it needs; --json prints its graph too.

    Example:  tower workflow show animatediff
    """
    with running() as api:
        found = api.workflow(name, version)
    if as_json:
        print_json(found)
        return
    typer.echo(f"{found['name']}, version {found['version']}")
    _show_bindings(found["bindings"])
    typer.echo(f"needs: {', '.join(found['node_classes'])}")


def remove(name: Name, *, as_json: Json = False) -> None:
    """Delete a workflow of your own, all its versions. What was rendered with it stays.

    Example:  tower workflow remove my_shot
    """
    with running() as api:
        gone = api.remove_workflow(name)
    print_json(gone) if as_json else typer.echo(f"{gone['name']}: {gone['deleted_versions']} versions deleted")


def _graph(file: Path) -> dict[str, Any]:
    import json

    from tower.errors import InvalidError

    try:
        graph = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as broken:
        raise InvalidError(f"{file} cannot be read as JSON: {broken}") from broken
    if not isinstance(graph, dict):
        raise InvalidError(f"{file} holds no graph: export it with Workflow → Export (API)")
    return graph


def _bindings(given: list[str]) -> dict[str, list[dict[str, str]]]:
    """`seed=3.noise_seed`, each as often as wanted."""
    bindings: dict[str, list[dict[str, str]]] = {}
    for text in given:
        name, equals, target = text.partition("=")
        node, dot, entry = target.partition(".")
        if not (equals and dot and name and node and entry):
            raise typer.BadParameter("write it as seed=3.noise_seed: name=node.input", param_hint="--bind")
        bindings.setdefault(name, []).append({"node": node, "input": entry})
    return bindings


def _show_stored(stored: dict[str, Any]) -> None:
    checked = "checked: ComfyUI can run it" if stored["checked"] else f"not checked: {stored['reason']}"
    typer.echo(f"{stored['name']}, version {stored['version']}, {checked}")
    _show_bindings(stored["bindings"])
    for name, why in stored["not_inferred"].items():
        say(f"Not found: {name}: {why}")
    for finding in stored["warnings"]:
        say(f"Note: {finding['message']}. {finding['mend']}")


def _show_bindings(bindings: dict[str, Any]) -> None:
    for name, inputs in bindings.items():
        typer.echo(f"{name:>16}  {', '.join(one['node'] + '.' + one['input'] for one in inputs)}")
