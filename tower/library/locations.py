"""Finds the file that a list of another program names: an entry of an m3u, or a location in a Library.xml.

A text can be a path of this or another machine, a file URL, percent-encoded, with backslashes, in another Unicode form
or another case. Its readings are tried in turn, the literal one first. Names are compared in a normal form, and the
name that exists is opened.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from sqlalchemy.orm import Session

from db.models.library import Track
from tower.errors import InvalidError
from tower.library.roots import split_library_path
from tower.library.tracks import find_at
from tower.media.roots import EXPECTED_BY_ERRNO, resolve_media_path

MAX_FOLDERS = 100  # of a path whose spelling is compared
# Of texts that are not UTF-8. The first under which a file exists is right; latin-1 reads any bytes.
LEGACY_ENCODINGS = ("cp932", "cp1252", "euc_jp", "gb18030", "cp949", "big5hkscs", "cp1251", "latin-1")
FILE_URL = re.compile(r"file:(?://([^/\\]*))?(.*)", re.IGNORECASE | re.DOTALL)
OTHER_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
DRIVE = re.compile(r"/?([A-Za-z])[:|](?=/|$)")
FolderMappings = Sequence[tuple[str, Path]]


class UnusableEntryError(Exception):
    """An entry of a list cannot be used; the message is the reason."""


class MissingFileError(UnusableEntryError):
    """The file that an entry names was not found, or cannot be read."""


class FileFinder:
    """Finds files under the roots. It remembers the folders that it has listed, so use one for each list.

    `folder_mappings` maps folders of another machine to folders here, as (old, new).
    """

    def __init__(self, roots: Sequence[Path], folder_mappings: FolderMappings = ()) -> None:
        self._roots = roots
        self._mappings = [(_parts(_readings(old)[-1]), new) for old, new in folder_mappings]
        self._mappings.sort(key=lambda mapping: len(mapping[0]), reverse=True)
        self._listings: dict[str, dict[str, list[str]]] = {}

    def find(self, texts: Sequence[str], *, folder: Path | None = None) -> Path:
        """The file that one of these decodings of a text names. A relative path starts at `folder`.

        Raises MissingFileError, and UnusableEntryError for a URL.
        """
        expected = ""
        for path in self.paths(texts, folder=folder):
            for spelling in self._spellings(path):
                try:
                    return resolve_media_path(spelling, roots=self._roots)
                except InvalidError as error:
                    expected = expected or str((error.details or {}).get("expected"))
        if all(OTHER_URL.match(text) and not FILE_URL.match(text) for text in texts):
            raise UnusableEntryError("it is a URL, not a file")
        raise MissingFileError(_describe_missing(texts[0], expected))

    def find_known(self, session: Session, texts: Sequence[str], *, folder: Path | None = None) -> Track | None:
        """The track whose file the texts name, although the file is not there now."""
        for path in self.paths(texts, folder=folder):
            for form in dict.fromkeys((path, _composed(path), unicodedata.normalize("NFD", path))):
                with suppress(InvalidError, UnicodeEncodeError):
                    if track := find_at(session, split_library_path(Path(form), self._roots)):
                        return track
        return None

    def paths(self, texts: Sequence[str], *, folder: Path | None) -> list[str]:
        """The paths on this machine that the texts can mean, the likeliest first."""
        readings = dict.fromkeys(reading for text in texts for reading in _readings(text) if "\0" not in reading)
        mapped = [path for reading in readings for path in self._mapped(reading)]
        here = [os.path.join(folder or "/", reading) for reading in readings]  # noqa: PTH118 - an absolute one stays
        return list(dict.fromkeys(os.path.normpath(path) for path in (*mapped, *here)))

    def _mapped(self, path: str) -> Iterator[str]:
        parts = _parts(path)
        for old, new in self._mappings:
            if len(parts) > len(old) and _keys(parts[: len(old)]) == _keys(old):
                yield os.path.join(new, *parts[len(old) :])  # noqa: PTH118

    def _spellings(self, path: str) -> Iterator[str]:
        """The path, and those that exist and differ from it in the form of their letters only."""
        yield path
        try:
            parts = _parts(os.path.realpath(path))
        except (OSError, ValueError):  # a loop of links; a lone surrogate
            return
        for root in self._roots:
            above = _parts(str(root))
            if len(above) < len(parts) <= MAX_FOLDERS and _keys(parts[: len(above)]) == _keys(above):
                yield from self._existing(str(root), parts[len(above) :])

    def _existing(self, folder: str, names: Sequence[str]) -> Iterator[str]:
        if not names:
            yield folder
            return
        same = self._list(folder).get(_key(names[0]), [])
        for name in sorted(same, key=lambda name: (name != names[0], _composed(name) != _composed(names[0]), name)):
            yield from self._existing(f"{folder}/{name}", names[1:])

    def _list(self, folder: str) -> dict[str, list[str]]:
        """The names in a folder by their key; none if it cannot be read."""
        if folder not in self._listings:
            listing = self._listings[folder] = {}
            with suppress(OSError):
                for name in os.listdir(folder):  # noqa: PTH208 - 100,000 names
                    listing.setdefault(_key(name), []).append(name)
        return self._listings[folder]


def decode_text(content: bytes) -> tuple[str, ...]:
    """The texts that these bytes can be: UTF-8, or else one for each encoding that can read them."""
    try:
        return (content.decode(),)
    except UnicodeDecodeError:
        return tuple(dict.fromkeys(_decodings(content)))


def _decodings(content: bytes) -> Iterator[str]:
    for encoding in LEGACY_ENCODINGS:
        with suppress(UnicodeDecodeError):
            yield content.decode(encoding)


def _readings(text: str) -> list[str]:
    """The paths that a text can mean: as it is, without spaces around it, decoded; each with other slashes too."""
    url = FILE_URL.match(text.strip())
    plain = _path_of_url(url[1] or "", url[2]) if url else text
    forms = (plain, plain.strip(), *_unquoted(plain.strip()))
    slashed = (path for form in forms for path in (form, form.replace("\\", "/")))
    return list(dict.fromkeys(DRIVE.sub(r"\1:", path, count=1) if DRIVE.match(path) else path for path in slashed))


def _path_of_url(host: str, path: str) -> str:
    """The path in file:///…, file://localhost/…, file:/…, file://C:/… and file://server/share/…."""
    if host.lower() in ("", "localhost", "127.0.0.1"):
        return path
    return f"{host}{path}" if DRIVE.match(host) else f"//{host}{path}"


def _unquoted(text: str) -> Iterator[str]:
    """The text without percent encoding, of UTF-8 or else of each encoding that can read it."""
    if "%" not in text:
        return
    for encoding in ("utf-8", *LEGACY_ENCODINGS):
        with suppress(UnicodeDecodeError):
            yield unquote(text, encoding=encoding, errors="strict")
            if encoding == "utf-8":
                return


def _describe_missing(text: str, expected: str) -> str:
    if expected == EXPECTED_BY_ERRNO[2]:  # ENOENT; only inside the folders
        return f"{text} is not in the library: there is no such file"
    return f"{text} is not in the library: expected {expected or 'a path'}; TOWER_MUSIC_MOVED maps other folders"


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _keys(names: Sequence[str]) -> list[str]:
    return [_key(name) for name in names]


def _key(name: str) -> str:
    """What equal names have in common: composed letters in lower case. Compatibility ideographs become common ones."""
    return _composed(_composed(name).lower())


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)
