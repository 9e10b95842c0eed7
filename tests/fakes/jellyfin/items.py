"""The items that Jellyfin keeps of a library: found by a scan, probed when a file's date changes, named by an NFO."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import av
from av.stream import Disposition

from tests.fakes.jellyfin.resolver import Episode, Series, resolve_library

TICKS_PER_S = 10_000_000
NFO_DELAY_S = 60.0  # an NFO is read again only if it is this much newer than the item


@dataclass
class Item:
    kind: str
    path: Path
    name: str
    overview: str | None = None
    season: int | None = None
    number: int | None = None
    mtime_ns: int = 0
    ready_at: float = 0.0  # when its probe is done
    ticks: int | None = None
    streams: list[dict[str, Any]] = field(default_factory=list)
    image: Path | None = None
    provider_ids: dict[str, str] = field(default_factory=dict)
    saved_at: float = 0.0
    probes: int = 0

    @property
    def id(self) -> str:
        return item_id(self.kind, self.path)


@dataclass
class ItemStore:
    """The items of one library. `is_hidden` names files that no scan finds."""

    root: Path
    version: str
    probe_delay_s: float = 0.0
    is_hidden: Callable[[Path], bool] = lambda _: False
    items: dict[Path, Item] = field(default_factory=dict)

    def scan(self, *, replace_metadata: bool = False) -> None:
        found: dict[Path, Item] = {}
        for series in resolve_library(self.root, version=self.version) if self.root.is_dir() else ():
            found[series.path] = self._keep_series(series, replace_metadata)
            for episode in series.episodes:
                if not self.is_hidden(episode.path):
                    found[episode.path] = self._keep_episode(episode, replace_metadata)
        self.items = found

    def _keep_series(self, series: Series, replace: bool) -> Item:
        item = self.items.get(series.path) or Item("Series", series.path, series.path.name)
        item.image = series.poster
        self._read_nfo(item, series.path / "tvshow.nfo", replace)
        return item

    def _keep_episode(self, episode: Episode, replace: bool) -> Item:
        item = self.items.get(episode.path) or Item("Episode", episode.path, episode.path.stem)
        item.season, item.number = episode.season, episode.number
        item.image = episode.image
        mtime = episode.path.stat().st_mtime_ns
        if mtime != item.mtime_ns:  # the size is not looked at
            item.mtime_ns, item.ready_at = mtime, time.monotonic() + self.probe_delay_s
            item.ticks, item.streams = _probe(episode.path)
            item.probes += 1
        kept = [stream for stream in item.streams if not stream["IsExternal"]]
        item.streams = kept + [
            {"Type": "Subtitle", "IsExternal": True, "Language": it.language, "Path": str(it.path)}
            for it in episode.subtitles
        ]
        self._read_nfo(item, episode.path.with_suffix(".nfo"), replace)
        return item

    @staticmethod
    def _read_nfo(item: Item, nfo: Path, replace: bool) -> None:
        if not nfo.is_file():
            return
        if item.saved_at and not replace and nfo.stat().st_mtime < item.saved_at + NFO_DELAY_S:
            return
        item.saved_at = time.time()
        try:
            root = ElementTree.parse(nfo).getroot()
        except ElementTree.ParseError:
            return  # broken XML is passed over in silence
        if root.findtext("lockdata") == "true":
            raise AssertionError("a locked item would keep its first title for ever")
        plot = root.findtext("plot")
        if not plot:
            return  # an empty plot blocks the whole NFO
        item.name, item.overview = root.findtext("title") or item.name, plot
        item.season = int(root.findtext("season") or item.season or 0) if item.kind == "Episode" else None
        item.number = int(root.findtext("episode") or item.number or 0) if item.kind == "Episode" else None
        item.provider_ids = {it.get("type", ""): it.text or "" for it in root.iter("uniqueid")}


def item_id(kind: str, path: Path) -> str:
    """The id of an item derives from its type and its full path."""
    return hashlib.md5(f"{kind}{path}".encode(), usedforsecurity=False).hexdigest()


def _probe(path: Path) -> tuple[int | None, list[dict[str, Any]]]:
    try:
        with av.open(str(path)) as container:
            ticks = round((container.duration or 0) / 1_000_000 * TICKS_PER_S)
            return ticks, [_stream(stream) for stream in container.streams]
    except av.error.FFmpegError:
        return None, []


def _stream(stream: Any) -> dict[str, Any]:
    is_cover = stream.type == "video" and bool(stream.disposition & Disposition.attached_pic)
    kind = "EmbeddedImage" if is_cover else stream.type.title()
    described = {"Type": kind, "Codec": stream.codec_context.name, "IsExternal": False}
    if stream.type == "video":
        described |= {"Width": stream.width, "Height": stream.height}
    return described
