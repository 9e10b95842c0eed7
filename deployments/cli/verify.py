"""`tower verify`: finds out from which publication a file comes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.api_client import JsonOption
from deployments.cli.exits import ExitCode
from deployments.cli.printing import print_json, print_line, print_record
from deployments.cli.settings_option import load_settings

if TYPE_CHECKING:
    from tower.publishing.verifying import Verdict

ANSWERS = {
    "unchanged": "This is the published file, unchanged.",
    "changed": "This comes from the published file, and was changed after it was signed.",
    "alike": "This shows the pictures of a published film, re-encoded or in part.",
    "unknown": "No publication of this ledger is known for this file.",
}


def register(app: typer.Typer) -> None:
    app.command()(verify)


def verify(
    file: Annotated[Path, typer.Argument(help="A film or a picture.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Say from which project, commit and takes a film or a picture comes, and whether it was changed.

    Compares the bytes, the mark (C2PA) and one perceptual hash per second with the ledger of publications. Exit code 4
    if nothing is found. Uses TOWER_DATABASE_URL, the running stack, or, if none runs, the data folder.

    Example:  tower verify screenshot.png
    """
    from deployments.cli.database import open_sessions
    from tower.publishing.verifying import verify_file

    with open_sessions(load_settings(), "tower verify") as sessions, sessions() as session:
        verdict = verify_file(session, file)
    answer = describe_verdict(verdict)
    if as_json:
        print_json(answer)
    else:
        print_line(ANSWERS[verdict.origin])
        print_record({name: value for name, value in answer.items() if name != "origin"})
    if verdict.publication is None:
        raise typer.Exit(ExitCode.NOT_FOUND)


def describe_verdict(verdict: Verdict) -> dict[str, Any]:
    """The verdict as JSON. What is not known is null."""
    row, mark = verdict.publication, verdict.mark
    return {
        "origin": verdict.origin.value,
        "publication": row and row.id,
        "path": row and row.path,
        "state": row and row.state.value,
        "title": row and row.request["title"],
        "series": row and row.request["series"]["name"],
        "season": row and row.season,
        "episode": row and row.number,
        "project": row and row.provenance["project"],
        "commit": row and row.commit_hash,
        "start_s": verdict.start_s,
        "end_s": verdict.end_s,
        "matching_seconds": verdict.matching,
        "compared_seconds": verdict.compared,
        "different_bits_of_64": verdict.different_bits,
        "takes": [{name: shot[name] for name in ("take_sha256", "engine", "model")} for shot in verdict.shots],
        "marked": mark is not None,
        "mark_is_intact": mark and mark.is_intact,
        "signed_by": mark and mark.signed_by,
    }
