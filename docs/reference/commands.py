"""docs/cli-reference.md: each command of `tower` with its arguments, options and exit codes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from deployments.cli import app
from deployments.cli.exits import EXIT_MEANINGS

HEAD = """# Command reference

Made by `make docs` from `deployments/cli/`. [cli.md](cli.md) shows the commands by what they are for.

## Exit codes
| code | meaning |
|---|---|
"""


def page() -> str:
    exits = "".join(f"| {code.value} | {meaning} |\n" for code, meaning in EXIT_MEANINGS.items())
    commands = commands_of(typer.main.get_command(app), ("tower",))
    return HEAD + exits + "".join(_section(words, command) for words, command in commands)


def commands_of(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that can be called, with the words that call it."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield words, command
        return
    for name, one in sorted(inner.items()):
        yield from commands_of(one, (*words, name))


def _section(words: tuple[str, ...], command: Any) -> str:
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    arguments = [parameter for parameter in shown if parameter.param_type_name == "argument"]
    usage = " ".join((*words, *(_argument(one) for one in arguments), *(["[OPTIONS]"] if shown != arguments else [])))
    rows = "".join(_row(parameter) for parameter in shown)
    table = f"\n| | default | meaning |\n|---|---|---|\n{rows}" if rows else ""
    text = inspect.cleandoc(command.help).replace("\b", "")
    return f"\n## {' '.join(words)}\n    {usage}\n\n{text}\n{table}"


def _argument(parameter: Any) -> str:
    name = str(parameter.metavar or parameter.name).upper().strip("[]")
    return name if parameter.required else f"[{name}]"


def _row(parameter: Any) -> str:
    is_argument = parameter.param_type_name == "argument"
    names = [_argument(parameter)] if is_argument else [*parameter.opts, *parameter.secondary_opts]
    default = parameter.default
    shown = "required" if parameter.required else "–" if default in (None, False, (), "") else f"`{default}`"
    return f"| {', '.join(f'`{name}`' for name in names)} | {shown} | {parameter.help or ''} |\n"
