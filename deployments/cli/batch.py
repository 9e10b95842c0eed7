"""`tower batch`: what the production window started by itself."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from deployments.cli.api_client import JsonOption, connect_running, print_note
from deployments.cli.printing import print_json, print_line, print_rows

LimitOption = Annotated[int, typer.Option(min=1, max=200, help="How many, the newest first.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Batches of scheduled renders: list, show, start.", no_args_is_help=True)
    group.command("list")(list_all)
    group.command("show")(show)
    group.command("start")(start)
    app.add_typer(group, name="batch")


def list_all(*, limit: LimitOption = 20, as_json: JsonOption = False) -> None:
    """List the batches, the newest first.

    Example:  tower batch list
    """
    with connect_running() as api:
        batches = api.list_batches(limit=limit)
    if as_json:
        print_json(batches)
        return
    header = ("id", "state", "window opened", "entries", "GPU seconds", "saved")
    print_rows(header, [_summary_row(batch) for batch in batches])


def show(
    batch: Annotated[int, typer.Argument(metavar="BATCH", help="The batch's id.")], *, as_json: JsonOption = False
) -> None:
    """Show what became of each entry and scene of a batch, and why.

    Example:  tower batch show 3
    """
    with connect_running() as api:
        found = api.get_batch(batch)
    if as_json:
        print_json(found)
        return
    saved = found["saved_reason"] or ""
    print_line(f"Batch {batch} is {found['state']}: {_counts(found)}")
    print_line(
        f"GPU seconds: {found['gpu_seconds']} spent, {_known(found['saved_seconds'])} saved by reuse {saved}".rstrip()
    )
    rows = [row for entry in found["entries"] for row in _entry_rows(entry)]
    print_rows(("entry", "scene", "outcome", "generation", "reason"), rows)


def start(*, as_json: JsonOption = False) -> None:
    """Start all entries of the schedule that are due now, also outside the production window.

    Example:  tower batch start
    """
    with connect_running() as api:
        started = api.start_batch()
    if as_json:
        print_json(started)
    elif started["batch_id"] is None:
        print_line("Nothing is due")
    else:
        print_line(str(started["batch_id"]))
        print_note(f"Entries started: {len(started['started'])}, postponed: {len(started['postponed'])}")


def _summary_row(batch: dict[str, Any]) -> tuple[object, ...]:
    opened = batch["opens_at"] or "by hand"
    spent, saved = batch["gpu_seconds"], _known(batch["saved_seconds"])
    return batch["id"], batch["state"], opened, _counts(batch), spent, saved


def _counts(batch: dict[str, Any]) -> str:
    return ", ".join(f"{number} {outcome}" for outcome, number in batch["counts"].items() if number) or "no entries"


def _known(seconds: float | None) -> str:
    return "unknown" if seconds is None else str(seconds)


def _entry_rows(entry: dict[str, Any]) -> list[tuple[object, ...]]:
    first = (entry["title"], "", entry["outcome"], entry["film_job_id"] or "", entry["reason"] or "")
    scenes = [
        ("", scene["scene_number"], scene["outcome"], scene["job_id"] or "", scene["reason"] or "")
        for scene in entry["scenes"]
    ]
    return [first, *scenes]
