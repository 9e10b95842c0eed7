"""NFO files: the texts that Jellyfin and Kodi show for a series, a season and an episode.

Jellyfin passes over broken XML in silence, and over a whole file with an empty plot, so every NFO is read back. No NFO
locks its item, which would then keep its first title for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from tower.errors import TowerError
from tower.publishing.film import Film, Series

NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
ID_TYPE = "tower"


class NfoError(TowerError):
    """An NFO does not read back as it was written."""


def series_nfo(series: Series) -> bytes:
    root = Element("tvshow")
    _add(root, "title", series.name)
    _add(root, "plot", series.plot.strip() or series.name)
    _add(root, "year", str(series.year) if series.year else "")
    _add_all(root, "genre", _split_genres(series.genres))
    _add_id(root, series.key)
    return _write(root)


def season_nfo(film: Film) -> bytes:
    name = "Specials" if film.season == 0 else f"Season {film.season}"
    root = Element("season")
    _add(root, "title", name)
    _add(root, "plot", f"{name} of {film.series.name}")
    _add(root, "seasonnumber", str(film.season))
    return _write(root)


def episode_nfo(film: Film) -> bytes:
    root = Element("episodedetails")
    _add(root, "title", film.title)
    _add(root, "showtitle", film.series.name)
    _add(root, "plot", film.synopsis.strip() or film.title)
    _add(root, "season", str(film.season))
    _add(root, "episode", str(film.number))
    _add(root, "aired", film.aired.isoformat() if film.aired else "")
    _add_all(root, "tag", film.tags)
    _add_id(root, str(film.episode_key))
    return _write(root)


def read_series_key(content: bytes) -> str | None:
    """The key of the series that a tvshow.nfo of Tower names; None for any other file."""
    try:
        root = ElementTree.fromstring(content)
    except ElementTree.ParseError:
        return None
    return next((one.text for one in root.iter("uniqueid") if one.get("type") == ID_TYPE), None)


def _split_genres(genres: Iterable[str]) -> list[str]:
    """Jellyfin makes two genres of one with a slash."""
    return [part.strip() for genre in genres for part in genre.split("/") if part.strip()]


def _add(root: Element, name: str, text: str) -> None:
    """Add an element, unless its text is empty."""
    clean = NOT_IN_XML.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if clean:
        SubElement(root, name).text = clean


def _add_all(root: Element, name: str, texts: Iterable[str]) -> None:
    for text in texts:
        _add(root, name, text)


def _add_id(root: Element, key: str) -> None:
    _add(root, "uniqueid", key)
    root[-1].set("type", ID_TYPE)
    root[-1].set("default", "true")


def _write(root: Element) -> bytes:
    if not (root.findtext("plot") or "").strip():
        SubElement(root, "plot").text = "–"  # the title has only characters that XML cannot hold
    ElementTree.indent(root)
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    if _texts(ElementTree.fromstring(content)) != _texts(root):
        raise NfoError(f"The NFO {root.tag} does not read back as it was written")
    return content


def _texts(root: Element) -> list[tuple[str, str | None]]:
    return [(child.tag, child.text) for child in root]
