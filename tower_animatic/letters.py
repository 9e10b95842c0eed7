"""Which characters of a caption the engine can draw: its letters stand side by side from left to right."""

from __future__ import annotations

import unicodedata

_DRAWN = (
    "LATIN",
    "GREEK",
    "CYRILLIC",
    "CJK",
    "HIRAGANA",
    "KATAKANA",
    "KATAKANA-HIRAGANA",
    "HALFWIDTH",
    "FULLWIDTH",
    "HANGUL",
    "IDEOGRAPHIC",
    "BOPOMOFO",
)
"""The scripts of the font, by the first word of a character's Unicode name."""
_SIGNS = frozenset("★☆→←↑↓♪°©®™€£¥§¶†‡•…–—‐‘’‚“”„‹›«»×÷±·¡¿№「」『』【】《》〈〉、。〜～・ー々〇")


def drawable_text(text: str) -> str:
    """The text without the characters that cannot be drawn correctly."""
    kept = "".join(letter for letter in unicodedata.normalize("NFC", text) if is_drawable(letter))
    return " ".join(kept.split())


def undrawable_scripts(text: str) -> list[str]:
    """The names of the scripts that `drawable_text` leaves out: "Arabic", "Thai", "symbols and emoji"."""
    lost = [letter for letter in unicodedata.normalize("NFC", text) if not is_drawable(letter)]
    return sorted({name for name in map(_script, lost) if name})


def is_drawable(letter: str) -> bool:
    if letter.isascii():
        return letter.isprintable() or letter.isspace()
    return letter in _SIGNS or letter.isspace() or _first_word(letter) in _DRAWN


def _script(letter: str) -> str:
    """The script of a character; empty for joiners and other marks without one."""
    category = unicodedata.category(letter)
    if category.startswith("L"):
        return _first_word(letter).capitalize()
    return "symbols and emoji" if category.startswith("S") else ""


def _first_word(letter: str) -> str:
    return unicodedata.name(letter, "").split(" ")[0]
