"""`tower batch` on a real database; Prefect is away."""

from __future__ import annotations

from tests.deployments.cli.conftest import Shell


def test_a_batch_is_started_when_something_is_due(shell: Shell) -> None:
    assert shell.run("batch", "start").out == "Nothing is due\n"
    assert shell.answer("batch", "list") == []
    assert shell.run("batch", "show", "1").code == 4
