"""Reads the people, creatures and actions of a prompt from its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tower_animatic.beings import (
    ANYONE_WORDS,
    CREATURE_WORDS,
    FIGHT_WORDS,
    NUMBER_WORDS,
    OUTFIT_WORDS,
    PAIR_WORDS,
    PEOPLE_IN_A_COAT,
    PERSON_WORDS,
    PRONOUNS,
    UNDRAWN_WORDS,
    WALKING_WORDS,
)
from tower_animatic.phrases import Phrase, names_any

_PAIR = ("girl", "boy")


@dataclass(frozen=True)
class Beings:
    people: tuple[str, ...] = ()
    """The kind of each person ("detective")."""
    creatures: tuple[str, ...] = ()
    """The kind of each animal or machine ("fox")."""
    are_walking: bool = False
    are_close: bool = False
    """Whether they stand side by side, as lovers do."""
    undrawn: tuple[str, ...] = ()
    """What the words name and the engine does not draw."""


def read_beings(phrases: Sequence[Phrase]) -> Beings:
    people, creatures = _people(phrases), _creatures(phrases)
    if names_any(FIGHT_WORDS, phrases) and len(people) + len(creatures) == 1:
        people, creatures = people * 2, creatures * 2
    return Beings(
        people=people,
        creatures=creatures,
        are_walking=names_any(WALKING_WORDS, phrases),
        are_close=names_any(PAIR_WORDS, phrases),
        undrawn=(
            *(f"the looks of a {name}" for name, words in PEOPLE_IN_A_COAT.items() if names_any(words, phrases)),
            *(name for name, words in UNDRAWN_WORDS.items() if names_any(words, phrases)),
        ),
    )


def _people(phrases: Sequence[Phrase]) -> tuple[str, ...]:
    if names_any(PAIR_WORDS, phrases):
        return _PAIR
    sexes = [kind for kind, words in PERSON_WORDS.items() if names_any(words, phrases)]
    outfits = [kind for kind, words in OUTFIT_WORDS.items() if names_any(words, phrases)]
    if len(sexes) == 2:
        return (sexes[0], *(outfits[:1] or sexes[1:]))
    pronouns = [kind for kind, words in PRONOUNS.items() if names_any(words, phrases)]
    anyone = " ".join([ANYONE_WORDS, *PEOPLE_IN_A_COAT.values()])
    kinds = outfits or sexes or pronouns or (["figure"] if names_any(anyone, phrases) else [])
    if not kinds:
        return ()
    every = " ".join([anyone, *OUTFIT_WORDS.values(), *PERSON_WORDS.values()])
    return (kinds[0],) * _number(every, phrases)


def _creatures(phrases: Sequence[Phrase]) -> tuple[str, ...]:
    return tuple(
        kind
        for kind, words in CREATURE_WORDS.items()
        if names_any(words, phrases)
        for _ in range(_number(words, phrases))
    )


def _number(words: str, phrases: Sequence[Phrase]) -> int:
    """How many of these the phrases name: the number before the first one, two for a plural, or else one."""
    listed = set(words.split())
    at = next((place for place, phrase in enumerate(phrases) if phrase.text in listed), None)
    if at is None:
        return 1
    before = phrases[max(0, at - 1)].text
    said = [number for number, names in NUMBER_WORDS.items() if before in names.split()]
    return said[0] if said else 1 + phrases[at].is_plural
