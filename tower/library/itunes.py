"""Reads the Library.xml that Apple Music and iTunes export, with values that its format does not allow.

plistlib refuses a whole library for one bad date, number or character. Here it gets every single value as text, without
forbidden characters; an entry interprets its own values and names the unusable ones.
"""

from __future__ import annotations

import codecs
import io
import plistlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any
from xml.parsers.expat import ExpatError

from tower.library.columns import MAX_BPM, MIN_BPM
from tower.library.locations import UnusableEntryError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CHUNK_BYTES = 1 << 20
MAX_SPLIT_CHARACTERS = 32  # the longest tag or reference that the end of a chunk must not split
DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
DECLARED_ENCODING = re.compile(rb"""<\?xml[^>]*encoding=["']([A-Za-z0-9._-]+)["']""")
SINGLE_VALUES = re.compile(r"<(/?)(?:date|integer|real|data)\s*(/?)>")
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&#0*(?:[0-8]|1[124-9]|2[0-9]|3[01]);|&#[xX]0*(?:[0-8bBcCeEfF]|1[0-9a-fA-F]);"
)
REPLACEMENT = "�"
BUILT_IN_MARKS = ("Master", "Distinguished Kind", "Folder")  # of playlists that the user did not make
DATES = re.compile(r"Date\b")
NUMBERS = frozenset({"BPM", "Total Time", "Year", "Size", "Track Number", "Disc Number", "Bit Rate", "Sample Rate"})


@dataclass(frozen=True)
class LibraryTrack:
    """A track of a library. `number` is valid in its file only, `persistent_id` always."""

    values: Mapping[str, Any]

    def text(self, name: str) -> str:
        value = self.values.get(name)
        return value.strip() if isinstance(value, str) else ""

    @property
    def number(self) -> str:
        return self.text("Track ID")

    @property
    def label(self) -> str:
        return " – ".join(filter(None, (self.text("Artist"), self.text("Name")))) or "a track without a name"

    @property
    def bpm(self) -> float | None:
        bpm = _number(self.text("BPM"))
        return bpm if bpm is not None and MIN_BPM <= bpm <= MAX_BPM else None

    def location(self) -> str:
        """Its file URL. Raises UnusableEntryError for a track that has no file of its own."""
        if self.values.get("Protected"):
            raise UnusableEntryError("it is protected (FairPlay) and cannot be played here")
        location = self.text("Location")
        if not location:
            raise UnusableEntryError("it is only in the cloud (a purchase or Apple Music) and has no local file")
        if self.text("Track Type") == "URL" or re.match(r"(?!file:)[a-z][a-z0-9+.-]+://", location, re.IGNORECASE):
            raise UnusableEntryError("it is a stream, not a file")
        return location

    def unusable_values(self) -> Iterator[str]:
        """A sentence for each value that is not what its name says."""
        for name, value in self.values.items():
            if not isinstance(value, str):
                continue
            if REPLACEMENT in value:
                yield f"its {name} holds characters that cannot be read"
            elif DATES.search(name) and not _is_date(value):
                yield f"its {name} is not a date: {value[:50]}"
            elif name in NUMBERS and _number(value) is None:
                yield f"its {name} is not a number: {value[:50]}"
            elif name == "BPM" and self.bpm is None and _number(value) != 0:
                yield f"its BPM is not a tempo from {MIN_BPM:.0f} to {MAX_BPM:.0f}: {value[:50]}"


@dataclass(frozen=True)
class LibraryPlaylist:
    """A playlist of a library: the numbers of its tracks in order. `persistent_id` is empty if it has none."""

    name: str
    persistent_id: str
    numbers: list[str]


@dataclass(frozen=True)
class Library:
    """The content of a Library.xml. `persistent_id` is empty if it has none."""

    persistent_id: str
    tracks: list[LibraryTrack]
    playlists: list[LibraryPlaylist]


def read_library(file: IO[bytes], *, chunk_bytes: int = CHUNK_BYTES) -> Library:
    """Raises UnusableEntryError with what would be right."""
    try:
        content = plistlib.load(io.BufferedReader(_ReadableXml(file, chunk_bytes)), fmt=plistlib.FMT_XML)
    except ExpatError as error:
        raise UnusableEntryError(f"a complete Library.xml; its XML breaks in line {error.lineno}") from error
    except (plistlib.InvalidFileException, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UnusableEntryError("an exported library that can be read") from error
    if not isinstance(content, dict) or not isinstance(content.get("Tracks"), dict):
        raise UnusableEntryError("an exported library with a Tracks dictionary")
    playlists = content.get("Playlists")
    return Library(
        str(content.get("Library Persistent ID") or ""),
        [LibraryTrack(values) for values in content["Tracks"].values() if isinstance(values, dict)],
        [_playlist(values) for values in playlists if _is_users(values)] if isinstance(playlists, list) else [],
    )


class _ReadableXml(io.RawIOBase):
    """A Library.xml as UTF-8, without values that plistlib refuses."""

    def __init__(self, file: IO[bytes], chunk_bytes: int) -> None:
        super().__init__()
        self._file, self._chunk_bytes = file, chunk_bytes
        head = file.read(1024)
        file.seek(0)
        self._decoder = codecs.getincrementaldecoder(_encoding_of(head))("replace")
        self._rest = ""  # the end of the last chunk, which may split a tag
        self._ready = io.BytesIO()
        self._is_first = self._is_more = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        while not (size := self._ready.readinto(buffer)) and self._is_more:
            self._ready = io.BytesIO(self._cleaned(self._next_text()))
        return size

    def _next_text(self) -> str:
        content = self._file.read(self._chunk_bytes)
        self._is_more = bool(content)
        text = self._rest + self._decoder.decode(content, final=not content)
        cut = max(text.rfind("<", -MAX_SPLIT_CHARACTERS), text.rfind("&", -MAX_SPLIT_CHARACTERS)) if content else -1
        text, self._rest = (text[:cut], text[cut:]) if cut >= 0 else (text, "")
        return text

    def _cleaned(self, text: str) -> bytes:
        if self._is_first:
            text, self._is_first = DECLARATION.sub("", text.removeprefix("\ufeff")), False
        return FORBIDDEN.sub(REPLACEMENT, SINGLE_VALUES.sub(r"<\1string\2>", text)).encode("utf-8", "replace")


def _encoding_of(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    declared = DECLARED_ENCODING.search(head)
    try:
        name = codecs.lookup(declared[1].decode()).name if declared else "utf-8"
        "".encode(name)  # a LookupError for a codec that is not of text
    except LookupError:
        return "utf-8"
    return name


def _playlist(values: Mapping[str, Any]) -> LibraryPlaylist:
    items = values.get("Playlist Items")
    numbers = [str(item.get("Track ID", "")).strip() for item in items or [] if isinstance(item, dict)]
    return LibraryPlaylist(
        str(values.get("Name") or "Playlist"), str(values.get("Playlist Persistent ID") or "").strip(), numbers
    )


def _is_users(values: object) -> bool:
    return isinstance(values, dict) and not any(values.get(mark) for mark in BUILT_IN_MARKS)


def _number(text: str) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _is_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text.strip())
    except ValueError:
        return False
    return True
