"""`tower scene` on a real database."""

from __future__ import annotations

from tests.deployments.cli.conftest import Shell


def test_a_scene_is_created_listed_shown_changed_and_deleted(shell: Shell) -> None:
    shell.made("project", "create", "Village")
    outcome = shell.run("scene", "create", "Kai waits", "--with", "Kai", "--with", "Ren", "--duration", "2.5")
    scene = outcome.out.strip()
    assert f"tower render {scene}" in outcome.err
    shown = shell.answer("scene", "show", scene)
    assert (shown["scene_number"], shown["characters"], shown["duration_seconds"]) == (1, ["Kai", "Ren"], 2.5)
    changed = shell.answer("scene", "edit", scene, "--location", "a bridge", "--message", "Moved")
    assert (changed["location"], changed["description"]) == ("a bridge", "Kai waits")
    assert shell.answer("scene", "edit", scene, "--location", "")["location"] is None
    assert shell.run("scene", "delete", scene).code == 0
    assert shell.run("scene", "show", scene).code == 4


def test_a_scene_moves_to_another_place(shell: Shell) -> None:
    shell.made("project", "create", "Village")
    first, second, third = (shell.made("scene", "create", text) for text in ("one", "two", "three"))
    assert [row["id"] for row in shell.answer("scene", "move", third, "1")] == [int(third), int(first), int(second)]
    assert [row["description"] for row in shell.answer("scene", "list")] == ["three", "one", "two"]
    refused = shell.run("scene", "move", third, "4")
    assert (refused.code, "has 3 scenes" in refused.err) == (2, True)
