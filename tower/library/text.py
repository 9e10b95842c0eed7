"""Texts as they are searched: case, width, accents and kind of kana do not count, and all is ASCII.

The trigrams of PostgreSQL know only letters of the locale of its libc, which is "C" for a database that works
everywhere, and letters are ASCII there. So a kana is written as two capitals, the first of A–F, and any other letter as
five, the first of G–J; the capitals after the first are of K–Z. Texts are folded to lower case before, so capitals mean
nothing else, no code lies inside another, and LIKE finds a part of a title that is written without spaces.
"""

from __future__ import annotations

import unicodedata

VOICED = "\u3099\u309a"  # が is か and a mark, and another letter
KATAKANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
FIRST_KANA, LAST_KANA, LONG = 0x3041, 0x3096, "ー"
SHORTEST = 3  # letters that have a trigram of their own


def plain(text: str) -> str:
    """Words with one space between them. What has no letter or digit at all stays as it is, folded."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    bare = "".join(
        character
        for character in unicodedata.normalize("NFD", folded)
        if character in VOICED or not unicodedata.combining(character)
    )
    unified = unicodedata.normalize("NFC", bare).translate(KATAKANA)
    return _written(unified) or " ".join(folded.split())


def searched(*texts: str | None) -> str:
    """All of them as one text that begins and ends with a space."""
    return f" {' '.join(filter(None, (plain(text) for text in texts if text)))} "


def pattern(word: str) -> str:
    """What LIKE finds this word of a query by in a `searched` text: anywhere, a very short one where a word begins."""
    found = plain(word)
    escaped = found.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"% {escaped}%" if len(found) < SHORTEST and found.islower() else f"%{escaped}%"


def _written(text: str) -> str:
    """A space where the script changes, so that each is a word of its own."""
    out: list[str] = []
    before = None
    for character in text:
        code = _code(character)
        if before is not None and (before == 1) != (len(code) == 1):
            out.append(" ")
        out.append(code)
        before = len(code)
    return " ".join("".join(out).split())


def _code(character: str) -> str:
    if character.isascii():
        return character if character.isalnum() else " "
    if not character.isalnum():
        return " "
    point = ord(character)
    if FIRST_KANA <= point <= LAST_KANA or character == LONG:
        number = LAST_KANA + 1 - FIRST_KANA if character == LONG else point - FIRST_KANA
        return "ABCDEF"[number >> 4] + _capital(number)
    return "GHIJ"[point >> 16] + "".join(_capital(point >> shift) for shift in (0, 4, 8, 12))


def _capital(number: int) -> str:
    """K–Z for its lowest four bits."""
    return chr(ord("K") + (number & 15))
