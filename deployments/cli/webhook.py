"""`tower webhook`: adds, lists, tests and removes webhooks, sends calls again, replaces secrets."""

from __future__ import annotations

from typing import Annotated

import typer

from deployments.cli.api_client import JsonOption, connect_running, print_note
from deployments.cli.exits import ExitCode
from deployments.cli.option_words import refusals_name_options, without_none
from deployments.cli.printing import print_json, print_line, print_table

OPTIONS = {
    "url": "URL",
    "events": "--on",
    "project_id": "--project",
    "webhook_id": "WEBHOOK",
    "old_valid_hours": "--old-valid-hours",
}
COLUMNS = {"id": "id", "active": "active", "project": "project_id", "events": "events", "url": "url"}
DELIVERY_COLUMNS = {
    "id": "id",
    "event": "event",
    "state": "state",
    "tries": "tries",
    "answer": "answer",
    "at": "created_at",
    "reason": "reason",
}
WebhookArgument = Annotated[int, typer.Argument(metavar="WEBHOOK", help="Its id.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        help="Webhooks, called when jobs end and films are published: add, list, test, resend, remove.",
        no_args_is_help=True,
    )
    group.command("add")(add)
    group.command("list")(list_all)
    group.command("deliveries")(deliveries)
    group.command("resend")(resend)
    group.command("secret")(replace_secret)
    group.command("test")(ping)
    group.command("remove")(remove)
    app.add_typer(group, name="webhook")


def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="The address to call.")],
    *,
    on: Annotated[
        list[str] | None, typer.Option(help="completed, failed or published; several times for more; default: all.")
    ] = None,
    project: Annotated[int | None, typer.Option(help="Only the events of this project.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Add a webhook and print its secret, which is not shown again.

    Example:  tower webhook add https://hooks.example.com/tower --on failed
    """
    body = {"url": url, **without_none({"events": on, "project_id": project})}
    with connect_running() as api, refusals_name_options(OPTIONS):
        made = api.add_webhook(body)
    if as_json:
        print_json(made)
        return
    print_line(made["secret"])
    print_note(f"Webhook {made['id']} is called for: {', '.join(made['events'])}. This is its secret; keep it.")


def list_all(*, as_json: JsonOption = False) -> None:
    """List the webhooks.

    Example:  tower webhook list
    """
    with connect_running() as api:
        found = api.list_webhooks()
    print_table(found, COLUMNS, as_json=as_json)


def deliveries(
    webhook: WebhookArgument,
    *,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """List the last calls of a webhook, newest first.

    Example:  tower webhook deliveries 1
    """
    with connect_running() as api:
        found = api.list_deliveries(webhook, limit=limit)
    print_table(found, DELIVERY_COLUMNS, as_json=as_json)


def resend(
    webhook: WebhookArgument,
    call: Annotated[int, typer.Argument(metavar="CALL", help="Its id in the list of deliveries.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Send a call again, also one that was given up. The receiver gets the same message id.

    Example:  tower webhook resend 1 17
    """
    with connect_running() as api:
        sent = api.resend_delivery(webhook, call)
    print_json(sent) if as_json else print_line(f"Call {call} is sent again now; `tower webhook deliveries {webhook}`")


def replace_secret(
    webhook: WebhookArgument,
    *,
    old_valid_hours: Annotated[int, typer.Option(min=0, help="How long the old secret signs too.")] = 24,
    as_json: JsonOption = False,
) -> None:
    """Replace the secret of a webhook and print the new one, which is not shown again.

    Example:  tower webhook secret 1 --old-valid-hours 48
    """
    with connect_running() as api, refusals_name_options(OPTIONS):
        changed = api.replace_webhook_secret(webhook, {"old_valid_hours": old_valid_hours})
    if as_json:
        print_json(changed)
        return
    print_line(changed["secret"])
    until = changed["old_secret_until"]
    print_note("The old secret is no longer used" if until is None else f"The old secret signs too until {until}")


def ping(webhook: WebhookArgument, *, as_json: JsonOption = False) -> None:
    """Call a webhook once with the event ping. Exit code 1 if it does not answer with 2xx.

    Example:  tower webhook test 1
    """
    with connect_running() as api:
        result = api.test_webhook(webhook)
    if as_json:
        print_json(result)
    else:
        print_line(f"Delivered: it answered {result['answer']}" if result["delivered"] else result["reason"])
    if not result["delivered"]:
        raise typer.Exit(ExitCode.FAILED)


def remove(webhook: WebhookArgument, *, as_json: JsonOption = False) -> None:
    """Remove a webhook with the record of its calls.

    Example:  tower webhook remove 1
    """
    with connect_running() as api:
        removed = api.remove_webhook(webhook)
    print_json(removed) if as_json else print_line(f"Webhook {webhook} is removed")
