"""Prints answers of the APIs as aligned columns and as readable lines. Foreign text cannot control the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import typer

from tower.errors.foreign import make_printable, one_line

MAX_CELL_LENGTH = 80


def print_line(text: object = "", *, err: bool = False) -> None:
    """Print a text, which may have several lines."""
    typer.echo(make_printable(str(text), keep="\n"), err=err)


def print_json(answer: object) -> None:
    """Print JSON that holds every character of its texts, the invisible ones as escapes."""
    text = json.dumps(answer, ensure_ascii=False, indent=2)
    typer.echo("".join(letter if letter.isprintable() or letter == "\n" else _escape(letter) for letter in text))


def print_styled(*parts: tuple[str, str]) -> None:
    """Print a line of texts, each in a style of rich. Brackets in a text are no markup."""
    from rich.console import Console
    from rich.text import Text

    line = Text.assemble(*((make_printable(text), style) for text, style in parts))
    Console(highlight=False, soft_wrap=True).print(line)


def print_rows(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table whose last column is as long as it needs to be."""
    from rich.cells import cell_len

    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(header, *cells, strict=True)]
    for row in (list(header), *cells):
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        print_line("  ".join(padded).rstrip())


def print_answer(answer: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one answer of an API, as JSON or as lines."""
    print_json(answer) if as_json else print_record(answer)


def print_table(answers: Sequence[Mapping[str, Any]], columns: Mapping[str, str], *, as_json: bool) -> None:
    """Print a list of answers, as JSON or as a table. `columns`: the field of each column, by its heading."""
    if as_json:
        print_json(answers)
        return
    print_rows(tuple(columns), [[answer[field] for field in columns.values()] for answer in answers])


def print_record(record: Mapping[str, Any]) -> None:
    """Print each known value on a line with its name; objects and lists are indented below theirs."""
    for line in _lines(record):
        print_line(line)


def describe(value: object) -> str:
    """A value inside a line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{_words(name)} {describe(inner)}" for name, inner in value.items() if is_known(inner))
    if isinstance(value, list | tuple):
        return ", ".join(describe(inner) for inner in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    return one_line(str(value), 10_000)


def is_known(value: object) -> bool:
    return value not in (None, "", [], {})


def _lines(record: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    known = {_words(name): value for name, value in record.items() if is_known(value)}
    width = max(map(len, known), default=0)
    for name, value in known.items():
        if isinstance(value, Mapping):
            yield f"{indent}{name}"
            yield from _lines(value, indent + "  ")
        elif isinstance(value, list) and any(isinstance(inner, Mapping) or len(str(inner)) > 40 for inner in value):
            yield f"{indent}{name}"
            yield from (f"{indent}  - {describe(inner)}" for inner in value)
        else:
            yield f"{indent}{name:<{width}}  {describe(value)}"


def _escape(letter: str) -> str:
    return json.dumps(letter)[1:-1]


def _words(name: object) -> str:
    return one_line(str(name).replace("_", " "), MAX_CELL_LENGTH)


def _cell(value: object) -> str:
    return "" if value is None else one_line(describe(value), MAX_CELL_LENGTH)
