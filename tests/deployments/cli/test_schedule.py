"""`tower schedule window` on a real database; Prefect is away."""

from __future__ import annotations

from tests.deployments.cli.conftest import Shell


def test_the_window_is_set_shown_and_removed(shell: Shell) -> None:
    assert shell.run("schedule", "window").out == "Scheduled work starts at any time\n"
    made = shell.answer("schedule", "window", "22:00-07:00", "--zone", "Europe/Berlin")
    assert (made["start"], made["end"], made["zone"]) == ("22:00", "07:00", "Europe/Berlin")
    shown = shell.run("schedule", "window")
    assert shown.out.startswith("22:00-07:00 Europe/Berlin, ")
    assert (shown.out.count("opens "), "Prefect does not answer" in shown.err) == (3, True)
    assert shell.answer("schedule", "window", "23:00-06:30")["zone"] == "Europe/Berlin"
    assert shell.answer("schedule", "window", "--remove")["start"] is None


def test_a_wrong_window_names_what_was_typed(shell: Shell) -> None:
    for typed, word in (("22-7", "HOURS"), ("22:00-25:00", "HOURS"), ("22:00-22:00", "HOURS")):
        refused = shell.run("schedule", "window", typed)
        assert (refused.code, word in refused.err) == (2, True), typed
    refused = shell.run("schedule", "window", "22:00-07:00", "--zone", "Berlin")
    assert (refused.code, "--zone" in refused.err) == (2, True)


def test_an_entry_is_planned_listed_and_cancelled(shell: Shell) -> None:
    shell.made("project", "create", "Tonight")
    scene = shell.made("scene", "create", "a shrine")
    shell.answer("schedule", "window", "22:00-07:00", "--zone", "UTC")
    made = shell.run("schedule", "add", "--scene", scene, "--at", "2027-03-01T12:00:00+00:00", "--quality", "low")
    assert "waiting for the production window, which opens at 2027-03-01 22:00 UTC" in made.err
    narrow = shell.run("schedule", "window", "13:00-14:00")
    assert "fits in no opening" not in narrow.out
    [entry] = shell.answer("schedule", "list")
    assert (str(entry["id"]), entry["parameters"]) == (made.out.strip(), {"quality": "low"})
    assert shell.run("schedule", "cancel", made.out.strip()).code == 0
    assert shell.answer("schedule", "list", "--state", "planned") == []


def test_a_new_window_prints_the_entries_that_no_longer_fit(shell: Shell) -> None:
    shell.made("project", "create", "Tonight")
    times = ("--at", "2027-03-01T12:00:00+00:00", "--due", "2027-03-01T20:00:00+00:00")
    made = shell.run("schedule", "add", *times)
    changed = shell.run("schedule", "window", "22:00-07:00", "--zone", "UTC")
    assert f"entry {made.out.strip()} of project" in changed.out
    assert "It is due 2027-03-01 20:00 UTC, and the production window opens at 2027-03-01 22:00 UTC" in changed.out


def test_a_wrong_plan_names_the_option(shell: Shell) -> None:
    shell.made("project", "create", "Tonight")
    for options, named in (
        (("--at", "soon"), "--at"),
        (("--publish",), "--publish"),
        (("--quality", "best"), "--quality"),
    ):
        refused = shell.run("schedule", "add", *options)
        assert (refused.code, named in refused.err) == (2, True), refused.err
