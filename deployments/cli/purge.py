"""`tower purge`: permanently removes projects that were deleted some time ago."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.api_client import JsonOption, print_note
from deployments.cli.printing import print_json, print_line
from deployments.cli.settings_option import load_settings

if TYPE_CHECKING:
    from tower.storage.purging import PurgeReport


def register(app: typer.Typer) -> None:
    app.command()(purge)


def purge(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be removed; change nothing.")] = False,
    older_than: Annotated[
        int | None,
        typer.Option(min=0, max=36_500, metavar="DAYS", help="Deleted longer ago than this; default: 30."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Permanently remove deleted projects: their rows, and the files that only they need.

    Removes projects that were deleted more than 30 days ago; the stack does this once a day. Your own media files and
    files that another project needs are never touched; a file that was written or used within the last hour stays
    until the next purge. Films in the library stay and are listed. Uses TOWER_DATABASE_URL, the running stack, or, if
    none runs, the data folder.

    Example:  tower purge --dry-run --older-than 7
    """
    from datetime import timedelta

    from deployments.cli.database import open_sessions
    from tower.storage import purging
    from tower.story.projects import RESTORABLE_FOR

    longest = RESTORABLE_FOR if older_than is None else timedelta(days=older_than)
    loaded = load_settings()
    with open_sessions(loaded, "tower purge") as opened:
        done = purging.purge_projects(opened, loaded, older_than=longest, dry_run=dry_run)
    if as_json:
        print_json(_as_json(done, dry_run))
        return
    for project in done.projects:
        print_line(f"project {project.id}: {project.name}, {project.jobs} generations, {project.assets} takes")
        for film in project.published_films:
            print_note(f"Stays in the library: {film.path} (tower unpublish {film.episode_id})")
    for reason in done.kept:
        print_note(f"Kept: {reason}")
    outcome = "would be removed" if dry_run else "removed"
    print_note(f"{len(done.projects)} projects and {done.files} files ({done.bytes / 1e6:.1f} MB) {outcome}")


def _as_json(done: PurgeReport, dry_run: bool) -> dict[str, object]:
    projects = [
        {**asdict(project), "deleted_at": project.deleted_at.isoformat(timespec="seconds")} for project in done.projects
    ]
    return {**asdict(done), "projects": projects, "kept": list(done.kept), "dry_run": dry_run}
