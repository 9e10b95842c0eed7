"""Search in a project: whatever is named, described or said there. Parts of words are found, in any script."""

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
from db.models.scenes import WORDS, Scene
from db.models.styles import StyleTemplate
from tower.versions import branches
from tower.versions.kinds import SHAPES, Kind

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

# The right plan for a rare word is the wrong one for a common word: plan for the words that are asked, each time.
_PLAN_FOR_THESE_WORDS = text("set local plan_cache_mode = force_custom_plan")


@dataclass(frozen=True)
class Hit:
    """`id` is of its row. `field` is where it was found first, `snippet` the words around it."""

    kind: Kind
    id: int
    key: uuid.UUID
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
    asked = {f"term_{at}": f"%{_plain(term)}%" for at, term in enumerate(terms)}
    session.execute(_PLAN_FOR_THESE_WORDS)
    rows = session.execute(_statement(kinds, len(terms)), {"branch_id": line.id, "most": limit, **asked})
    hits = [_hit(kinds[place], found, terms[0]) for place, *found in sorted(rows, key=lambda row: row[:2])]
    return sorted(hits, key=lambda hit: _RANK.get(hit.field, 1))[:limit]


@lru_cache(maxsize=64)
def _statement(kinds: tuple[Kind, ...], terms: int) -> CompoundSelect[Any]:
    """(place among the kinds, id, key, label, the searched texts, dialogue) of the first things of each kind."""
    return union_all(*(_of_kind(place, kind, terms) for place, kind in enumerate(kinds)))


def _of_kind(place: int, kind: Kind, terms: int) -> Select[Any]:
    row: Any = SHAPES[kind].row
    scenes = kind == Kind.SCENES
    words = literal_column(f"({WORDS})", Text) if scenes else func.concat_ws("\n", *SEARCHED[kind])
    return (
        select(
            literal_column(str(place)),
            row.id,
            row.key,
            getattr(row, SHAPES[kind].named_by).cast(Text),
            array(SEARCHED[kind]),
            row.dialogue if scenes else null().cast(JSONB),
        )
        .where(row.branch_id == bindparam("branch_id"))
        .where(*(words.ilike(bindparam(f"term_{at}", type_=Text)) for at in range(terms)))
        .order_by(row.id)
        .limit(bindparam("most"))
    )


def _plain(term: str) -> str:
    """The term as a pattern of ILIKE that means itself."""
    return term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _hit(kind: Kind, found: Sequence[Any], term: str) -> Hit:
    row_id, key, label, values, dialogue = found
    texts = [(column.key, value or "") for column, value in zip(SEARCHED[kind], values, strict=True)]
    texts += [("dialogue", f"{one.get('character') or ''}: {one.get('line', '')}") for one in dialogue or ()]
    field, said = next(((name, said) for name, said in texts if term.lower() in said.lower()), texts[0])
    return Hit(kind, row_id, key, label, field, _snippet(said, term))


def _snippet(said: str, term: str) -> str:
    at = max(said.lower().find(term.lower()), 0)
    start, end = max(at - SNIPPET, 0), at + len(term) + SNIPPET
    return ("…" if start else "") + said[start:end] + ("…" if end < len(said) else "")
