"""Searches the music library by title, artist and album, in any script, tolerating a few wrong letters.

The ranking: the exact title, titles that begin with the query, tracks that contain all its words, similar tracks; then
by similarity, title and id. At most MAX_RANKED matches of each kind are ranked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import BigInteger, ColumnElement, Double, Select, and_, any_, case, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from db.models.library import Track
from tower.library.text import like_pattern, normalise
from tower.pages import Page, PageRequest

MAX_RANKED = 300
SIMILAR_BELOW = 20  # similar tracks are searched only if fewer contain the words themselves
MIN_SIMILARITY = 0.5  # of pg_trgm's word_similarity, 0…1


class MatchKind(StrEnum):
    TITLE = "title"
    BEGINNING = "beginning"
    PART = "part"
    SIMILAR = "similar"


MATCH_KINDS = tuple(MatchKind)


@dataclass(frozen=True)
class SearchHit:
    """A track that matches. `similarity` is in 0…1: how much of the query is in the texts of the track."""

    track: Track
    match: MatchKind
    similarity: float


def search_tracks(session: Session, words: str, page_request: PageRequest) -> Page[SearchHit]:
    """A page of hits, the best first. Its cursor is the number of hits before it. Missing tracks are left out."""
    query = normalise(words)
    if not query:
        return Page((), None)
    exact = _find_exact(session, words, query)
    similar = _find_similar(session, query) if len(exact) < SIMILAR_BELOW and _is_long(words, query) else []
    start = page_request.cursor or 0
    ranked = _ranked(query, exact, similar).offset(start).limit(page_request.limit + 1)
    found = session.execute(ranked).all()
    hits = [
        SearchHit(track, MATCH_KINDS[rank], round(similarity, 3))
        for track, rank, similarity in found[: page_request.limit]
    ]
    return Page(hits, start + page_request.limit if len(found) > page_request.limit else None)


def _is_long(words: str, query: str) -> bool:
    """Whether a query is long enough for a similarity search. A kanji counts as several letters."""
    return len(query) >= 8 or sum(map(str.isalnum, words)) >= 4


def _find_exact(session: Session, words: str, query: str) -> list[int]:
    """Ids of titles that begin with the query and of tracks that contain every word, at most MAX_RANKED of each."""
    beginning = _present().where(_title_begins(query)).order_by(Track.title_text, Track.id).limit(MAX_RANKED)
    parts = and_(*(Track.search_text.like(like_pattern(word)) for word in words.split() if normalise(word)))
    first = _present().where(parts).limit(MAX_RANKED)
    return list(dict.fromkeys((*session.scalars(beginning), *session.scalars(first))))


def _find_similar(session: Session, query: str) -> list[int]:
    """Ids of tracks with a run of words similar to the query, the most similar first."""
    threshold = func.set_config("pg_trgm.word_similarity_threshold", str(MIN_SIMILARITY), True)
    session.execute(select(threshold))
    near = literal(query).op("<%")(Track.search_text)
    nearest = func.word_similarity(query, Track.search_text).desc()
    return list(session.scalars(_present().where(near).order_by(nearest, Track.id).limit(MAX_RANKED)))


def _ranked(query: str, exact: Sequence[int], similar: Sequence[int]) -> Select[Track, int, float]:
    rank = case(
        (Track.title_text == query, 0),
        (_title_begins(query), 1),
        (Track.id == any_(literal(list(exact), ARRAY(BigInteger))), 2),
        else_=3,
    )
    similarity = func.word_similarity(query, Track.search_text, type_=Double)
    chosen = Track.id == any_(literal([*exact, *similar], ARRAY(BigInteger)))
    return select(Track, rank, similarity).where(chosen).order_by(rank, similarity.desc(), Track.title, Track.id)


def _present() -> Select[int]:
    return select(Track.id).where(Track.missing_since.is_(None))


def _title_begins(query: str) -> ColumnElement[bool]:
    return Track.title_text.startswith(query, autoescape=True)
