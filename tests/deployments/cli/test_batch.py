"""`tower batch` on a real database; Prefect is away."""

from __future__ import annotations

from db.engine import SessionFactory
from db.models.workers import Worker
from tests.deployments.cli.conftest import Shell


def test_a_batch_is_started_when_something_is_due(shell: Shell) -> None:
    assert shell.run("batch", "start").out == "Nothing is due\n"
    assert shell.answer("batch", "list") == []
    assert shell.run("batch", "show", "1").code == 4


def test_a_started_batch_is_listed_and_shown(shell: Shell, sessions: SessionFactory) -> None:
    with sessions.begin() as session:
        session.add(Worker(name="gpu@box", host="box", slots=1, engine="animatic"))
    shell.made("project", "create", "Tonight")
    scene = shell.made("scene", "create", "a shrine")
    shell.made("schedule", "add", "--scene", scene, "--engine", "animatic")
    batch = shell.run("batch", "start")
    assert "Entries started: 1, postponed: 0" in batch.err
    listed = shell.run("batch", "list").out.splitlines()
    assert [line.split()[:2] for line in listed] == [["id", "state"], [batch.out.strip(), "running"]]
    shown = shell.run("batch", "show", batch.out.strip()).out
    assert f"Batch {batch.out.strip()} is running: 1 running" in shown
    assert "Scene 1 of main" in shown
