"""`tower branch` and `tower merge` on a real database."""

from __future__ import annotations

import json

from tests.deployments.cli.conftest import Shell


def test_a_branch_is_created_listed_merged_and_deleted(shell: Shell) -> None:
    shell.made("project", "create", "Village")
    shell.made("character", "create", "Kai", "--trait", "coat=black")
    assert shell.made("branch", "create", "red-coat", "--description", "What if") == "red-coat"
    assert [row["branch_name"] for row in shell.answer("branch", "list")] == ["main", "red-coat"]
    shell.answer("character", "edit", "Kai", "--trait", "coat=red", "--branch", "red-coat")
    preview = shell.run("merge", "red-coat", "--dry-run")
    assert ("visual_traits/coat" in preview.out, "Would be merged" in preview.err) == (True, True)
    assert shell.run("merge", "red-coat", "--into", "main").code == 0
    assert shell.answer("character", "show", "Kai")["visual_traits"] == {"coat": "red"}
    assert shell.run("merge", "red-coat").out == "There is nothing to merge\n"
    assert shell.run("branch", "delete", "red-coat").code == 0
    assert shell.run("merge", "red-coat").code == 4


def test_a_conflict_is_listed_and_decided_in_the_words_of_the_command(shell: Shell) -> None:
    shell.made("project", "create", "Village")
    shell.made("character", "create", "Kai", "--trait", "coat=black")
    shell.made("branch", "create", "red")
    shell.answer("character", "edit", "Kai", "--trait", "coat=red", "--branch", "red")
    shell.answer("character", "edit", "Kai", "--trait", "coat=blue")
    refused = shell.run("merge", "red")
    path = "characters/Kai/visual_traits/coat"
    assert (refused.code, refused.out.splitlines()[1].split()) == (1, [path, "red", "blue", "black"])
    assert ("--prefer" in refused.err, "strategy" in refused.err) == (True, False)
    assert json.loads(shell.run("merge", "red", "--json").out)["conflicts"][0]["path"] == path
    shell.answer("merge", "red", "--resolve", f"{path}=source")
    assert shell.answer("character", "show", "Kai")["visual_traits"] == {"coat": "red"}
