"""Names that people give to things: which are accepted, and which two spellings are one name.

A name is kept as it was written, in the normal form NFC. Two names are the same if they differ only in case, normal
form or invisible characters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Generic, TypeVar

from pydantic import BeforeValidator

Thing = TypeVar("Thing")

_VARIATION_SELECTORS = (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
_EMOJI_TAGS = (range(0xE0020, 0xE0080),)  # the flag of Scotland is a black flag with tags
_JOINERS = "\u200c\u200d"  # emoji, Persian and Indic scripts need them
_INVISIBLE = (  # Default_Ignorable_Code_Point of Unicode, the marks of annotations and the blank Braille pattern
    *(range(0xAD, 0xAE), range(0x34F, 0x350), range(0x61C, 0x61D), range(0x115F, 0x1161), range(0x17B4, 0x17B6)),
    *(range(0x180B, 0x1810), range(0x200B, 0x2010), range(0x202A, 0x202F), range(0x2060, 0x2070)),
    *(range(0x2800, 0x2801), range(0x3164, 0x3165), range(0xFE00, 0xFE10), range(0xFEFF, 0xFF00)),
    *(range(0xFFA0, 0xFFA1), range(0xFFF0, 0xFFFC), range(0x1BCA0, 0x1BCA4), range(0x1D173, 0x1D17B)),
    range(0xE0000, 0xE1000),
)
_VIRAMA = 9  # the combining class of the signs after which a joiner changes the letter before it


def clean_name(text: str) -> str:
    """The name in NFC, without spaces and invisible characters at its ends.

    Raises ValueError, whose message completes "expected …", if nothing visible is left or if an invisible character
    is inside. Joiners, variation selectors and emoji tags may be inside, as some scripts and emoji need them.
    """
    name = unicodedata.normalize("NFC", _strip(text))
    if not name:
        raise ValueError("at least one visible character")
    hidden = next((letter for letter in name if _is_hidden(letter) and not _is_joining(letter)), None)
    if hidden is not None:
        raise ValueError(f"no control character or invisible character inside: it has U+{ord(hidden):04X}")
    return name


def repair_name(text: str) -> str:
    """The name without the characters for which `clean_name` refuses it; "" if nothing visible is left."""
    spaced = (" " if _is_hidden(letter) and letter.isspace() else letter for letter in text)
    visible = "".join(letter for letter in spaced if not _is_hidden(letter) or _is_joining(letter))
    return unicodedata.normalize("NFC", _strip(visible))


def name_key(name: str) -> str:
    """What all spellings of one name have in common."""
    if name.isascii() and name.isprintable():
        return name.strip().lower()
    visible = "".join(letter for letter in name if not _is_hidden(letter)).strip()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", visible).casefold())


class NameIndex(Generic[Thing]):
    """Finds things by name. Of several with one name, the one with the same spelling is found, or else the first."""

    def __init__(self, named: Iterable[tuple[str, Thing]]) -> None:
        self._by_spelling: dict[str, Thing] = {}
        self._by_key: dict[str, Thing] = {}
        for name, thing in named:
            self._by_spelling.setdefault(name, thing)
            self._by_key.setdefault(name_key(name), thing)

    def find(self, name: str) -> Thing | None:
        found = self._by_spelling.get(name)
        return self._by_key.get(name_key(name)) if found is None else found


class PersonIndex(NameIndex[Thing]):
    """Finds people by full name, or else by first name."""

    def __init__(self, named: Iterable[tuple[str, Thing]]) -> None:
        people = list(named)
        super().__init__(people)
        self._first_names = NameIndex((first_name(name), thing) for name, thing in people)

    def find(self, name: str) -> Thing | None:
        found = super().find(name)
        return self._first_names.find(name) if found is None else found


def first_name(name: str) -> str:
    """The part of a name before its first space."""
    return name.partition(" ")[0]


def _clean_value(value: object) -> object:
    return clean_name(value) if isinstance(value, str) and value else value


NameValidator = BeforeValidator(_clean_value)  # an empty text is left to the limits of its length


def _strip(text: str) -> str:
    """The text from its first to its last visible character, with what belongs to the last one."""
    visible = [at for at, letter in enumerate(text) if not (letter.isspace() or _is_hidden(letter))]
    if not visible:
        return ""
    first, last = visible[0], visible[-1]
    end = last + 1
    while end < len(text) and (
        _is_selector(text[end]) or (text[end] in _JOINERS and unicodedata.combining(text[end - 1]) == _VIRAMA)
    ):
        end += 1
    return text[first:end]


def _is_hidden(letter: str) -> bool:
    """Whether the character is a control or has no shape of its own. A plain space is none of these."""
    point = ord(letter)
    if point < 0x80:
        return not letter.isprintable()
    is_noncharacter = point & 0xFFFE == 0xFFFE or 0xFDD0 <= point < 0xFDF0
    return (
        is_noncharacter
        or unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")
        or any(point in points for points in _INVISIBLE)
    )


def _is_joining(letter: str) -> bool:
    return letter in _JOINERS or _is_selector(letter)


def _is_selector(letter: str) -> bool:
    return any(ord(letter) in points for points in (*_VARIATION_SELECTORS, *_EMOJI_TAGS))
