"""`tower webhook` on a real API."""

from __future__ import annotations

from tests.deployments.cli.conftest import Shell


def test_a_webhook_is_added_listed_tested_changed_and_removed(shell: Shell) -> None:
    added = shell.run("webhook", "add", "https://nowhere.invalid/", "--on", "failed")
    assert (added.code, added.out.startswith("whsec_")) == (0, True)
    (row,) = shell.answer("webhook", "list")
    assert (row["events"], "secret" in row) == (["failed"], False)
    tested = shell.run("webhook", "test", str(row["id"]))
    assert (tested.code, tested.out.strip()) == (1, "The name of the receiver has no address")
    (call,) = shell.answer("webhook", "deliveries", str(row["id"]))
    assert (call["event"], call["state"]) == ("ping", "gave_up")
    resent = shell.run("webhook", "resend", str(row["id"]), str(call["id"]))
    assert (resent.code, "test the webhook again" in resent.err) == (1, True)
    replaced = shell.run("webhook", "secret", str(row["id"]), "--old-valid-hours", "2")
    assert (replaced.out.startswith("whsec_"), replaced.out != added.out) == (True, True)
    assert shell.run("webhook", "remove", str(row["id"])).code == 0
    assert shell.run("webhook", "remove", str(row["id"])).code == 4
    refused = shell.run("webhook", "add", "http://10.0.0.1/")
    assert (refused.code, refused.err.startswith("tower: Invalid URL: expected an address outside")) == (2, True)
