"""`tower project export` and `tower project import`: a whole project as one file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.api_client import JsonOption, print_note
from deployments.cli.printing import print_json, print_line
from deployments.cli.settings_option import load_settings

ProgressCallback = Callable[[str, int, int], None]
BYTES_PER_MB = 1e6


def export(
    project: Annotated[int, typer.Argument(metavar="ID", help="The project's id.")],
    file: Annotated[Path, typer.Argument(help="The file to write, usually NAME.tower.", dir_okay=False)],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a project to one file: bible, characters, scenes, all versions, reviews, takes, media.

    The file appears when it is complete, and the same state gives the same bytes. Missing media files are listed. Uses
    TOWER_DATABASE_URL, the running stack, or, if none runs, the data folder.

    Example:  tower project export 12 neon-rain.tower
    """
    from deployments.cli.database import open_sessions
    from tower.archives.exporting import export_project
    from tower.errors import InvalidError

    if file.exists() and not force:
        raise InvalidError(f"{file} exists: choose another name, or use --force")
    loaded = load_settings()
    with (
        open_sessions(loaded, "tower project") as opened,
        _progress(quiet=as_json) as progress,
        _translate_errors(file),
    ):
        done = export_project(opened, project, file.absolute(), settings=loaded, progress=progress)
    for missing in done.manifest.missing:
        print_note(f"Missing: {missing}")
    if as_json:
        summary = {"missing": done.manifest.missing, "content_hash": done.manifest.content_hash}
        print_json({"project": project, "path": str(done.path), "bytes": done.bytes, **summary})
        return
    print_line(str(done.path))
    print_note(f"{done.bytes / BYTES_PER_MB:.1f} MB, content hash {done.manifest.content_hash}")


def import_(
    file: Annotated[Path, typer.Argument(help="A file from `tower project export` or the API.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Create a new project from an exported file. If the file has any fault, nothing is imported.

    Keys, versions and hashes are those of the exported project; ids are new. Prints the project's id.

    Example:  tower project import neon-rain.tower
    """
    from deployments.cli.database import open_sessions
    from tower.archives.importing import import_project

    loaded = load_settings()
    with (
        open_sessions(loaded, "tower project") as opened,
        _progress(quiet=as_json) as progress,
        _translate_errors(file),
    ):
        made = import_project(opened, file, settings=loaded, progress=progress)
    if as_json:
        manifest = made.manifest
        summary = {"rows": manifest.rows, "heads": manifest.heads, "missing": manifest.missing}
        renamed = [asdict(name) for name in made.repaired]
        print_json({"project": made.project_id, "content_hash": manifest.content_hash, **summary, "renamed": renamed})
        return
    for missing in made.manifest.missing:
        print_note(f"Missing in the export: {missing}")
    for name in made.repaired:
        place = name.place if name.branch is None else f"{name.place} on {name.branch}"
        print_note(f"Renamed in {place}, because {name.old!a} is not accepted today: {name.new}")
    print_line(str(made.project_id))
    print_note(f"{made.manifest.project}: {sum(made.manifest.rows.values())} rows, {len(made.manifest.heads)} branches")


@contextmanager
def _translate_errors(file: Path) -> Iterator[None]:
    """Translate an OSError of `file` to an InvalidError."""
    from tower.errors import InvalidError

    try:
        yield
    except OSError as error:
        raise InvalidError(f"{file}: {error.strerror or error}") from error


@contextmanager
def _progress(*, quiet: bool) -> Iterator[ProgressCallback]:
    """A progress bar on a terminal; elsewhere only the result is printed."""
    if quiet or not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    what = TextColumn("{task.description:>9}", style="bold", markup=False)
    with Progress(
        what, BarColumn(bar_width=40), TaskProgressColumn(), TimeElapsedColumn(), console=Console(stderr=True)
    ) as progress:
        task = progress.add_task("begin", total=None)
        yield lambda what, done, total: progress.update(task, description=what, completed=done, total=total or None)
