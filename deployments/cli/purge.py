"""`tower purge`: what was deleted long enough ago goes for good."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.api_client import Json, print_json, say
from deployments.cli.settings_option import settings

if TYPE_CHECKING:
    from tower.storage.purging import Purged


def register(app: typer.Typer) -> None:
    app.command()(purge)


def purge(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
    older_than: Annotated[
        int | None, typer.Option(min=0, max=36_500, metavar="DAYS", help="In the bin for longer; else 30 days.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Remove deleted projects for good: their rows, and the files that only they need.

    Goes over projects that were deleted more than 30 days ago, as the stack does by itself once a day. Your own media
    files are never touched, nor is a file that another project needs; one that was written or used within the hour is
    left to the next purge. Works on TOWER_DATABASE_URL, on the running stack, or, where none runs, on the data folder.

    Example:  tower purge --dry-run --older-than 7
    """
    from datetime import timedelta

    from deployments.cli.database import sessions
    from tower.storage import purging
    from tower.story.projects import KEPT_IN_BIN

    longest = KEPT_IN_BIN if older_than is None else timedelta(days=older_than)
    mine = settings()
    with sessions(mine, "tower purge") as opened:
        done = purging.purge(opened, mine, older_than=longest, dry_run=dry_run)
    if as_json:
        print_json(_row(done, dry_run))
        return
    for project in done.projects:
        typer.echo(f"project {project.id}: {project.name}, {project.jobs} generations, {project.assets} takes")
    for reason in done.kept:
        say(f"Kept: {reason}")
    would = "would go" if dry_run else "are gone"
    say(f"{len(done.projects)} projects and {done.files} files ({done.bytes / 1e6:.1f} MB) {would}")


def _row(done: Purged, dry_run: bool) -> dict[str, object]:
    projects = [{**asdict(one), "deleted_at": one.deleted_at.isoformat(timespec="seconds")} for one in done.projects]
    return {**asdict(done), "projects": projects, "kept": list(done.kept), "dry_run": dry_run}
