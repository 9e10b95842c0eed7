"""Finds the words of tables in a prompt: the longest ones, each part of the prompt once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_DENIED_BEFORE = re.compile(r"\b(?:no|not|without|never)\s+(?:an?\s+|the\s+|any\s+)?$")
_DENIED_AFTER = re.compile(r"(?:の|が|は|も)?(?:ない|なし|いない)")


@dataclass(frozen=True)
class Phrase:
    text: str
    """As in the table, with "_" for a space."""
    is_plural: bool


class Vocabulary:
    """All words of some tables. Longer ones hide those inside them: 東京都 is no 京都, and a bay window no bay."""

    def __init__(self, tables: Iterable[str]) -> None:
        words = sorted({word for table in tables for word in table.split()}, key=lambda word: (-len(word), word))
        english = "|".join(re.escape(word).replace("_", r"[\s-]+") for word in words if is_english(word))
        other = "|".join(re.escape(word) for word in words if not is_english(word))
        self._pattern = re.compile(rf"(?<![a-zé])(?P<word>{english})(?P<plural>e?s)?(?![a-zé])|(?P<other>{other})")

    def find_phrases(self, prompt: str) -> list[Phrase]:
        """The phrases of a prompt in order, without those that it denies ("no rain", 雨のない)."""
        text = prompt.lower().replace("’", "'")
        return [
            self._phrase(match)
            for match in self._pattern.finditer(text)
            if not _DENIED_BEFORE.search(text, max(0, match.start() - 16), match.start())
            and not _DENIED_AFTER.match(text, match.end())
        ]

    def _phrase(self, match: re.Match[str]) -> Phrase:
        word = re.sub(r"[\s-]+", "_", match["word"] or match["other"])
        return Phrase(word, is_plural=bool(match["plural"]))


def is_english(word: str) -> bool:
    return word.replace("é", "e").isascii()


def names_any(words: str, phrases: Iterable[Phrase]) -> bool:
    """Whether one of the phrases is in a table's words."""
    listed = set(words.split())
    return any(phrase.text in listed for phrase in phrases)
