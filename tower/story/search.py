"""Search the names, descriptions and dialogue of a project. Matches parts of words, in any script."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import CompoundSelect, Select, Text, bindparam, func, literal_column, null, select, text, union_all
from sqlalchemy.dialects.postgresql import JSONB, array
from sqlalchemy.orm import Session

from db.models.bibles import BibleCharacter, ProjectBible
from db.models.characters import Character
from db.models.episodes import Episode, StoryArc
from db.models.scenes import SEARCH_TEXT_SQL, Scene
from db.models.styles import StyleTemplate
from tower.versions import branches
from tower.versions.kinds import KIND_SPECS, Kind

_RANK = {"name": 0, "title": 0, "dialogue": 2}  # names rank first, then descriptions (1), then dialogue
SNIPPET_MARGIN = 60  # characters on either side of a match
SEARCHED_COLUMNS: Mapping[Kind, tuple[Any, ...]] = {
    Kind.CHARACTERS: (Character.name, Character.description, Character.backstory, Character.visual_description),
    Kind.SCENES: (Scene.title, Scene.description, Scene.location, Scene.mood),
    Kind.EPISODES: (Episode.title, Episode.synopsis),
    Kind.BIBLE: (ProjectBible.title, ProjectBible.description),
    Kind.BIBLE_CHARACTERS: (BibleCharacter.name, BibleCharacter.description, BibleCharacter.backstory),
    Kind.STORY_ARCS: (StoryArc.name, StoryArc.description),
    Kind.STYLES: (StyleTemplate.name, StyleTemplate.description, StyleTemplate.prompt),
}

# Rare and common words need different query plans, so PostgreSQL plans for the given words each time.
_FORCE_CUSTOM_PLAN = text("set local plan_cache_mode = force_custom_plan")


@dataclass(frozen=True)
class SearchHit:
    """A match. `id` is that of the row, `field` the first field that matches, `snippet` the text around the match."""

    kind: Kind
    id: int
    key: uuid.UUID
    label: str
    field: str
    snippet: str


def search(
    session: Session,
    project_id: int,
    words: str,
    *,
    branch: str,
    kinds: tuple[Kind, ...] = tuple(SEARCHED_COLUMNS),
    limit: int,
) -> list[SearchHit]:
    """Find the entities that contain all of the words. Matches in names come first, then descriptions, then dialogue.

    Raises NotFoundError for an unknown project or branch.
    """
    branch_row = branches.find(session, project_id, branch)
    terms = words.split()
    patterns = {f"term_{index}": f"%{_escape_like(term)}%" for index, term in enumerate(terms)}
    session.execute(_FORCE_CUSTOM_PLAN)
    rows = session.execute(_statement(kinds, len(terms)), {"branch_id": branch_row.id, "most": limit, **patterns})
    hits = [_make_hit(kinds[place], found, terms[0]) for place, *found in sorted(rows, key=lambda row: row[:2])]
    return sorted(hits, key=lambda hit: _RANK.get(hit.field, 1))[:limit]


@lru_cache(maxsize=64)
def _statement(kinds: tuple[Kind, ...], terms: int) -> CompoundSelect[Any]:
    """Select (index of the kind, id, key, label, searched texts, dialogue) of the first matches of each kind."""
    return union_all(*(_select_kind(place, kind, terms) for place, kind in enumerate(kinds)))


def _select_kind(place: int, kind: Kind, terms: int) -> Select[Any]:
    row: Any = KIND_SPECS[kind].row
    scenes = kind == Kind.SCENES
    words = literal_column(f"({SEARCH_TEXT_SQL})", Text) if scenes else func.concat_ws("\n", *SEARCHED_COLUMNS[kind])
    return (
        select(
            literal_column(str(place)),
            row.id,
            row.key,
            getattr(row, KIND_SPECS[kind].name_field).cast(Text),
            array(SEARCHED_COLUMNS[kind]),
            row.dialogue if scenes else null().cast(JSONB),
        )
        .where(row.branch_id == bindparam("branch_id"))
        .where(*(words.ilike(bindparam(f"term_{index}", type_=Text)) for index in range(terms)))
        .order_by(row.id)
        .limit(bindparam("most"))
    )


def _escape_like(term: str) -> str:
    """Escape the term for ILIKE."""
    return term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _make_hit(kind: Kind, found: Sequence[Any], term: str) -> SearchHit:
    row_id, key, label, values, dialogue = found
    texts = [(column.key, value or "") for column, value in zip(SEARCHED_COLUMNS[kind], values, strict=True)]
    texts += [("dialogue", f"{line.get('character') or ''}: {line.get('line', '')}") for line in dialogue or ()]
    field, value = next(((name, value) for name, value in texts if term.lower() in value.lower()), texts[0])
    return SearchHit(kind, row_id, key, label, field, _snippet(value, term))


def _snippet(value: str, term: str) -> str:
    position = max(value.lower().find(term.lower()), 0)
    start, end = max(position - SNIPPET_MARGIN, 0), position + len(term) + SNIPPET_MARGIN
    return ("…" if start else "") + value[start:end] + ("…" if end < len(value) else "")
