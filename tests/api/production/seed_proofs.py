"""A proof for each documented request of the production API: its preconditions and checks of its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from httpx import Response

from tests.api.api_factories import require_success
from tests.api.api_requests import API_ROOT, status_and_code
from tests.api.production.seed_world import SeedWorld

Body = dict[str, Any]
NOTED = ("branch", "branch_name", "message", "changes")  # fields of the commit, not of the edited entity


@dataclass(frozen=True)
class Proof:
    """`keys` are those that the documents show in the answer, or in each item of a list."""

    prepare: Callable[[SeedWorld], None]
    keys: str
    check: Callable[[SeedWorld, Body, Response], None] = lambda *_: None
    status: int = 200


def check_stored(world: SeedWorld, sent: Body, answer: Response) -> None:
    """The answer contains the written fields, and reading the entity returns the same."""
    body = answer.json()
    assert body.items() >= {name: value for name, value in sent.items() if name not in NOTED}.items()
    body.pop("stale_scenes", None)  # the effect on other scenes
    url = answer.headers.get("Location") or answer.request.url.path
    assert require_success(world.client.get(url)) == body


def check_listed(world: SeedWorld, _: Body, answer: Response) -> None:
    """The list contains the entity, and reading it alone returns the same."""
    rows = answer.json()
    assert rows
    for row in rows:
        assert require_success(world.client.get(f"{answer.request.url.path}/{row['id']}")) == row


def check_read(world: SeedWorld, _: Body, answer: Response) -> None:
    assert answer.json()["project_id" if "/bible" in answer.request.url.path else "id"] == world.ids["project_id"]


def check_in_bin(world: SeedWorld, _: Body, answer: Response) -> None:
    project_id = world.ids["project_id"]
    assert status_and_code(world.client.get(f"{API_ROOT}/projects/{project_id}")) == (404, "NOT_FOUND")
    assert require_success(world.client.post(answer.json()["restore_url"]))["id"] == project_id


def check_branch_created(world: SeedWorld, sent: Body, answer: Response) -> None:
    names = {row["branch_name"]: row["head"] for row in _branches(world)}
    assert names[sent["branch_name"]] == names[sent["source_branch"]] == answer.json()["head"]


def check_committed(world: SeedWorld, sent: Body, answer: Response) -> None:
    assert answer.json()["message"] == sent["message"]
    assert _branches(world)[0]["head"] == answer.json()["commit_hash"]
    assert _kai(world)["backstory"] == "Raised by the shrine"


def check_branches_listed(world: SeedWorld, _: Body, answer: Response) -> None:
    assert [row["branch_name"] for row in answer.json()] == ["main", "experimental_ending"]


def check_merged(world: SeedWorld, sent: Body, answer: Response) -> None:
    assert answer.json()["commit"]["message"] in (sent["message"], "x")  # a fast-forward creates no commit
    assert _kai(world)["backstory"] == "He never came home"


def check_job_opened(world: SeedWorld, sent: Body, answer: Response) -> None:
    """The job stores the request and is found by all its ids."""
    body = answer.json()
    names = [body[name] for name in ("job_id", "generation_id", "comfyui_job_id")]
    jobs = [require_success(world.client.get(f"{API_ROOT}/generation/{name}/status")) for name in names]
    assert jobs[0] == jobs[1] == jobs[2]
    assert jobs[0]["prompt"] == sent["prompt"]
    parameters = jobs[0]["parameters"]
    assert parameters["duration_s"] == sent["duration"]
    assert parameters.items() >= {name: sent[name] for name in ("character", "style") if name in sent}.items()


def check_segments_planned(world: SeedWorld, sent: Body, answer: Response) -> None:
    check_job_opened(world, sent, answer)
    body = answer.json()
    assert body["total_segments"] == len(body["segment_tasks"]) == sent["duration"]


def check_shot(world: SeedWorld, sent: Body, answer: Response) -> None:
    check_job_opened(world, sent, answer)
    body = answer.json()
    assert body["project_id"] == world.ids["project_id"]
    same = ("duration", "style", "characters", "prompt")
    assert body["metadata"].items() >= {name: sent[name] for name in same}.items()


def check_directed(world: SeedWorld, sent: Body, answer: Response) -> None:
    """The job belongs to the scene, follows the parameters, and the command is recorded as a decision."""
    body, requested = answer.json(), sent["parameters"]
    assert (body["command"], body["scene_id"]) == (sent["command"], requested["scene_id"])
    parameters = require_success(world.client.get(body["status_url"]))["parameters"]
    assert (parameters["style"], parameters["duration_s"]) == (requested["style"], requested["duration"])
    decisions = require_success(world.client.get(f"{API_ROOT}/decisions", params={"project_id": sent["project_id"]}))
    assert body["decision_id"] in [decision["id"] for decision in decisions]


def check_set_to_music(world: SeedWorld, sent: Body, answer: Response) -> None:
    audio = answer.json()["audio"]
    assert audio.items() >= sent.items()
    assert require_success(world.client.get(answer.headers["Location"])) == audio
    assert [cut["event"] for cut in answer.json()["plan"]["cut_list"]] == [cut["event"] for cut in sent["sync_points"]]


def check_status(world: SeedWorld, _: Body, answer: Response) -> None:
    body = answer.json()
    assert (body["id"], body["job_type"]) == (str(body["job_id"]), "video_generation")
    assert body["job_id"] == world.jobs["standard"]["job_id"]


def check_segment_status(world: SeedWorld, _: Body, answer: Response) -> None:
    assert answer.json()["segments_processing"] == [1, 2]
    assert answer.json()["status"] == "segments_queued"


def check_presets(world: SeedWorld, _: Body, answer: Response) -> None:
    assert {preset["name"] for preset in answer.json()["presets"]} == {
        "ultra_production",
        "current_workflow",
        "fast_preview",
    }


def check_configured(world: SeedWorld, sent: Body, answer: Response) -> None:
    assert answer.json().items() >= sent.items()
    assert require_success(world.client.get(f"{API_ROOT}/config")) == answer.json()


def check_models(world: SeedWorld, _: Body, answer: Response) -> None:
    assert [model["name"] for model in answer.json()["models"]] == ["counterfeit_v3.safetensors"]


def check_stack_status(world: SeedWorld, _: Body, answer: Response) -> None:
    """The figures are those of this database, and the endpoints include every documented path."""
    body = answer.json()
    assert body["database"]["projects"] == 1
    assert "POST /api/anime/generate" in body["endpoints"]


def _branches(world: SeedWorld) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = require_success(
        world.client.get(f"{API_ROOT}/branches", params={"project_id": world.ids["project_id"]})
    )
    return rows


def _kai(world: SeedWorld) -> dict[str, Any]:
    character: dict[str, Any] = require_success(world.client.get(f"{API_ROOT}/characters/{world.ids['character_id']}"))
    return character


PROJECT = "id name description status created_at updated_at metadata"
CHARACTER = "id project_id name description version image_path comfyui_workflow created_at updated_at"
SCENE = "id project_id branch_name scene_number description characters video_path"
BIBLE = "project_id title description content visual_style world_setting"
PERSON = "name role personality backstory visual_description abilities description visual_traits personality_traits"
STATUS = "id job_id status progress created_at quality_score output_path job_type"
SEGMENTS = "id status progress segments_completed segments_failed segments_processing total_segments batch_id"

PROOFS: Mapping[str, Proof] = {
    "GET /api/anime/health": Proof(SeedWorld.create_project, "status service"),
    "GET /api/anime-enhanced/health": Proof(SeedWorld.create_project, "status service enhanced"),
    "GET /api/anime/status": Proof(SeedWorld.create_project, "database comfyui endpoints", check_stack_status),
    "POST /api/anime/projects": Proof(SeedWorld.create_project, PROJECT, check_stored, 201),
    "GET /api/anime/projects": Proof(SeedWorld.create_project, PROJECT, check_listed),
    "GET /api/anime/projects/{project_id}": Proof(SeedWorld.create_project, PROJECT, check_read),
    "PATCH /api/anime/projects/21": Proof(SeedWorld.create_project, PROJECT, check_stored),
    "DELETE /api/anime/projects/21": Proof(SeedWorld.create_project, "id", check_in_bin),
    "POST /api/anime/characters": Proof(SeedWorld.create_project, CHARACTER, check_stored, 201),
    "GET /api/anime/characters?project_id=1": Proof(SeedWorld.create_kai, CHARACTER, check_listed),
    "PUT /api/anime/characters/1": Proof(SeedWorld.create_kai, CHARACTER, check_stored),
    "POST /api/anime/scenes": Proof(SeedWorld.create_kai, SCENE, check_stored, 201),
    "GET /api/anime/scenes?project_id=1": Proof(SeedWorld.create_village_scene, SCENE, check_listed),
    "PUT /api/anime/scenes/1": Proof(SeedWorld.create_village_scene, SCENE, check_stored),
    "POST /api/anime/projects/1/bible": Proof(SeedWorld.create_project, BIBLE, check_stored, 201),
    "GET /api/anime/projects/1/bible": Proof(SeedWorld.create_bible, BIBLE, check_read),
    "POST /api/anime/projects/1/bible/characters": Proof(SeedWorld.create_bible, PERSON, check_stored, 201),
    "POST /api/anime/projects/20/bible": Proof(SeedWorld.create_project, BIBLE, check_stored, 201),
    "GET /api/anime/projects/20/bible": Proof(SeedWorld.create_bible, BIBLE, check_read),
    "POST /api/anime/projects/20/bible/characters": Proof(SeedWorld.create_bible, PERSON, check_stored, 201),
    "GET /api/anime/projects/20/bible/characters": Proof(SeedWorld.create_bible_with_kai, PERSON, check_listed),
    "POST /api/anime/branch": Proof(SeedWorld.create_kai, "project_id branch_name head", check_branch_created, 201),
    "POST /api/anime/commit": Proof(SeedWorld.create_kai, "commit_hash message", check_committed, 201),
    "GET /api/anime/branches?project_id=1": Proof(
        SeedWorld.create_ending_branch, "branch_name head", check_branches_listed
    ),
    "POST /api/anime/merge": Proof(SeedWorld.create_ending_branch, "commit conflicts", check_merged),
    "POST /api/anime/generate": Proof(SeedWorld.create_project, "job_id comfyui_job_id status", check_job_opened, 202),
    "POST /api/anime/generate-fast": Proof(
        SeedWorld.create_project, "job_id batch_id total_segments segment_tasks", check_segments_planned, 202
    ),
    "POST /api/anime/generate/project/20": Proof(
        SeedWorld.create_kai, "request_id job_id status", check_job_opened, 202
    ),
    "POST /api/anime/projects/1/generate-from-command": Proof(
        SeedWorld.create_kai, "generation_id status estimated_completion project_id metadata", check_shot, 202
    ),
    "POST /api/anime/director/command": Proof(
        SeedWorld.create_village_scene, "job_id status command scene_id", check_directed, 202
    ),
    "POST /api/anime/scenes/1/audio": Proof(SeedWorld.create_village_scene, "audio plan", check_set_to_music, 201),
    "GET /api/anime/generation/111/status": Proof(SeedWorld.start_generations, STATUS, check_status),
    "GET /api/anime/generation/3ba15105-024f-4212-9e42-9d6ba963ec4e/status": Proof(
        SeedWorld.start_generations, STATUS, check_status
    ),
    "GET /api/anime/generation/[job_id]/status": Proof(SeedWorld.start_generations, STATUS, check_status),
    "GET /api/anime/generation/113/status": Proof(
        SeedWorld.start_generations, f"{SEGMENTS} estimated_completion", check_segment_status
    ),
    "GET /api/anime/models": Proof(SeedWorld.create_project, "models", check_models),
    "GET /api/anime/quality-presets": Proof(SeedWorld.create_project, "presets", check_presets),
    "POST /api/anime/config": Proof(SeedWorld.create_project, "model quality_preset", check_configured),
}
