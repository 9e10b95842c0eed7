"""`tower fsck`: checks that no version is lost or damaged."""

from __future__ import annotations

from typing import Annotated

import typer

from deployments.cli.exits import ExitCode
from deployments.cli.printing import print_line
from deployments.cli.settings_option import load_settings


def register(app: typer.Typer) -> None:
    app.command()(fsck)


def fsck(
    project: Annotated[int | None, typer.Option(help="The id of one project; default: all.")] = None,
) -> None:
    """Check that every version exists undamaged and that the current state matches the heads of the branches.

    It only reads and may run during edits. Exit code 1 if it finds a fault, 4 for an unknown project. Uses
    TOWER_DATABASE_URL, or else the database of the running stack.

    Example:  tower fsck --project 12
    """
    from sqlalchemy.orm import Session

    from db.engine import open_engine
    from deployments.stack import find_running
    from tower.addresses import used_form
    from tower.errors import StackError
    from tower.versions.fsck import check_project, list_project_ids

    loaded = load_settings()
    addresses = None if loaded.database_url else find_running(loaded)
    url = used_form(loaded.database_url or "") or (addresses.database_url if addresses else None)
    if url is None:
        raise StackError(
            f"No database to check: no stack is running on the data folder {loaded.data}. Start it with `tower up`, or "
            "set TOWER_DATABASE_URL."
        )
    engine = open_engine(url, application="tower fsck").execution_options(isolation_level="REPEATABLE READ")
    with Session(engine) as session:
        checked = list_project_ids(session, project)
        findings = 0
        for finding in (each for project_id in checked for each in check_project(session, project_id=project_id)):
            print_line(f"project {finding.project_id}: {finding.message}")
            findings += 1
    engine.dispose()
    print_line(f"{len(checked)} projects checked, {findings} findings", err=True)
    if findings:
        raise typer.Exit(ExitCode.FAILED)
