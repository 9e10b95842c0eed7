"""Normalises texts for search: case, width, accents and the kind of kana are ignored, and the result is ASCII.

The trigrams of PostgreSQL know only the letters of its libc locale. A portable database uses the locale "C", where only
ASCII letters count. So a kana becomes two capitals, the first in A–F, and any other letter becomes five, the first in
G–J; the following capitals are in K–Z. The text is lower case before, so capitals have no other meaning and no code is
part of another. LIKE can therefore find a part of a title that is written without spaces.
"""

from __future__ import annotations

import unicodedata

VOICING_MARKS = "\u3099\u309a"  # the marks of が and ぱ, which are letters of their own and not accented か and は
KATAKANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
FIRST_KANA, LAST_KANA, LONG_VOWEL = 0x3041, 0x3096, "ー"
MIN_TRIGRAM_LETTERS = 3  # letters; shorter words have no trigram of their own


def normalise(text: str) -> str:
    """The normalised words, separated by single spaces. A text without letters and digits is only folded."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    bare = "".join(
        character
        for character in unicodedata.normalize("NFD", folded)
        if character in VOICING_MARKS or not unicodedata.combining(character)
    )
    unified = unicodedata.normalize("NFC", bare).translate(KATAKANA)
    return _encode(unified) or " ".join(folded.split())


def searchable_text(*texts: str | None) -> str:
    """All normalised texts as one, which begins and ends with a space."""
    return f" {' '.join(filter(None, (normalise(text) for text in texts if text)))} "


def like_pattern(word: str) -> str:
    """The LIKE pattern that finds a word in a text of `searchable_text`.

    It matches anywhere; a word shorter than MIN_TRIGRAM_LETTERS only matches the start of a word.
    """
    folded = normalise(word)
    escaped = folded.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"% {escaped}%" if len(folded) < MIN_TRIGRAM_LETTERS and folded.islower() else f"%{escaped}%"


def _encode(text: str) -> str:
    """The text in ASCII, with a space wherever the script changes, so that each part is a word."""
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
    if FIRST_KANA <= point <= LAST_KANA or character == LONG_VOWEL:
        number = LAST_KANA + 1 - FIRST_KANA if character == LONG_VOWEL else point - FIRST_KANA
        return "ABCDEF"[number >> 4] + _capital(number)
    return "GHIJ"[point >> 16] + "".join(_capital(point >> shift) for shift in (0, 4, 8, 12))


def _capital(number: int) -> str:
    """The letter K–Z for the lowest four bits."""
    return chr(ord("K") + (number & 15))
