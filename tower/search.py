"""Search in a project: whatever is named, described or said there. Parts of words are found, in any script."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, literal_column, or_, select
from sqlalchemy.orm import Session

from db.models.bibles import BibleCharacter, ProjectBible
from db.models.characters import Character
from db.models.episodes import Episode, StoryArc
from db.models.scenes import WORDS, Scene
from db.models.styles import StyleTemplate
from db.models.versions import Branch
from tower.versions import branches
from tower.versions.kinds import SHAPES, Kind, label

_RANK = {"name": 0, "title": 0, "dialogue": 2}  # names, then descriptions, then what is said
SNIPPET = 60  # characters on either side of what was found
SEARCHED: Mapping[Kind, tuple[Any, ...]] = {
    Kind.CHARACTERS: (Character.name, Character.description, Character.backstory, Character.visual_description),
    Kind.SCENES: (Scene.title, Scene.description, Scene.location, Scene.mood),
    Kind.EPISODES: (Episode.title, Episode.synopsis),
    Kind.BIBLE: (ProjectBible.title, ProjectBible.description),
    Kind.BIBLE_CHARACTERS: (BibleCharacter.name, BibleCharacter.description, BibleCharacter.backstory),
    Kind.STORY_ARCS: (StoryArc.name, StoryArc.description),
    Kind.STYLES: (StyleTemplate.name, StyleTemplate.description, StyleTemplate.prompt),
}


@dataclass(frozen=True)
class Hit:
    """`field` is where it was found first, `snippet` the words around it."""

    kind: Kind
    row: Any
    label: str
    field: str
    snippet: str


def search(
    session: Session, project_id: int, words: str, *, branch: str, kinds: tuple[Kind, ...] = tuple(SEARCHED), limit: int
) -> list[Hit]:
    """All of the words must be in one thing. Names before descriptions before dialogue, then as in the project.

    Raises NotFoundError for an unknown project or branch.
    """
    line = branches.find(session, project_id, branch)
    terms = words.split()
    hits = [hit for kind in kinds for hit in _of_kind(session, line, kind, terms, limit)]
    return sorted(hits, key=lambda hit: _RANK.get(hit.field, 1))[:limit]


def _of_kind(session: Session, line: Branch, kind: Kind, terms: list[str], limit: int) -> list[Hit]:
    row = SHAPES[kind].row
    columns = [literal_column(f"({WORDS})", Text)] if kind == Kind.SCENES else SEARCHED[kind]
    found = select(row).where(row.project_id == line.project_id, row.branch_id == line.id).order_by(row.id).limit(limit)
    for term in terms:
        found = found.where(or_(*(column.icontains(term, autoescape=True) for column in columns)))
    return [_hit(kind, one, terms[0]) for one in session.scalars(found)]


def _hit(kind: Kind, row: Any, term: str) -> Hit:
    texts = [(column.key, getattr(row, column.key) or "") for column in SEARCHED[kind]]
    if kind == Kind.SCENES:
        texts += [("dialogue", f"{one.get('character') or ''}: {one.get('line', '')}") for one in row.dialogue]
    field, text = next(((name, text) for name, text in texts if term.lower() in text.lower()), texts[0])
    return Hit(
        kind,
        row,
        label(kind, {SHAPES[kind].named_by: getattr(row, SHAPES[kind].named_by)}),
        field,
        _snippet(text, term),
    )


def _snippet(text: str, term: str) -> str:
    at = max(text.lower().find(term.lower()), 0)
    start, end = max(at - SNIPPET, 0), at + len(term) + SNIPPET
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")
