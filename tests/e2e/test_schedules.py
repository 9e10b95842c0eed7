"""A due schedule on the whole stack: its run appears, and a worker takes it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.e2e.conftest import RunningStack
from tests.patient import PATIENCE_S

LIMIT_S = 300


def test_a_due_schedule_runs(stack: RunningStack) -> None:
    with httpx.Client(base_url=stack.prefect_url, timeout=PATIENCE_S) as http:
        purge = http.get("/deployments/name/purge/purge").raise_for_status().json()
        anchor = datetime.now(UTC) + timedelta(seconds=15)
        soon = {"schedule": {"interval": 86400, "anchor_date": anchor.isoformat()}, "active": True, "slug": "soon"}
        [schedule] = http.post(f"/deployments/{purge['id']}/schedules", json=[soon]).raise_for_status().json()
        http.patch(f"/deployments/{purge['id']}", json={"description": purge["description"]}).raise_for_status()
        try:
            run = _ended_run(http, purge["id"], schedule["id"])
        finally:
            http.delete(f"/deployments/{purge['id']}/schedules/{schedule['id']}").raise_for_status()
    assert run["state"]["type"] == "COMPLETED"
    assert run["auto_scheduled"]
    assert datetime.fromisoformat(run["start_time"]) >= anchor


def _ended_run(http: httpx.Client, deployment_id: str, schedule_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + LIMIT_S
    query = {
        "deployments": {"id": {"any_": [deployment_id]}},
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]}}},
    }
    while True:
        runs: list[dict[str, Any]] = http.post("/flow_runs/filter", json=query).raise_for_status().json()
        if ours := [run for run in runs if run["created_by"]["id"] == schedule_id]:
            return ours[0]
        assert time.monotonic() < deadline, f"no run of the schedule ended within {LIMIT_S} s"
        time.sleep(0.5)


def test_a_planned_render_comes_at_its_time(stack: RunningStack) -> None:
    with httpx.Client(base_url=stack.addresses.production_url, timeout=PATIENCE_S) as http:
        project_id = http.post("/projects", json={"name": "Tonight"}).raise_for_status().json()["id"]
        scene = {"project_id": project_id, "scene_number": 1, "description": "a shrine"}
        scene_id = http.post("/scenes", json=scene).raise_for_status().json()["id"]
        start_at = datetime.now(UTC) + timedelta(seconds=5)
        shot = {"duration": 1, "width": 256, "height": 256, "engine": "animatic"}
        plan = {"project_id": project_id, "scene_id": scene_id, "start_at": start_at.isoformat(), "parameters": shot}
        planned = http.post("/schedule", json=plan).raise_for_status().json()
        entry = _wait_for_entry(http, planned["id"])
        assert (entry["state"], entry["job_ids"]) == ("completed", [entry["job_id"]])
        job = http.get(f"/generation/{entry['job_id']}/status").raise_for_status().json()
    assert (job["status"], job["project_id"]) == ("completed", project_id)
    assert datetime.fromisoformat(job["created_at"]) >= start_at


def _wait_for_entry(http: httpx.Client, entry_id: int) -> dict[str, Any]:
    deadline = time.monotonic() + LIMIT_S
    while True:
        entry: dict[str, Any] = http.get(f"/schedule/{entry_id}").raise_for_status().json()
        if entry["ended_at"] is not None:
            return entry
        assert time.monotonic() < deadline, f"the entry is {entry['state']} after {LIMIT_S} s"
        time.sleep(0.5)


def test_a_batch_makes_two_films_and_the_next_one_only_what_a_coat_changes(stack: RunningStack) -> None:
    """The films wait for the window, and each is published once. The next batch has nothing to do until then."""
    with httpx.Client(base_url=stack.addresses.production_url, timeout=PATIENCE_S) as http:
        story = _create_story(stack, http)
        opens_at = _next_minute()
        hours = {"start": f"{opens_at:%H:%M}", "end": f"{opens_at + timedelta(hours=5):%H:%M}", "zone": "UTC"}
        window = http.put("/production-schedule/window", json=hours).raise_for_status().json()
        try:
            assert datetime.fromisoformat(window["next_openings"][0]["opens_at"]) == opens_at
            assert _wait_for_next_run(http) == opens_at
            entries = _plan_films(http, story)
            assert all("production window" in entry["waiting_reason"] for entry in entries)
            first = _wait_for_report(http, entries)
            assert http.post("/batches").raise_for_status().json()["started"] == []
            assert [_list_publications(stack, episode) for episode in story.episodes] == [["published"]] * 2
            batch = _wait_for_batch(http, http.get(f"/schedule/{entries[0]['id']}").json()["batch_id"])
        finally:
            http.delete("/production-schedule/window").raise_for_status()
        coat = {"visual_traits": {"coat": "red"}}
        http.put(f"/characters/{story.kai}", json=coat).raise_for_status()
        second = _wait_for_report(http, _plan_films(http, story))
    assert [_list_publications(stack, episode) for episode in story.episodes] == [["published", "replaced"]] * 2
    assert [[scene["outcome"] for scene in entry["scenes"]] for entry in first] == [["done", "done"], ["done"]]
    assert [[scene["outcome"] for scene in entry["scenes"]] for entry in second] == [["done", "reused"], ["done"]]
    assert second[0]["scenes"][1]["saved_seconds"] == first[0]["scenes"][1]["gpu_seconds"] > 0
    assert datetime.fromisoformat(batch["opens_at"]) == opens_at
    run = _run_due_at(stack, "batch", opens_at)
    assert (run["state"]["type"], run["auto_scheduled"]) == ("COMPLETED", True)
    assert "The Bridge | done | 2 done |" in _wait_for_last_page(stack, batch["id"])


@dataclass(frozen=True)
class Story:
    """Two episodes: one of a scene with Kai and one without, the other of a scene with Kai."""

    project_id: int
    kai: int
    episodes: tuple[str, str]


def _create_story(stack: RunningStack, http: httpx.Client) -> Story:
    project = {"name": "Two nights", "settings": {"width": 256, "height": 256, "fps": 12}}
    project_id = http.post("/projects", json=project).raise_for_status().json()["id"]
    character = {"project_id": project_id, "name": "Kai", "description": "a detective"}
    kai = http.post("/characters", json=character).raise_for_status().json()["id"]
    url = f"{stack.addresses.episodes_url}/episodes"
    bodies = [{"project_id": project_id, "title": title} for title in ("The Bridge", "The Rain")]
    made = [httpx.post(url, json=body, timeout=PATIENCE_S).raise_for_status().json()["id"] for body in bodies]
    for number, (episode, cast) in enumerate(((made[0], ["Kai"]), (made[0], []), (made[1], ["Kai"])), start=1):
        scene = {"project_id": project_id, "scene_number": number, "episode_id": episode, "characters": cast}
        http.post("/scenes", json=scene | {"description": "a shrine", "duration_seconds": 1}).raise_for_status()
    return Story(project_id, kai, (made[0], made[1]))


def _plan_films(http: httpx.Client, story: Story) -> list[dict[str, Any]]:
    body = {
        "project_id": story.project_id,
        "start_at": datetime.now(UTC).isoformat(),
        "parameters": {"engine": "animatic", "quality": "low"},
        "allow_publish": True,
    }
    answers = [http.post("/schedule", json=body | {"episode_id": episode}) for episode in story.episodes]
    return [answer.raise_for_status().json() for answer in answers]


def _list_publications(stack: RunningStack, episode: str) -> list[str]:
    """The states of the versions that were published, the newest first."""
    url = f"{stack.addresses.episodes_url}/episodes/{episode}/publications"
    return [row["state"] for row in httpx.get(url, timeout=PATIENCE_S).raise_for_status().json()]


def _wait_for_report(http: httpx.Client, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a batch reports of these entries, once they have ended well."""
    ended = [_wait_for_entry(http, entry["id"]) for entry in entries]
    assert [(entry["state"], entry["error_message"]) for entry in ended] == [("completed", None)] * len(ended)
    report = http.get(f"/batches/{ended[0]['batch_id']}").raise_for_status().json()
    found = {entry["schedule_id"]: entry for entry in report["entries"]}
    return [found[entry["id"]] for entry in entries]


def _next_minute() -> datetime:
    """The first full minute that leaves time to plan something before it."""
    return (datetime.now(UTC) + timedelta(seconds=80)).replace(second=0, microsecond=0)


def _wait_for_next_run(http: httpx.Client) -> datetime:
    deadline = time.monotonic() + LIMIT_S
    while not (window := http.get("/production-schedule/window").raise_for_status().json())["next_runs"]:
        assert time.monotonic() < deadline, window["reason"]
        time.sleep(0.5)
    return datetime.fromisoformat(window["next_runs"][0])


def _wait_for_batch(http: httpx.Client, batch_id: int) -> dict[str, Any]:
    deadline = time.monotonic() + LIMIT_S
    while (batch := http.get(f"/batches/{batch_id}").raise_for_status().json())["state"] != "ended":
        assert time.monotonic() < deadline, f"the batch runs after {LIMIT_S} s"
        time.sleep(0.5)
    assert isinstance(batch, dict)
    return batch


def _run_due_at(stack: RunningStack, name: str, due: datetime) -> dict[str, Any]:
    """The run that the schedule of the deployment made for this time."""
    with httpx.Client(base_url=stack.prefect_url, timeout=PATIENCE_S) as http:
        deployment = http.get(f"/deployments/name/{name}/{name}").raise_for_status().json()
        runs = http.post("/flow_runs/filter", json={"deployments": {"id": {"any_": [deployment["id"]]}}}).json()
    return next(run for run in runs if datetime.fromisoformat(run["expected_start_time"]) == due)


def _wait_for_last_page(stack: RunningStack, batch_id: int) -> str:
    """The report that a run publishes in Prefect once the batch has ended."""
    deadline = time.monotonic() + LIMIT_S
    with httpx.Client(base_url=stack.prefect_url, timeout=PATIENCE_S) as http:
        while True:
            page: str = http.get(f"/artifacts/batch-{batch_id}/latest").raise_for_status().json()["data"]
            if page.startswith(f"# Batch {batch_id}: ended"):
                return page
            assert time.monotonic() < deadline, f"the report was not published within {LIMIT_S} s: {page}"
            time.sleep(0.5)
