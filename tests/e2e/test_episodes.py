"""Episodes on the whole stack: scenes are rendered, a film is made once, and its runs are killed and cancelled."""

from __future__ import annotations

import json
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
from tests.webhook_receiver import run_receiver
from tower.media.probe import probe

SIZE = {"fps": 12, "width": 256, "height": 256}
JOB_FIELDS = {  # of docs/webhooks.md
    *("job_id", "id", "job_type", "status", "project_id", "scene_id", "episode_id", "prompt", "quality_score"),
    *("error_code", "error", "created_at", "ended_at"),
}
PUBLICATION_FIELDS = {
    *("publication_id", "episode_id", "project_id", "series", "season", "episode_number", "title"),
    *("duration_seconds", "sha256", "is_marked", "published_at"),
}
LINES = ("Rain again", "It never stops", "Let us go in")


@dataclass(frozen=True)
class EpisodeOnStack:
    """An episode of three scenes of a second each, with dialogue. `scenes`: their ids."""

    stack: RunningStack
    http: httpx.Client
    id: str
    scenes: list[int]
    project_id: int

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
        yield EpisodeOnStack(stack, http, episode_id, scenes, project)


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


def test_a_webhook_gets_signed_calls_of_a_film_that_is_published_and_of_one_that_fails(
    episode: EpisodeOnStack,
) -> None:
    stack = episode.stack
    with run_receiver() as receiver, httpx.Client(base_url=stack.addresses.production_url, timeout=PATIENCE_S) as http:
        receiver.statuses = [500]  # the first call is made again 5 s later
        body = {"url": receiver.url, "project_id": episode.project_id}
        webhook = http.post("/webhooks", json=body).raise_for_status().json()
        film = episode.finish(episode.start("render", engine="animatic", publish=True))
        receiver.wait_for(6, within_s=60)
        edit = {"description": "a roof in the rain"}
        http.put(f"/scenes/{episode.scenes[0]}", json=edit).raise_for_status()
        failing = episode.start("render", engine="animatic")
        stack.api.cancel(failing["opened_jobs"][0])
        assert stack.wait_for_end(failing["job_id"])["status"] == "failed"
        calls = receiver.wait_for(7, within_s=60)
        deliveries = wait_for_answers(http, webhook["id"])
    assert all(call.is_signed_by(webhook["secret"]) for call in calls)
    again = [call.headers["webhook-id"] for call in calls].count(calls[0].headers["webhook-id"])
    assert (len(calls), again) == (7, 2)
    bodies = [json.loads(call.body) for call in calls[1:]]
    assert all(body.keys() == {"type", "timestamp", "data"} for body in bodies)
    reported = {(body["type"], body["data"].get("job_id")): body["data"] for body in bodies}
    made, failed = reported["completed", film["job_id"]], reported["failed", failing["job_id"]]
    published = reported["published", None]
    assert made.keys() == failed.keys() == JOB_FIELDS
    assert (made["job_type"], made["episode_id"], made["status"]) == ("episode_assembly", episode.id, "completed")
    assert (failed["status"], failed["error_code"]) == ("failed", "SCENE_NOT_RENDERED")
    assert "was cancelled" in failed["error"]
    assert published.keys() == PUBLICATION_FIELDS
    assert (published["title"], published["episode_id"], published["is_marked"]) == ("Rain", episode.id, True)
    answers = [[attempt["answer"] for attempt in delivery["attempts"]] for delivery in deliveries]
    assert sorted(answers) == [*[[204]] * 5, [500, 204]]


def wait_for_answers(http: httpx.Client, webhook_id: int) -> list[dict[str, Any]]:
    """The calls of a webhook, once all have ended."""
    deadline = time.monotonic() + 60
    while True:
        calls: list[dict[str, Any]] = http.get(f"/webhooks/{webhook_id}/deliveries").raise_for_status().json()
        if all(call["ended_at"] for call in calls):
            return calls
        assert time.monotonic() < deadline, f"calls do not end: {calls}"
        time.sleep(0.2)


def is_settled(episode: EpisodeOnStack, job_id: int) -> bool:
    with episode.stack.sessions() as session:
        return session.get_one(ProductionJob, job_id).run_settled
