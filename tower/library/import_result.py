"""What an import has taken in, what not, and what differs from its source."""

from __future__ import annotations

from dataclasses import dataclass, field

from tower.library.columns import storable_text
from tower.library.tags import MAX_TEXT_LENGTH

MAX_LISTED = 100  # skipped entries, and differences, that the answer lists


@dataclass(frozen=True)
class ImportRemark:
    """What was skipped or is different, and why or how."""

    name: str
    reason: str


@dataclass
class ImportResult:
    """The result of an import. `skipped` and `differences` list at most MAX_LISTED; the counts count all."""

    source: str
    tracks_known: int = 0
    playlists: int = 0
    skipped: list[ImportRemark] = field(default_factory=list)
    skipped_count: int = 0
    differences: list[ImportRemark] = field(default_factory=list)
    differences_count: int = 0

    def skip(self, name: str, reason: str) -> None:
        self.skipped_count += 1
        if len(self.skipped) < MAX_LISTED:
            self.skipped.append(ImportRemark(printable(name), printable(reason)))

    def note(self, name: str, difference: str) -> None:
        self.differences_count += 1
        if len(self.differences) < MAX_LISTED:
            self.differences.append(ImportRemark(printable(name), printable(difference)))


def printable(text: str) -> str:
    """The text with unprintable characters replaced, at most MAX_TEXT_LENGTH characters long."""
    plain = "".join(character if character.isprintable() else "�" for character in text)
    return storable_text(plain)[:MAX_TEXT_LENGTH]
