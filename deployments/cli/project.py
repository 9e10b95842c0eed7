"""`tower project`: a whole project as one file, and back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.api_client import Json, print_json, say
from deployments.cli.settings_option import settings

Told = Callable[[str, int, int], None]
MB = 1e6


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="A whole project as one file: export, import.", no_args_is_help=True)
    group.command("export")(export)
    group.command("import")(import_)
    app.add_typer(group, name="project")


def export(
    project: Annotated[int, typer.Argument(metavar="ID", help="The project's id.")],
    file: Annotated[Path, typer.Argument(help="Where to write it; by custom it ends in .tower.", dir_okay=False)],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write a project into one file: bible, characters, scenes, all versions, reviews, takes, media.

    The file appears when it is whole, and is the same to the byte for the same state. Files that are named and not
    there are told. Works on TOWER_DATABASE_URL, on the running stack, or, where none runs, on the data folder.

    Example:  tower project export 12 neon-rain.tower
    """
    from deployments.cli.database import sessions
    from tower.archives.exporting import export_project
    from tower.errors import InvalidError

    if file.exists() and not force:
        raise InvalidError(f"{file} is there already: choose another name, or say --force")
    mine = settings()
    with sessions(mine, "tower project") as opened, _progress(quiet=as_json) as told, _readable(file):
        done = export_project(opened, project, file.absolute(), settings=mine, told=told)
    for missing in done.manifest.missing:
        say(f"Not there: {missing}")
    if as_json:
        said = {"missing": done.manifest.missing, "content_hash": done.manifest.content_hash}
        print_json({"project": project, "path": str(done.path), "bytes": done.bytes, **said})
        return
    typer.echo(str(done.path))
    say(f"{done.bytes / MB:.1f} MB, content hash {done.manifest.content_hash}")


def import_(
    file: Annotated[Path, typer.Argument(help="A file that `tower project export` or the API wrote.")],
    *,
    as_json: Json = False,
) -> None:
    """Make a new project of such a file: all of it or, if anything is wrong with it, nothing.

    Keys, versions and their hashes are those of the project it was made from; ids are new. Print the project's id.

    Example:  tower project import neon-rain.tower
    """
    from deployments.cli.database import sessions
    from tower.archives.importing import import_project

    mine = settings()
    with sessions(mine, "tower project") as opened, _progress(quiet=as_json) as told, _readable(file):
        made = import_project(opened, file, settings=mine, told=told)
    if as_json:
        said = {"rows": made.manifest.rows, "heads": made.manifest.heads, "missing": made.manifest.missing}
        print_json({"project": made.project_id, "content_hash": made.manifest.content_hash, **said})
        return
    for missing in made.manifest.missing:
        say(f"Was not there: {missing}")
    typer.echo(str(made.project_id))
    say(f"{made.manifest.project}: {sum(made.manifest.rows.values())} rows, {len(made.manifest.heads)} branches")


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    """A file that cannot be read or written is told in one sentence."""
    from tower.errors import InvalidError

    try:
        yield
    except OSError as error:
        raise InvalidError(f"{file}: {error.strerror or error}") from error


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Told]:
    """A bar on a terminal; elsewhere nothing but the result."""
    if quiet or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("[bold]{task.description:>9}"), BarColumn(bar_width=40), TaskProgressColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("begin", total=None)
        yield lambda what, done, total: progress.update(task, description=what, completed=done, total=total or None)
