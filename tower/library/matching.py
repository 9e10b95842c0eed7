"""Finds tracks that fit a tempo or a mood. Half and double time are separate relations, because they feel different."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select
from sqlalchemy.orm import Session

from db.models.library import Track
from tower.library.moods import Mood
from tower.library.text import like_pattern


class Relation(StrEnum):
    """How the tempo of a track relates to the requested tempo."""

    EXACT = "exact"
    HALF = "half"
    DOUBLE = "double"


TEMPO_FACTORS = {Relation.EXACT: 1.0, Relation.HALF: 0.5, Relation.DOUBLE: 2.0}


@dataclass(frozen=True)
class TrackQuery:
    """The tempo and mood to match.

    `tolerance` is in BPM at the requested tempo: half of it applies to a track in half time, twice to one in
    double time. A track fits a mood by tempo, by the words of its tags, or best by both. For an unknown mood (`mood` is
    None) the tags must contain `word`.
    """

    bpm: float | None = None
    tolerance: float = 5.0
    relations: Sequence[Relation] = tuple(Relation)
    mood: Mood | None = None
    word: str | None = None


@dataclass(frozen=True)
class TrackMatch:
    """A track that fits.

    `distance_bpm`: the distance from the requested tempo in this relation. `matched_by`: which of "tempo" and "words"
    fit the mood.
    """

    track: Track
    relation: Relation | None
    distance_bpm: float | None
    matched_by: tuple[str, ...]


def find_matches(session: Session, query: TrackQuery, *, limit: int, offset: int = 0) -> list[TrackMatch]:
    """The best matches first.

    Tracks that fit the mood by tempo and words come first, then exact before half and double time, then the nearest.
    """
    relation, off = _relationof(query), _distance(query)
    fits = _mood_conditions(query)
    found = (
        select(Track, relation, off, *fits)
        .where(Track.missing_since.is_(None), *_conditions(query, fits))
        .order_by(*_ranking(query, fits, off), Track.id)
        .limit(limit)
        .offset(offset)
    )
    return [
        TrackMatch(
            track,
            Relation(how) if how else None,
            None if how is None or apart is None else round(apart, 3),
            tuple(name for name, fit in (("tempo", in_tempo), ("words", in_words)) if fit),
        )
        for track, how, apart, in_tempo, in_words in session.execute(found)
    ]


def _is_near(wanted: TrackQuery, relation: Relation) -> ColumnElement[bool]:
    assert wanted.bpm is not None
    middle, reach = wanted.bpm * TEMPO_FACTORS[relation], wanted.tolerance * TEMPO_FACTORS[relation]
    return Track.bpm.between(middle - reach, middle + reach)


def _relationof(wanted: TrackQuery) -> ColumnElement[str | None]:
    if wanted.bpm is None:
        return literal(None)
    return case(*((_is_near(wanted, relation), relation.value) for relation in wanted.relations), else_=None)


def _distance(wanted: TrackQuery) -> ColumnElement[float | None]:
    if wanted.bpm is None:
        return literal(None)
    apart = {relation: func.abs(Track.bpm - wanted.bpm * TEMPO_FACTORS[relation]) for relation in wanted.relations}
    return case(*((_is_near(wanted, relation), apart[relation]) for relation in wanted.relations), else_=None)


def _mood_conditions(wanted: TrackQuery) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Two conditions: the tempo fits the mood; the words of the tags fit it."""
    words = wanted.mood.words if wanted.mood else (wanted.word,) if wanted.word else ()
    tempo = Track.bpm.between(wanted.mood.low_bpm, wanted.mood.high_bpm) if wanted.mood else literal(False)
    in_words = or_(*(_has_word(word) for word in words)) if words else literal(False)
    return func.coalesce(tempo, False), in_words


def _has_word(word: str) -> ColumnElement[bool]:
    """Matches whole words only: "pop" is not in "popcorn". In these texts each CJK character is a word."""
    whole = like_pattern(word).replace("%", "% ", 1)[:-1].rstrip() + " %"
    return or_((literal(" ") + Track.genre_text + " ").like(whole), Track.search_text.like(whole))


def _conditions(wanted: TrackQuery, fits: tuple[ColumnElement[bool], ColumnElement[bool]]) -> list[ColumnElement[bool]]:
    conditions = []
    if wanted.bpm is not None:
        conditions.append(or_(*(_is_near(wanted, relation) for relation in wanted.relations)))
    if wanted.mood or wanted.word:
        conditions.append(or_(*fits))
    return conditions


def _ranking(
    wanted: TrackQuery, fits: tuple[ColumnElement[bool], ColumnElement[bool]], off: ColumnElement[float | None]
) -> list[ColumnElement[Any]]:
    rank: list[ColumnElement[Any]] = [case((and_(*fits), 0), (fits[1], 1), else_=2)]
    if wanted.bpm is not None:
        if Relation.EXACT in wanted.relations:
            rank.append(case((_is_near(wanted, Relation.EXACT), 0), else_=1))
        rank.append(off / Track.bpm)
    return rank
