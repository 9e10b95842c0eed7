"""`tower doctor`: checks this machine and suggests remedies."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from deployments.cli.exits import ExitCode
from deployments.cli.printing import print_json, print_line, print_styled
from deployments.cli.settings_option import load_settings

if TYPE_CHECKING:
    from deployments.checks import Check

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "unknown": "dim"}


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False) -> None:
    """Check the machine, the stack and its servers, and say how to fix each fault. Exit code 1 if anything fails.

    Works with and without a running stack; without one, some checks report `unknown`.

    Example:  tower doctor --json | jq '.[] | select(.status == "fail")'
    """
    from deployments.doctor import run_checks

    checks = list(run_checks(load_settings()))
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        print_checks(checks)
    if any(check.status == "fail" for check in checks):
        raise typer.Exit(ExitCode.FAILED)


def print_checks(checks: list[Check]) -> None:
    for check in checks:
        print_styled((f"{check.status:>7}", _COLOURS[check.status]), (f"  {check.name:<15}  {check.found}", ""))
        if check.mend:
            print_line(f"{'':>7}  {'':<15}  → {check.mend}")
