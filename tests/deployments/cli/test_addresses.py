"""`tower open`, `tower version` and `tower --version`."""

from __future__ import annotations

from importlib.metadata import version

from tests.deployments.cli.conftest import Shell


def test_open_prints_the_pages_of_the_running_stack(shell: Shell) -> None:
    pages = shell.answer("open")
    assert set(pages) == {"api", "episodes", "music", "prefect"}
    assert pages["api"].endswith("/docs")
    assert pages["api"] in shell.run("open").out


def test_the_version_is_printed_in_two_ways(shell: Shell) -> None:
    assert shell.run("--version").out == f"tower {version('tower')}\n"
    assert shell.answer("version")["tower"] == version("tower")
