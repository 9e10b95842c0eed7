"""Names in docstrings and comments exist: in the code that they describe, or as a definition elsewhere in the tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from keyword import iskeyword
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("tower", "tower_animatic", "api", "tasks", "flows", "db", "deployments")
QUOTED = re.compile(r"`([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?:\(\))?`")
CONSTANT = re.compile(r"(?<![\w/<])(?!TOWER_|PREFECT_)[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w/>])")
FIELDS = re.compile(r"^ *((?:[a-z]\w*, )*[a-z]\w*): ", re.MULTILINE)
DEFINITION = re.compile(r"^(?:(?:async )?(?:def|class) | {0,4}(?=[A-Z_]+ = ))(\w+)", re.MULTILINE)
METHOD = re.compile(r"^ +(?:async )?def (\w+)", re.MULTILINE)
COLUMN_OR_VALUE = re.compile(r"^    (\w+): Mapped|\"(\w+)\"", re.MULTILINE)
COMMENT = re.compile(r"(?:^|(?<=\s))#\s.*")
WORD = re.compile(r"\w+")
DEFINED_ELSEWHERE = {
    "AVCOL_RANGE_JPEG": "FFmpeg",
    "PATH_MAX": "Linux",
    "at": "a parameter of requests",
    "default": "a name of preferences",
    "expected": "a key of an error's details",
    "field": "a placeholder in a path",
    "gifs": "a key of ComfyUI's answers",
    "images": "a key of ComfyUI's answers",
    "limit": "a parameter of requests",
    "stat_result": "an attribute of Starlette's FileResponse",
}

Owner = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    name: str
    text: str

    @cached_property
    def path_parts(self) -> set[str]:
        return set(Path(self.name).with_suffix("").parts)

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def docstrings(self) -> dict[Owner, str]:
        found = [self.tree, *owners_in(self.tree)]
        return {owner: text for owner in found if (text := ast.get_docstring(owner))}

    @cached_property
    def comments(self) -> str:
        return "\n".join(COMMENT.findall(self.text))

    @cached_property
    def code(self) -> list[str]:
        """The lines without docstrings and comments."""
        lines = self.text.splitlines()
        for owner in self.docstrings:
            first, last = owner.body[0].lineno - 1, owner.body[0].end_lineno or 0
            lines[first:last] = [""] * (last - first)
        return [COMMENT.sub("", line) for line in lines]

    @cached_property
    def all_words(self) -> set[str]:
        return self.words(self.tree)

    @cached_property
    def shared_words(self) -> set[str]:
        """What every docstring of the module may name: its imports, values and definitions, and their members."""
        found = set(self.path_parts)
        bodies = [self.tree.body]
        for body in bodies:
            for statement in body:
                if isinstance(statement, Owner):
                    found.add(statement.name)
                else:
                    found |= self.words(statement)
                if isinstance(statement, ast.ClassDef):
                    bodies.append(statement.body)
        return found

    def words(self, node: Owner | ast.stmt) -> set[str]:
        """The identifiers of a node, and the words of its strings."""
        lines = self.code if isinstance(node, ast.Module) else self.code[node.lineno - 1 : node.end_lineno]
        return set(WORD.findall("\n".join(lines)))


def owners_in(owner: Owner) -> Iterator[Owner]:
    for statement in owner.body:
        if isinstance(statement, Owner):
            yield statement
            yield from owners_in(statement)


def definitions(sources: Iterable[Source]) -> set[str]:
    """The modules, classes, functions and .methods of the tree; and tables, columns and values of the database."""
    found = set(DEFINED_ELSEWHERE)
    for source in sources:
        found |= source.path_parts | set(DEFINITION.findall(source.text))
        found |= {f".{name}" for name in METHOD.findall(source.text)}
        if source.name.startswith("db/models/"):
            found |= set(chain.from_iterable(COLUMN_OR_VALUE.findall(source.text)))
    return found


def stale_names(source: Source, defined: set[str]) -> set[str]:
    found = unknown(mentioned(source.comments), defined, source.all_words)
    for owner, text in source.docstrings.items():
        if names := unknown(mentioned(text), defined, source.shared_words):
            found |= names - source.words(owner)
        if isinstance(owner, ast.ClassDef) and (fields := FIELDS.findall(text)):
            found |= {name for names in fields for name in names.split(", ")} - source.words(owner)
    return found


def mentioned(text: str) -> set[str]:
    """The constants, and the names in backticks: `a.b` gives "a" and ".b"."""
    found = set(CONSTANT.findall(text))
    for name in QUOTED.findall(text):
        first, *members = name.split(".")
        found |= {first, *(f".{member}" for member in members)}
    return {name for name in found if not iskeyword(name)}


def unknown(names: set[str], *known: set[str]) -> set[str]:
    """The names that are not in any of the sets. A member may also be there without its dot."""
    return {name.lstrip(".") for name in names if not any(name in each or name.lstrip(".") in each for each in known)}


def read_sources(root: Path) -> list[Source]:
    paths = sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.py"))
    return [Source(str(path.relative_to(root)), path.read_text()) for path in paths]


def test_names_in_docstrings_and_comments_exist() -> None:
    sources = read_sources(ROOT)
    defined = definitions(sources)
    stale = [f"{source.name}: {name}" for source in sources for name in sorted(stale_names(source, defined))]
    assert not stale, "\n".join(stale)


@pytest.mark.parametrize(
    ("code", "stale"),
    [
        ('def stop(wait_s):\n    """Stop after `wait_s`."""', set()),
        ('def stop(limit_s):\n    """Stop after `wait_s`."""', {"wait_s"}),
        ('def stop(limit_s):\n    """Stop after `wait_s`."""\ndef wait(wait_s): ...', {"wait_s"}),
        ('class Stop:\n    """A stop.\n\n    after, wait_s: the times.\n    """\n    after: int', {"wait_s"}),
        ('"""At most MOST_S."""\nMAX_S = 1', {"MOST_S"}),
        ("MAX_S = 1  # see `most_s`", {"most_s"}),
        ('"""Uses `stops.begin`."""', set()),
    ],
)
def test_a_name_counts_where_it_can_be_seen(code: str, stale: set[str]) -> None:
    other = Source("tower/stops.py", "def begin(): ...")
    source = Source("tower/example.py", code)
    assert stale_names(source, definitions([source, other])) == stale
