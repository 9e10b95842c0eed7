"""Two writers edit one branch at once on a real server: no acknowledged change is lost, and refusals are clear."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from api.production.app import create_app
from db.engine import SessionFactory
from tests.api.api_requests import API_ROOT
from tests.api.live_server import serve_live
from tests.api.small_servers import reserve_refusing_address
from tower.settings import Settings
from tower.versions import fsck

EDITS = 12
WRITERS = ("left", "right")
Write = Callable[[httpx.Client, str], Any]


@pytest.fixture
def url(api_database_url: str) -> Iterator[str]:
    with reserve_refusing_address() as prefect:
        settings = Settings(database_url=api_database_url, prefect_api_url=f"{prefect}/api")
        with serve_live(create_app(settings), token="unused") as running:
            yield running.url


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
        yield client


@pytest.fixture
def project_id(client: httpx.Client) -> int:
    project_id: int = client.post(f"{API_ROOT}/projects", json={"name": "Two at once"}).json()["id"]
    return project_id


def run_both(url: str, write: Write) -> list[Any]:
    """The results of both writers."""

    def run(writer: str) -> Any:
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            return write(client, writer)

    with ThreadPoolExecutor(len(WRITERS)) as pool:
        return list(pool.map(run, WRITERS))


def commits(client: httpx.Client, project_id: int) -> list[dict[str, Any]]:
    log: list[dict[str, Any]] = client.get(
        f"{API_ROOT}/commits", params={"project_id": project_id, "limit": 200}
    ).json()
    return log


def assert_sound(sessions: SessionFactory, project_id: int) -> None:
    with sessions() as session:
        assert [finding.message for finding in fsck.check_project(session, project_id=project_id)] == []


def test_concurrent_edits_of_different_fields_are_all_kept(
    url: str, client: httpx.Client, sessions: SessionFactory, project_id: int
) -> None:
    kai = client.post(f"{API_ROOT}/characters", json={"project_id": project_id, "name": "Kai"}).json()
    fields = {"left": "backstory", "right": "personality"}

    def write(writer_client: httpx.Client, writer: str) -> list[int]:
        answers = [
            writer_client.put(f"{API_ROOT}/characters/{kai['id']}", json={fields[writer]: f"{writer} {n}"})
            for n in range(EDITS)
        ]
        return [answer.status_code for answer in answers]

    assert run_both(url, write) == [[200] * EDITS] * 2
    character = client.get(f"{API_ROOT}/characters/{kai['id']}").json()
    assert (character["backstory"], character["personality"]) == (f"left {EDITS - 1}", f"right {EDITS - 1}")
    versions = client.get(f"{API_ROOT}/characters/{kai['id']}/versions").json()
    assert {version["fields"]["backstory"] for version in versions} == {None, *(f"left {n}" for n in range(EDITS))}
    assert {version["fields"]["personality"] for version in versions} == {None, *(f"right {n}" for n in range(EDITS))}
    assert len(versions) == character["version"] == 2 * EDITS + 1
    assert_sound(sessions, project_id)


def test_concurrent_edits_with_the_same_etag_refuse_one_and_overwrite_none(
    url: str, client: httpx.Client, sessions: SessionFactory, project_id: int
) -> None:
    kai = client.post(f"{API_ROOT}/characters", json={"project_id": project_id, "name": "Kai", "seed": 0}).json()
    url_of_kai, barrier = f"{API_ROOT}/characters/{kai['id']}", threading.Barrier(len(WRITERS))

    def write(writer_client: httpx.Client, _: str) -> list[int]:
        statuses = []
        for _round in range(EDITS):
            read = writer_client.get(url_of_kai)
            step = {"seed": read.json()["seed"] + 1}
            barrier.wait(timeout=30)
            answer = writer_client.put(url_of_kai, json=step, headers={"If-Match": read.headers["ETag"]})
            assert answer.is_success or answer.json()["error"]["code"] == "PRECONDITION_FAILED"
            statuses.append(answer.status_code)
            barrier.wait(timeout=30)
        return statuses

    pairs = [sorted(pair) for pair in zip(*run_both(url, write), strict=True)]
    assert pairs == [[200, 412]] * EDITS
    assert client.get(url_of_kai).json()["seed"] == EDITS
    assert_sound(sessions, project_id)


def test_scenes_created_at_once_get_distinct_numbers(
    url: str, client: httpx.Client, sessions: SessionFactory, project_id: int
) -> None:
    def write(writer_client: httpx.Client, writer: str) -> list[int]:
        bodies = [{"project_id": project_id, "description": f"{writer} {n}"} for n in range(EDITS)]
        return [writer_client.post(f"{API_ROOT}/scenes", json=body).json()["scene_number"] for body in bodies]

    numbers = run_both(url, write)
    assert sorted(numbers[0] + numbers[1]) == list(range(1, 2 * EDITS + 1))
    scenes = client.get(f"{API_ROOT}/scenes", params={"project_id": project_id, "limit": 200}).json()
    assert {scene["description"] for scene in scenes} == {f"{writer} {n}" for writer in WRITERS for n in range(EDITS)}
    assert_sound(sessions, project_id)


def test_a_scene_number_is_taken_once_and_the_refusal_names_it(
    url: str, client: httpx.Client, sessions: SessionFactory, project_id: int
) -> None:
    def write(writer_client: httpx.Client, writer: str) -> list[int]:
        bodies = [{"project_id": project_id, "description": writer, "scene_number": n + 1} for n in range(EDITS)]
        answers = [writer_client.post(f"{API_ROOT}/scenes", json=body) for body in bodies]
        for number, answer in enumerate(answers, start=1):
            assert answer.is_success or str(number) in answer.json()["error"]["message"]
        return [answer.status_code for answer in answers]

    pairs = [sorted(pair) for pair in zip(*run_both(url, write), strict=True)]
    assert pairs == [[201, 409]] * EDITS
    scenes = client.get(f"{API_ROOT}/scenes", params={"project_id": project_id}).json()
    assert [scene["scene_number"] for scene in scenes] == list(range(1, EDITS + 1))
    assert_sound(sessions, project_id)


def test_concurrent_commits_follow_each_other_and_the_log_has_each_once(
    url: str, client: httpx.Client, sessions: SessionFactory, project_id: int
) -> None:
    """Each writer names the head that it read; the second one reads again."""

    def write(writer_client: httpx.Client, writer: str) -> list[str]:
        hashes = []
        for number in range(EDITS):
            body = {"project_id": project_id, "message": f"{writer} {number}"}
            body["changes"] = {"characters": {writer: {"backstory": f"{number}"}}}
            while True:
                head = writer_client.get(f"{API_ROOT}/branches", params={"project_id": project_id}).json()[0]["head"]
                answer = writer_client.post(f"{API_ROOT}/commit", json=body | {"expected_head": head})
                if answer.status_code != 412:
                    break
            assert answer.status_code == 201, answer.text
            hashes.append(answer.json()["commit_hash"])
        return hashes

    acknowledged = run_both(url, write)
    log = commits(client, project_id)
    hashes = [commit["commit_hash"] for commit in log]
    assert sorted(hashes[: 2 * EDITS]) == sorted(acknowledged[0] + acknowledged[1])
    assert [commit["parents"] for commit in log] == [*([earlier] for earlier in hashes[1:]), []]
    characters = client.get(f"{API_ROOT}/characters", params={"project_id": project_id}).json()
    assert {character["name"]: character["backstory"] for character in characters} == dict.fromkeys(
        WRITERS, str(EDITS - 1)
    )
    assert_sound(sessions, project_id)


def test_a_merge_during_edits_loses_neither(
    url: str, client: httpx.Client, sessions: SessionFactory, project_id: int
) -> None:
    client.post(f"{API_ROOT}/characters", json={"project_id": project_id, "name": "Kai"})
    client.post(f"{API_ROOT}/branch", json={"project_id": project_id, "branch_name": "ending"})

    def write(writer_client: httpx.Client, writer: str) -> list[int]:
        statuses = []
        for n in range(EDITS):
            on = "ending" if writer == "left" else "main"
            body = {"project_id": project_id, "branch_name": on, "name": f"{writer} {n}"}
            statuses.append(writer_client.post(f"{API_ROOT}/characters", json=body).status_code)
            if writer == "left":
                merge = {"project_id": project_id, "source_branch": "ending", "target_branch": "main"}
                statuses.append(writer_client.post(f"{API_ROOT}/merge", json=merge).status_code)
        return statuses

    assert run_both(url, write) == [[201, 200] * EDITS, [201] * EDITS]
    characters = client.get(f"{API_ROOT}/characters", params={"project_id": project_id, "limit": 200}).json()
    assert {character["name"] for character in characters} == {
        "Kai",
        *(f"{writer} {n}" for writer in WRITERS for n in range(EDITS)),
    }
    assert_sound(sessions, project_id)
