"""Search in the music library: titles, artists and albums, in any script, with a few letters wrong.

Ranked: the title itself, titles that begin so, tracks that hold all the words, tracks that hold something like them;
then by similarity, title and number. Of very many matches only MOST are ranked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import BigInteger, ColumnElement, Double, Select, and_, any_, case, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from db.models.library import Track
from tower.library.text import pattern, plain
from tower.pages import Page, Wanted

MOST = 300
FEW = 20  # so many matches of the words themselves need none that are only like them
LIKENESS = 0.5  # of pg_trgm's word_similarity, 0…1


class Match(StrEnum):
    TITLE = "title"
    BEGINNING = "beginning"
    PART = "part"
    SIMILAR = "similar"


MATCHES = tuple(Match)


@dataclass(frozen=True)
class Hit:
    """`similarity` 0…1: how much of the words is in the track's texts."""

    track: Track
    match: Match
    similarity: float


def search(session: Session, words: str, wanted: Wanted) -> Page[Hit]:
    """The cursor counts the hits before the page. Tracks whose file is gone are left out."""
    asked = plain(words)
    if not asked:
        return Page((), None)
    holding = _holding(session, words, asked)
    like = _like(session, asked) if len(holding) < FEW and _is_long(words, asked) else []
    start = wanted.cursor or 0
    ranked = _ranked(asked, holding, like).offset(start).limit(wanted.limit + 1)
    found = session.execute(ranked).all()
    hits = [Hit(track, MATCHES[rank], round(likeness, 3)) for track, rank, likeness in found[: wanted.limit]]
    return Page(hits, start + wanted.limit if len(found) > wanted.limit else None)


def _is_long(words: str, asked: str) -> bool:
    """Of fewer letters anything is like anything; a kanji counts for several."""
    return len(asked) >= 8 or sum(map(str.isalnum, words)) >= 4


def _holding(session: Session, words: str, asked: str) -> list[int]:
    """Titles that begin with the whole, and tracks that hold each word; of too many some."""
    beginning = _there().where(_begins(asked)).order_by(Track.title_text, Track.id).limit(MOST)
    parts = and_(*(Track.search_text.like(pattern(word)) for word in words.split() if plain(word)))
    first = _there().where(parts).limit(MOST)
    return list(dict.fromkeys((*session.scalars(beginning), *session.scalars(first))))


def _like(session: Session, asked: str) -> list[int]:
    """Tracks with a run of words like what is asked."""
    threshold = func.set_config("pg_trgm.word_similarity_threshold", str(LIKENESS), True)
    session.execute(select(threshold))
    near = literal(asked).op("<%")(Track.search_text)
    nearest = func.word_similarity(asked, Track.search_text).desc()
    return list(session.scalars(_there().where(near).order_by(nearest, Track.id).limit(MOST)))


def _ranked(asked: str, holding: Sequence[int], like: Sequence[int]) -> Select[Track, int, float]:
    rank = case(
        (Track.title_text == asked, 0),
        (_begins(asked), 1),
        (Track.id == any_(literal(list(holding), ARRAY(BigInteger))), 2),
        else_=3,
    )
    likeness = func.word_similarity(asked, Track.search_text, type_=Double)
    chosen = Track.id == any_(literal([*holding, *like], ARRAY(BigInteger)))
    return select(Track, rank, likeness).where(chosen).order_by(rank, likeness.desc(), Track.title, Track.id)


def _there() -> Select[int]:
    return select(Track.id).where(Track.missing_since.is_(None))


def _begins(asked: str) -> ColumnElement[bool]:
    return Track.title_text.startswith(asked, autoescape=True)
