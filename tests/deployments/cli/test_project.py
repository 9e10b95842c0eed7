"""`tower project` on a real database."""

from __future__ import annotations

from tests.deployments.cli.conftest import Shell


def test_a_project_is_created_listed_shown_and_changed(shell: Shell) -> None:
    project = shell.made("project", "create", "夜の海", "--size", "512x384", "--fps", "12", "--style", "cinematic")
    listed = shell.run("project", "list").out.splitlines()
    assert listed[0].split() == ["id", "status", "name", "description"]
    assert listed[1].split() == [project, "draft", "夜の海"]
    shown = shell.answer("project", "show", project)
    assert (shown["settings"]["width"], shown["settings"]["fps"], shown["scenes"]) == (512, 12, 0)
    changed = shell.answer("project", "edit", project, "--name", "Night Sea", "--style", "")
    assert (changed["name"], changed["settings"]["default_style"]) == ("Night Sea", None)
    assert "default style" not in shell.run("project", "show", project).out


def test_an_only_project_needs_no_option_and_several_are_named(shell: Shell) -> None:
    without = shell.run("scene", "list")
    assert (without.code, "tower project create" in without.err) == (2, True)
    first = shell.made("project", "create", "One")
    assert shell.answer("scene", "list") == []
    shell.made("project", "create", "Two")
    several = shell.run("scene", "list")
    assert (several.code, f"({first} One, " in several.err, "--project" in several.err) == (2, True, True)


def test_an_unknown_project_has_the_exit_code_of_what_is_missing(shell: Shell) -> None:
    assert shell.run("project", "show", "999999").code == 4
    assert shell.run("scene", "list", "--project", "999999").code == 4
