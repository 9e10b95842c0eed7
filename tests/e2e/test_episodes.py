"""Episodes on the whole stack: scenes are rendered, a film is made once, and its runs are killed and cancelled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from db.models.jobs import ProductionJob
from tests.e2e.conftest import RunningStack
from tests.patient import PATIENCE_S
from tower.media.probe import probe

SIZE = {"fps": 12, "width": 256, "height": 256}
LINES = ("Rain again", "It never stops", "Let us go in")


@dataclass(frozen=True)
class EpisodeOnStack:
    """An episode of three scenes of a second each, with dialogue. `scenes`: their ids."""

    stack: RunningStack
    http: httpx.Client
    id: str
    scenes: list[int]

    def read(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.get(f"/episodes/{self.id}").raise_for_status().json()
        return answer

    def set_cut(self, **cut: Any) -> None:
        self.http.put(f"/episodes/{self.id}/cut", json=cut).raise_for_status()

    def start(self, action: str, **body: Any) -> dict[str, Any]:
        answer = self.http.post(f"/episodes/{self.id}/{action}", json=body)
        assert answer.status_code == 202, answer.text
        started: dict[str, Any] = answer.json()
        return started

    def finish(self, started: dict[str, Any]) -> dict[str, Any]:
        job = self.stack.wait_for_end(started["job_id"])
        assert job["status"] == "completed", job["error"]
        return job

    def wait_for_assembly(self, started: dict[str, Any]) -> dict[str, Any]:
        return self.stack.wait_for_job(started["job_id"], lambda job: job["stage"] == "assembly" and job["step"])


@pytest.fixture
def episode(stack: RunningStack) -> Iterator[EpisodeOnStack]:
    with (
        httpx.Client(base_url=stack.addresses.production_url, timeout=PATIENCE_S) as production,
        httpx.Client(base_url=stack.addresses.episodes_url, timeout=PATIENCE_S) as http,
    ):
        project = production.post("/projects", json={"name": "Rain", "settings": SIZE}).raise_for_status().json()["id"]
        titled = {"project_id": project, "title": "Rain"}
        episode_id = http.post("/episodes", json=titled).raise_for_status().json()["id"]
        scenes = []
        for number, line in enumerate(LINES, start=1):
            scene = {"project_id": project, "scene_number": number, "description": f"a street in the rain, {number}"}
            dialogue = [{"character": "Kai", "line": line, "timestamp": 0.1}]
            body = scene | {"duration": 1, "episode_id": episode_id, "dialogue": dialogue}
            scenes.append(production.post("/scenes", json=body).raise_for_status().json()["id"])
        yield EpisodeOnStack(stack, http, episode_id, scenes)


def test_a_film_is_rendered_made_once_and_costs_what_changed(episode: EpisodeOnStack) -> None:
    started = episode.start("render", engine="animatic")
    assert len(started["opened_jobs"]) == 3
    film = episode.finish(started)
    read = episode.read()
    assert (read["status"], read["duration"], read["film"]["state"]) == ("completed", "00:03", "current")
    assert probe(Path(read["video_path"])).frames == 36
    assert film["output_path"] == read["video_path"]
    part = episode.http.get(f"/episodes/{episode.id}/video", headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")
    assert "unchanged" not in episode.stack.read_job_page(film["job_id"])

    trailer = episode.finish(episode.start("trailer", seconds=10))
    assert probe(Path(trailer["output_path"])).frames == (2 + 3 + 2) * 12
    part = episode.http.get(f"/episodes/{episode.id}/trailer", headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")

    again = episode.finish(episode.start("assemble"))
    assert again["output_path"] == film["output_path"]
    assert "unchanged" in episode.stack.read_job_page(again["job_id"])

    edit = {"description": "a roof in the rain"}
    url = f"{episode.stack.addresses.production_url}/scenes/{episode.scenes[1]}"
    httpx.put(url, json=edit, timeout=PATIENCE_S).raise_for_status()
    assert episode.read()["film"]["state"] == "current"  # the film shows the take that the scene still shows
    changed = episode.start("render", engine="animatic")
    assert (len(changed["opened_jobs"]), changed["reused_scenes"]) == (1, 2)
    assert episode.finish(changed)["output_path"] != film["output_path"]


def test_a_killed_assembly_goes_on_and_a_cancelled_one_ends(episode: EpisodeOnStack) -> None:
    episode.set_cut(title_card={"lines": ["Rain"], "seconds": 40})
    killed = episode.start("render", engine="animatic")
    episode.wait_for_assembly(killed)
    with episode.stack.sessions() as session:
        run_id = session.get_one(ProductionJob, killed["job_id"]).flow_run_id
    episode.stack.kill_run(run_id)
    job = episode.finish(killed)
    assert job["attempt"] == 2
    made = episode.read()
    assert made["duration"] == "00:43"

    episode.set_cut(title_card={"lines": ["Rain, again"], "seconds": 41})
    cancelled = episode.start("assemble")
    episode.wait_for_assembly(cancelled)
    assert episode.read()["status"] == "processing"
    episode.stack.api.cancel(cancelled["job_id"])
    deadline = time.monotonic() + 60
    while not is_settled(episode, cancelled["job_id"]):
        assert time.monotonic() < deadline, "the run of the cancelled film does not end"
        time.sleep(0.2)
    after = episode.read()
    assert (after["status"], after["film"]["state"]) == ("completed", "outdated")
    assert after["video_path"] == made["video_path"]


def is_settled(episode: EpisodeOnStack, job_id: int) -> bool:
    with episode.stack.sessions() as session:
        return session.get_one(ProductionJob, job_id).run_settled
