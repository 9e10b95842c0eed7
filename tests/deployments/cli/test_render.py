"""`tower render` and `tower stale`; tests/e2e renders with them."""

from __future__ import annotations

from tests.deployments.cli.conftest import Shell


def test_a_new_scene_is_missing_a_take_and_not_stale(shell: Shell) -> None:
    shell.made("project", "create", "Village")
    scene = shell.made("scene", "create", "Kai waits")
    listed = shell.run("stale")
    assert (listed.out, f"Without a take: {scene}" in listed.err) == ("No scene is stale\n", True)
    assert shell.answer("stale")["missing"] == [int(scene)]
    nothing = shell.run("render", "--stale")
    assert (nothing.code, "No scene is to be rendered" in nothing.err) == (0, True)
    assert shell.answer("render", "--stale", "--dry-run")["to_render"] == []


def test_options_that_do_not_belong_together_are_refused(shell: Shell) -> None:
    for arguments in ((), ("1", "--stale"), ("--stale", "--seed", "7"), ("--stale", "--force"), ("1", "--dry-run")):
        assert shell.run("render", *arguments).code == 2, arguments


def test_an_unknown_scene_is_not_found(shell: Shell) -> None:
    assert shell.run("render", "999999").code == 4
