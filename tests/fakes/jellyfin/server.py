"""A Jellyfin that scans the folder that Tower wrote and answers the calls that publishing makes.

It is 10.11 or 12.0: in 12.0 the legacy ways to send a key are off. `Faults` make it misbehave.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes.jellyfin.items import Item, ItemStore, item_id

KEY = "0123456789abcdef0123456789abcdef"
ERROR_TEXT = "Error processing request."
ADMIN_PATHS = re.compile(r"/Library/(VirtualFolders|Refresh)|/Items/[^/]+/Refresh|/ScheduledTasks")
Answer = tuple[int, Any]


@dataclass
class Faults:
    """starting: answers of 503 before the server is ready. statuses: of the next answers, in order.

    is_admin: whether the key has the rights of an administrator.
    scan_delay_s, probe_delay_s: from a refresh until items appear, and from then until their length is known.
    monitor_delay_s: from Media/Updated until the folder is scanned; the real one waits 60 s.
    never_appears: parts of names of files that no scan finds.
    """

    starting: int = 0
    statuses: list[int] = field(default_factory=list)
    is_admin: bool = True
    scan_delay_s: float = 0.0
    probe_delay_s: float = 0.0
    monitor_delay_s: float = 0.2
    never_appears: tuple[str, ...] = ()
    answers_html: bool = False


class FakeJellyfin:
    """One library of series. `location` is where the server sees `root`; without it, at the same path.

    `requests` records method and path of each.
    """

    def __init__(self, root: Path, *, version: str = "10.11.11", location: str | None = None) -> None:
        self.version, self.root, self.location = version, root, location or str(root)
        self.faults = Faults()
        self.requests: list[str] = []
        self.store = ItemStore(root, version, is_hidden=self._never_appears)
        self.library_id = item_id("CollectionFolder", root)
        self._scans: list[tuple[float, bool]] = []  # when, and whether metadata are replaced
        self._lock = threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._respond("GET")

            def do_POST(self) -> None:
                self._respond("POST")

            def _respond(self, method: str) -> None:
                sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, body = fake.answer(method, self.path, dict(self.headers.items()), sent)
                text = isinstance(body, str)
                content = b"" if body is None else body.encode() if text else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/plain" if text else "application/json")
                self.send_header("Content-Length", str(len(content)))
                if status == 503:
                    self.send_header("Retry-After", "1")
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeJellyfin:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def episodes(self) -> list[Item]:
        """The episodes as a client sees them now."""
        with self._lock:
            self._run_due_scans()
            return [item for item in self.store.items.values() if item.kind == "Episode"]

    def answer(self, method: str, target: str, headers: Mapping[str, str], sent: bytes) -> Answer:
        url = urlsplit(target)
        query = {name.casefold(): values[0] for name, values in parse_qs(url.query).items()}
        with self._lock:
            self.requests.append(f"{method} {url.path}")
            if self.faults.starting > 0:
                self.faults.starting -= 1
                return 503, ERROR_TEXT
            if self.faults.statuses:
                return self.faults.statuses.pop(0), ERROR_TEXT
            if self.faults.answers_html:
                return 200, "<html>the page of a proxy</html>"
            refusal = self._refusal(url.path, query, headers)
            if refusal:
                return refusal, ERROR_TEXT
            self._run_due_scans()
            return self._dispatch(method, url.path, query, sent)

    def _refusal(self, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> int | None:
        if path == "/System/Info/Public":
            return None
        if self._sent_key(query, headers) != KEY:
            return 401
        return 403 if ADMIN_PATHS.fullmatch(path) and not self.faults.is_admin else None

    def _sent_key(self, query: Mapping[str, str], headers: Mapping[str, str]) -> str | None:
        match = re.search(r'^MediaBrowser .*?Token="([^"]*)"', headers.get("Authorization", ""))
        if match:
            return unquote(match[1])
        if "apikey" in query:
            return query["apikey"]
        legacy = headers.get("X-Emby-Token") or headers.get("X-MediaBrowser-Token") or query.get("api_key")
        return legacy if self.version.startswith("10.") else None

    def _dispatch(self, method: str, path: str, query: Mapping[str, str], sent: bytes) -> Answer:
        refreshed = re.fullmatch(r"/Items/([0-9a-f]{32})/Refresh", path)
        if method == "POST" and refreshed:
            return self._refresh(refreshed[1], query)
        routes: dict[tuple[str, str], Callable[[], Answer]] = {
            ("GET", "/System/Info/Public"): lambda: (200, self._info()),
            ("GET", "/System/Info"): lambda: (200, self._info()),
            ("GET", "/Library/VirtualFolders"): lambda: (200, [self._folder()]),
            ("GET", "/ScheduledTasks"): lambda: (200, [self._scan_task()]),
            ("GET", "/Items"): lambda: self._list_items(query),
            ("POST", "/Library/Media/Updated"): lambda: self._media_updated(sent),
        }
        return routes.get((method, path), lambda: (404, ERROR_TEXT))()

    def _info(self) -> dict[str, Any]:
        return {
            "ServerName": "fake",
            "Version": self.version,
            "ProductName": "Jellyfin Server",
            "Id": "f" * 32,
            "StartupWizardCompleted": True,
        }

    def _folder(self) -> dict[str, Any]:
        return {
            "Name": "Anime",
            "Locations": [self.location],
            "CollectionType": "tvshows",
            "ItemId": self.library_id,
            "LibraryOptions": {"TypeOptions": []},
            "RefreshStatus": "Idle",
        }

    def _scan_task(self) -> dict[str, Any]:
        return {"Key": "RefreshLibrary", "State": "Running" if self._scans else "Idle"}

    def _refresh(self, target: str, query: Mapping[str, str]) -> Answer:
        known = {self.library_id, *(item.id for item in self.store.items.values())}
        if target not in known:
            return 404, ERROR_TEXT
        replace = query.get("metadatarefreshmode") == "FullRefresh" and query.get("replaceallmetadata") == "true"
        self._scans.append((time.monotonic() + self.faults.scan_delay_s, replace))
        self._run_due_scans()
        return 204, None

    def _media_updated(self, sent: bytes) -> Answer:
        paths = [update.get("Path") for update in json.loads(sent).get("Updates", ())]
        if not all(paths):
            return (400 if None in paths else 500), ERROR_TEXT
        if any(path.startswith(self.location) for path in paths):
            self._scans.append((time.monotonic() + self.faults.monitor_delay_s, False))
        return 204, None  # for an unknown path too

    def _list_items(self, query: Mapping[str, str]) -> Answer:
        kinds = query.get("includeitemtypes", "Series,Episode").split(",")
        fields = query.get("fields", "").split(",")
        items = [self._shape(item, fields) for item in self.store.items.values() if item.kind in kinds]
        for name in ("IndexNumber", "ParentIndexNumber"):
            wanted = query.get(name.casefold())
            items = [item for item in items if wanted is None or item.get(name) == int(wanted)]
        if query.get("parentid") not in (None, self.library_id):
            parent = next((item for item in self.store.items.values() if item.id == query["parentid"]), None)
            items = [item for item in items if parent and item["_path"].startswith(f"{parent.path}/")]
        return 200, {
            "Items": [{k: v for k, v in it.items() if k != "_path"} for it in items],
            "TotalRecordCount": len(items),
        }

    def _shape(self, item: Item, fields: list[str]) -> dict[str, Any]:
        probed = item.ticks is not None and time.monotonic() >= item.ready_at
        body: dict[str, Any] = {"Name": item.name, "Id": item.id, "Type": item.kind, "_path": str(item.path)}
        if item.kind == "Episode":
            body |= {"IndexNumber": item.number, "ParentIndexNumber": item.season}
        if probed:
            body["RunTimeTicks"] = item.ticks
        if "Path" in fields:
            body["Path"] = self.see(item.path)
        if "ProviderIds" in fields:
            body["ProviderIds"] = item.provider_ids
        if "MediaSources" in fields and item.kind == "Episode":
            body["MediaSources"] = [{"Path": self.see(item.path), "MediaStreams": item.streams if probed else []}]
        return body

    def see(self, path: Path) -> str:
        """The path at which the server sees a file."""
        return self.location + str(path).removeprefix(str(self.root))

    def _run_due_scans(self) -> None:
        due = [scan for scan in self._scans if scan[0] <= time.monotonic()]
        self._scans = [scan for scan in self._scans if scan not in due]
        self.store.probe_delay_s = self.faults.probe_delay_s
        for _, replace in due:
            self.store.scan(replace_metadata=replace)

    def _never_appears(self, path: Path) -> bool:
        return any(part in path.name for part in self.faults.never_appears)
