"""A project with the content that the requests of the seed documents assume."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from httpx import Response

from tests.api.api_factories import (
    VILLAGE_SCENE,
    create_bible,
    create_branch,
    create_character,
    create_project,
    create_scene,
    require_success,
)
from tests.api.api_requests import API_ROOT
from tests.api.production.seed_curls import Curl
from tests.small_media import write_picture, write_video
from tests.tower.beats.sounds import even_click_track, write_wav

OPEN_OBJECT = '{"characters": {"Kai Nakamura": {"backstory": "Raised by the shrine"}}}'  # for {...}
OPEN_LIST = '["seal"]'  # for [...]
FAST_JOB = "113"  # as the second document numbers its jobs
PLACES = {"projects": "project_id", "project": "project_id", "characters": "character_id", "scenes": "scene_id"}


@dataclass
class SeedWorld:
    """`ids` by their names in bodies; `jobs` by the documented name of a generation."""

    client: TestClient
    media: Path
    ids: dict[str, Any] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)

    def create_project(self) -> None:
        self.ids["project_id"] = create_project(self.client)

    def create_kai(self) -> None:
        self.create_project()
        self.ids["character_id"] = create_character(self.client, self.ids["project_id"])["id"]

    def create_village_scene(self) -> None:
        self.create_kai()
        self.ids["scene_id"] = create_scene(self.client, self.ids["project_id"], **VILLAGE_SCENE)["id"]

    def create_bible(self) -> None:
        self.create_kai()
        create_bible(self.client, self.ids["project_id"])

    def create_bible_with_kai(self) -> None:
        self.create_bible()
        linked = self.client.post(
            f"{API_ROOT}/projects/{self.ids['project_id']}/bible/characters", json={"name": "Kai"}
        )
        require_success(linked, 201)

    def create_ending_branch(self) -> None:
        """Create the documented branch with one change."""
        self.create_kai()
        create_branch(self.client, self.ids["project_id"])
        changes = {"characters": {"Kai Nakamura": {"backstory": "He never came home"}}}
        body = {
            "project_id": self.ids["project_id"],
            "branch": "experimental_ending",
            "message": "x",
            "changes": changes,
        }
        require_success(self.client.post(f"{API_ROOT}/commit", json=body), 201)

    def start_generations(self) -> None:
        """Start one generation of each kind with a documented status."""
        self.create_project()
        standard = require_success(
            self.client.post(f"{API_ROOT}/generate", json={"prompt": "test", "duration": 3}), 202
        )
        fast = require_success(
            self.client.post(f"{API_ROOT}/generate-fast", json={"prompt": "test fast", "duration": 2}), 202
        )
        self.jobs = {"standard": standard, FAST_JOB: fast}

    def send(self, curl: Curl) -> tuple[dict[str, Any] | None, Response]:
        """Send the documented request with real ids, files and values; return body and answer."""
        body = None if curl.body is None else self._body(curl.body)
        method, path = curl.request_line.split(" ", 1)
        answer: Response = self.client.request(method, self._path(path), json=body)
        return body, answer

    def _path(self, path: str) -> str:
        path, _, query = path.partition("?")
        parts = path.split("/")
        for at, (before, part) in enumerate(pairwise(parts), start=1):
            if before in PLACES and re.fullmatch(r"\d+|{\w+}", part):
                parts[at] = str(self.ids[PLACES[before]])
            elif before == "generation":
                parts[at] = self._generation(part)
        query = re.sub(r"project_id=1\b", f"project_id={self.ids.get('project_id')}", query)
        return "/".join(parts) + (f"?{query}" if query else "")

    def _generation(self, documented: str) -> str:
        job = self.jobs[documented if documented in self.jobs else "standard"]
        return str(job["comfyui_job_id" if "-" in documented else "job_id"])

    def _body(self, documented: str) -> dict[str, Any]:
        complete = documented.replace("{...}", OPEN_OBJECT).replace("[...]", OPEN_LIST)
        body: dict[str, Any] = self._own_value(json.loads(complete))
        return body

    def _own_value(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self._own_value(inner, key) for key, inner in value.items()}
        if name in ("project_id", "scene_id"):
            return self.ids[name]
        return self._file(value) if isinstance(value, str) and "/path/" in value else value

    def _file(self, documented: str) -> str:
        file = self.media / documented.strip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".mp3":
            write_wav(file, even_click_track(120, 12))
        else:
            write_video(file) if file.suffix == ".mp4" else write_picture(file)
        return str(file)
