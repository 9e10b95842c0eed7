"""How the API answers each kind of versioned entity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel
from sqlalchemy.orm import Session

from tower.story.entities import Entity, LocatedRow, PastEntity

Answer = TypeVar("Answer", bound=BaseModel)
EditedAnswer = TypeVar("EditedAnswer", bound=BaseModel)
ToAnswers = Callable[[Session, Sequence[LocatedRow[Entity]]], list[Answer]]  # entities of one branch
AnyToAnswers = Callable[[Session, Sequence[LocatedRow[Entity]] | Sequence[PastEntity]], list[Answer]]


@dataclass(frozen=True)
class EntityResource(Generic[Entity, Answer, EditedAnswer]):
    """A kind of entity and its answers.

    to_answers: for reads, of entities that are all of one branch.
    answer_as: for edits; the fields of an answer, and optionally `stale_scenes`.
    path: of the list; `{project_id}` in it is replaced.
    """

    kind: type[Entity]
    to_answers: ToAnswers[Entity, Answer]
    answer_as: type[EditedAnswer]
    path: str


@dataclass(frozen=True)
class VersionedResource(EntityResource[Entity, Answer, EditedAnswer]):
    """A resource whose past states are answered too. `to_answers` also takes entities of one past state."""

    to_answers: AnyToAnswers[Entity, Answer]
