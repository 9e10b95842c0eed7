"""Names of folders and files that every file system accepts and that Jellyfin reads as they are meant."""

from __future__ import annotations

import re
import unicodedata

from tower.errors.foreign import make_printable

MAX_BYTES = 120  # of UTF-8; file systems allow 255, and the number, a language and a temporary ending follow
FORBIDDEN = re.compile(r'[<>:"/\\|?*.]')  # a point too: "a.sample.b" is ignored, and words after it are read as flags
EPISODE_NUMBER = re.compile(r"\bs\d+[ _-]*e\d+|\b\d+x\d+\b", re.IGNORECASE)
PART_NUMBER = re.compile(r"\b(part|pt|cd|dvd|disc|disk)[ _-]*\d+$", re.IGNORECASE)
# Folders of these names are extras, are ignored, or are refused by Windows.
RESERVED = frozenset(
    {"trailers", "backdrops", "theme-music", "behind the scenes", "deleted scenes", "interviews", "scenes", "samples"}
    | {"shorts", "featurettes", "extras", "extra", "other", "clips", "metadata", "subs", "sample", "extrafanart"}
    | {"extrathumbs", "lost+found", "minta", "con", "prn", "aux", "nul", "@eadir", "#recycle", "$recycle bin"}
)


def safe_name(text: str) -> str:
    """The text as a name without characters and words that have a meaning; "Series" if nothing is left."""
    name = unicodedata.normalize("NFC", make_printable(text))
    name = EPISODE_NUMBER.sub(" ", FORBIDDEN.sub(" ", name))
    name = " ".join(PART_NUMBER.sub(" ", name.strip()).split())
    name = name.encode("utf-8", "ignore")[:MAX_BYTES].decode("utf-8", "ignore").strip(" .-_")
    return f"{name} series" if name.casefold() in RESERVED else name or "Series"


def folder_name(series: str, year: int | None, copy: int = 1) -> str:
    """The name of a series' folder. Another series of the same name has another `copy`."""
    name = safe_name(series) + (f" ({year})" if year else "")
    return name if copy == 1 else f"{name} ({copy})"
