"""docs/settings.md and .env.example: every environment variable that a process of Tower reads."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from tower.addresses import Address
from tower.settings import Settings

HEAD = """# Settings

Made by `make docs` from `tower/settings.py`. Settings are environment variables; `tower up` reads them and hands them
on to all parts of the stack. `.env.example` lists them with their defaults.

| variable | type | default | meaning |
|---|---|---|---|
"""
INTERNAL: Mapping[str, str] = {
    "TOWER_STACK_MARK": "marks the processes of a stack, so that the next start finds those that are left over",
    "TOWER_WARM_SOCKET": "where a run asks for a warm process",
}
EXPORTED: Mapping[str, str] = {
    "TOWER_EPISODES_URL": "the address of the episodes API",
    "TOWER_MUSIC_URL": "the address of the music API",
    "TOWER_PRODUCTION_URL": "the address of the production API",
}
DEFAULTS: Mapping[str, str] = {  # of what depends on the machine
    "api_processes": "2; 1 on a single core",
    "beat_processes": "2; 1 on fewer than 4 cores",
    "rate_limit": "`1200/minute` with keys, else `off`",
}
KINDS: Mapping[Any, str] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "0 or 1",
    Path: "path",
    Address: "address",
}
LIMITS: Mapping[str, str] = {"ge": "from {}", "le": "to {}", "gt": "over {}", "lt": "under {}", "pattern": "like `{}`"}


def page() -> str:
    rows = "".join(_row(name, field) for name, field in Settings.model_fields.items())
    more = _section("Set by Tower itself", INTERNAL), _section("Printed by `tower env`", EXPORTED)
    return "".join((HEAD, rows, *more))


def env_example() -> str:
    """Each variable as a comment: nothing in it is set until its # is taken away."""
    head = "# Settings of Tower, made by `make docs`; docs/settings.md has their types. Remove a # to set one.\n"
    return head + "".join(_example(name, field) for name, field in Settings.model_fields.items() if name != "worker")


def variable(name: str, field: FieldInfo) -> str:
    """TOWER_DATA_DIR for data_dir; the alias, if it has one."""
    if isinstance(field.validation_alias, AliasChoices):
        return str(field.validation_alias.choices[0])
    return f"TOWER_{name.upper()}"


def _row(name: str, field: FieldInfo) -> str:
    default = DEFAULTS.get(name) or (f"`{text}`" if (text := _default(field)) else "–")
    return f"| `{variable(name, field)}` | {_cell(_type(field))} | {default} | {field.description} |\n"


def _example(name: str, field: FieldInfo) -> str:
    default = "" if field.default_factory or name in DEFAULTS else _default(field)
    return f"\n# {field.description}\n#{variable(name, field)}={default}\n"


def _section(title: str, variables: Mapping[str, str]) -> str:
    rows = "".join(f"| `{name}` | {meaning} |\n" for name, meaning in variables.items())
    return f"\n## {title}\n| variable | meaning |\n|---|---|\n{rows}"


def _type(field: FieldInfo) -> str:
    limits = [
        text.format(value)
        for name, text in LIMITS.items()
        for value in (getattr(constraint, name, None) for constraint in field.metadata)
        if value is not None
    ]
    return ", ".join([_kind(field.annotation), *limits])


def _kind(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin in (Union, types.UnionType):
        return _kind(next(kind for kind in inner if kind is not type(None)))
    if origin is Annotated:
        return _kind(inner[0])
    if origin is tuple:
        return "paths"
    return KINDS[annotation]


def _default(field: FieldInfo) -> str:
    match field.default:
        case None | ():
            return ""
        case bool() as flag:
            return str(int(flag))
        case value:
            return "" if field.default_factory else str(value)


def _cell(text: str) -> str:
    return re.sub(r"\|", r"\\|", text)
