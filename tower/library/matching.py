"""Tracks that go with a tempo or a mood. Half and double time are told apart: they feel otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.orm import Session

from db.models.library import Track
from tower.library.moods import Mood
from tower.library.text import pattern


class Relation(StrEnum):
    """Of a track's tempo to the wanted one."""

    EXACT = "exact"
    HALF = "half"
    DOUBLE = "double"


FACTOR = {Relation.EXACT: 1.0, Relation.HALF: 0.5, Relation.DOUBLE: 2.0}


@dataclass(frozen=True)
class Wanted:
    """`tolerance` in BPM of the wanted tempo: for a track in half time half of it is allowed, in double time twice.

    A mood wants its tempo, its words, or best both; an unknown one (`mood` null) its own `word` in the tags.
    """

    bpm: float | None = None
    tolerance: float = 5.0
    relations: Sequence[Relation] = tuple(Relation)
    mood: Mood | None = None
    word: str | None = None


@dataclass(frozen=True)
class Match:
    """`off_bpm`: how far from the wanted tempo in its relation; `by`: which of tempo and words fit the mood."""

    track: Track
    relation: Relation | None
    off_bpm: float | None
    by: tuple[str, ...]


def matching(session: Session, wanted: Wanted, *, limit: int, offset: int = 0) -> list[Match]:
    """Best first: those that fit the mood in tempo and words, then exact before half and double, then the nearest."""
    relation, off = _relation(wanted), _off(wanted)
    fits = _fits(wanted)
    found = (
        select(Track, relation, off, *fits)
        .where(Track.missing_since.is_(None), *_conditions(wanted, fits))
        .order_by(*_order(wanted, fits, off), Track.id)
        .limit(limit)
        .offset(offset)
    )
    return [
        Match(
            track,
            Relation(how) if how else None,
            None if how is None or apart is None else round(apart, 3),
            tuple(name for name, fit in (("tempo", in_tempo), ("words", in_words)) if fit),
        )
        for track, how, apart, in_tempo, in_words in session.execute(found)
    ]


def _near(wanted: Wanted, relation: Relation) -> ColumnElement[bool]:
    assert wanted.bpm is not None
    middle, reach = wanted.bpm * FACTOR[relation], wanted.tolerance * FACTOR[relation]
    return Track.bpm.between(middle - reach, middle + reach)


def _relation(wanted: Wanted) -> ColumnElement[str | None]:
    if wanted.bpm is None:
        return literal(None)
    return case(*((_near(wanted, one), one.value) for one in wanted.relations), else_=None)


def _off(wanted: Wanted) -> ColumnElement[float | None]:
    if wanted.bpm is None:
        return literal(None)
    apart = {one: func.abs(Track.bpm - wanted.bpm * FACTOR[one]) for one in wanted.relations}
    return case(*((_near(wanted, one), apart[one]) for one in wanted.relations), else_=None)


def _fits(wanted: Wanted) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Whether the tempo, and whether the words of the tags, fit the mood."""
    words = wanted.mood.words if wanted.mood else (wanted.word,) if wanted.word else ()
    tempo = Track.bpm.between(wanted.mood.low_bpm, wanted.mood.high_bpm) if wanted.mood else literal(False)
    in_words = or_(*(_has_word(word) for word in words)) if words else literal(False)
    return func.coalesce(tempo, False), in_words


def _has_word(word: str) -> ColumnElement[bool]:
    """As a whole word: `pop` is not in "popcorn"; CJK characters stand alone in these texts anyway."""
    whole = pattern(word).replace("%", "% ", 1)[:-1].rstrip() + " %"
    return or_((literal(" ") + Track.genre_text + " ").like(whole), Track.search_text.like(whole))


def _conditions(wanted: Wanted, fits: tuple[ColumnElement[bool], ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    conditions = []
    if wanted.bpm is not None:
        conditions.append(or_(*(_near(wanted, one) for one in wanted.relations)))
    if wanted.mood or wanted.word:
        conditions.append(or_(*fits))
    return conditions


def _order(
    wanted: Wanted, fits: tuple[ColumnElement[bool], ColumnElement[bool]], off: ColumnElement[float | None]
) -> list[ColumnElement[Any]]:
    rank: list[ColumnElement[Any]] = [case((and_(*fits), 0), (fits[1], 1), else_=2)]
    if wanted.bpm is not None:
        if Relation.EXACT in wanted.relations:
            rank.append(case((_near(wanted, Relation.EXACT), 0), else_=1))
        rank.append(off / Track.bpm)
    return rank
