"""`tower character` on a real database."""

from __future__ import annotations

from tests.deployments.cli.conftest import Shell


def test_a_character_is_created_listed_shown_changed_and_deleted(shell: Shell) -> None:
    shell.made("project", "create", "Village")
    kai = shell.made(
        "character", "create", "Kai Nakamura", "--looks", "young", "--trait", "coat=black", "--trait", "hair=grey"
    )
    row = shell.run("character", "list").out.splitlines()[1]
    assert row.split("  ") == [kai, "Kai Nakamura", "", "", "", "young", "coat black, hair grey"] or "coat black" in row
    changed = shell.answer(
        "character", "edit", "kai nakamura", "--trait", "coat=red", "--trait", "hair=", "--role", "hero"
    )
    assert (changed["visual_traits"], changed["role"], changed["visual_description"]) == (
        {"coat": "red"},
        "hero",
        "young",
    )
    assert shell.answer("character", "show", kai)["version"] == 2
    assert shell.answer("character", "edit", kai, "--looks", "")["visual_description"] is None
    assert shell.run("character", "delete", "Kai").code == 0
    assert shell.run("character", "show", "Kai").code == 4


def test_an_edit_on_a_branch_leaves_main_as_it_is(shell: Shell) -> None:
    shell.made("project", "create", "Village")
    shell.made("character", "create", "Kai", "--trait", "coat=black")
    shell.made("branch", "create", "red-coat")
    shell.answer("character", "edit", "Kai", "--trait", "coat=red", "--branch", "red-coat")
    assert shell.answer("character", "show", "Kai")["visual_traits"] == {"coat": "black"}
    assert shell.answer("character", "show", "Kai", "--branch", "red-coat")["visual_traits"] == {"coat": "red"}


def test_a_name_of_several_characters_is_refused_with_their_names(shell: Shell) -> None:
    shell.made("project", "create", "Village")
    for name in ("Kai Nakamura", "Kai Tanaka"):
        shell.made("character", "create", name)
    refused = shell.run("character", "show", "Kai")
    assert (refused.code, "Kai Nakamura, Kai Tanaka" in refused.err) == (2, True)
