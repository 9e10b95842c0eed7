"""`tower key`: the keys of the APIs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from deployments.cli.api_client import JsonOption, print_note
from deployments.cli.option_words import refusals_name_options
from deployments.cli.printing import print_json, print_line
from deployments.cli.settings_option import load_settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from db.models.keys import ApiKey

COLUMNS = ("name", "prefix", "scopes", "created_at", "last_used_at", "expires_at", "revoked_at")
SCOPES = ("read", "write", "admin")


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Keys of the APIs: create, list, revoke.", no_args_is_help=True)
    group.command("create")(create)
    group.command("list")(list_all)
    group.command("revoke")(revoke)
    app.add_typer(group, name="key")


def create(
    name: Annotated[str, typer.Argument(help="The key's owner or purpose.")],
    *,
    scope: Annotated[list[str] | None, typer.Option(help="read, write, admin; each includes those before it.")] = None,
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="Days until it expires; default: never.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Create a key and print it. It cannot be printed again: only its hash is stored. The default scope is read.

    Uses TOWER_DATABASE_URL, the running stack, or, if none runs, the data folder.

    Example:  export TOWER_API_KEY=$(tower key create laptop --scope write)
    """
    from db.models.keys import Scope
    from tower import api_keys

    for name_of_scope in scope or ():
        if name_of_scope not in SCOPES:
            raise typer.BadParameter(f"{name_of_scope} is none of {', '.join(SCOPES)}", param_hint="--scope")
    with _session() as session, refusals_name_options({"name": "NAME"}):
        lasts = None if days is None else timedelta(days=days)
        made = api_keys.create_key(session, name, [Scope(value) for value in scope or ["read"]], valid_for=lasts)
        session.flush()
        session.refresh(made.key)
        row = _as_row(made.key)
    if as_json:
        print_json({"key": made.token, **row})
        return
    print_line(made.token)
    print_note("Store it now: it cannot be shown again.")


def list_all(*, as_json: JsonOption = False) -> None:
    """List the keys with their scopes and the time of their last use.

    Example:  tower key list
    """
    from tower import api_keys

    with _session() as session:
        rows = [_as_row(key) for key in api_keys.list_keys(session)]
    print_json(rows) if as_json else _print_table(rows)


def revoke(
    name: Annotated[str, typer.Argument(help="The key's name, or its prefix.")], *, as_json: JsonOption = False
) -> None:
    """Revoke a key. It stops working within two seconds.

    Example:  tower key revoke laptop
    """
    from tower import api_keys

    with _session() as session:
        row = _as_row(api_keys.revoke_key(session, name))
    print_json(row) if as_json else print_line(f"The key {row['name']} is revoked.")


@contextmanager
def _session() -> Iterator[Session]:
    from sqlalchemy.orm import Session

    from db.engine import open_engine
    from deployments.database import open_database

    with open_database(load_settings()) as url:
        engine = open_engine(url, pool_size=1, application="tower key")
        try:
            with Session(engine, expire_on_commit=False) as session, session.begin():
                yield session
        finally:
            engine.dispose()


def _as_row(key: ApiKey) -> dict[str, Any]:
    shown = {name: getattr(key, name) for name in COLUMNS}
    return {
        name: value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
        for name, value in shown.items()
    }


def _print_table(rows: list[dict[str, Any]]) -> None:
    """Print a table whose columns are never truncated."""
    cells = [[_cell(row[name]) for name in COLUMNS] for row in rows]
    widths = [max(map(len, column)) for column in zip(COLUMNS, *cells, strict=True)]
    for line in (COLUMNS, *cells):
        print_line("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: str | list[str] | None) -> str:
    return " ".join(value) if isinstance(value, list) else value or "–"
