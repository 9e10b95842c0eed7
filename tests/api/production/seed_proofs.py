"""A proof for each documented request of the production API: its preconditions and checks of its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from httpx import Response

from tests.api.api_factories import good
from tests.api.api_requests import A, code_of
from tests.api.production.seed_world import World

Body = dict[str, Any]
NOTED = ("branch", "branch_name", "message", "changes")  # fields of the commit, not of the edited entity


@dataclass(frozen=True)
class Proof:
    """`keys` are those that the documents show in the answer, or in each item of a list."""

    given: Callable[[World], None]
    keys: str
    then: Callable[[World, Body, Response], None] = lambda *_: None
    status: int = 200


def kept(world: World, sent: Body, answer: Response) -> None:
    """The answer contains the written fields, and reading the entity returns the same."""
    body = answer.json()
    assert body.items() >= {name: value for name, value in sent.items() if name not in NOTED}.items()
    body.pop("stale_scenes", None)  # the effect on other scenes
    place = answer.headers.get("Location") or answer.request.url.path
    assert good(world.client.get(place)) == body


def listed(world: World, _: Body, answer: Response) -> None:
    """The list contains the entity, and reading it alone returns the same."""
    rows = answer.json()
    assert rows
    for row in rows:
        assert good(world.client.get(f"{answer.request.url.path}/{row['id']}")) == row


def read(world: World, _: Body, answer: Response) -> None:
    assert answer.json()["project_id" if "/bible" in answer.request.url.path else "id"] == world.ids["project_id"]


def in_bin(world: World, _: Body, answer: Response) -> None:
    project_id = world.ids["project_id"]
    assert code_of(world.client.get(f"{A}/projects/{project_id}")) == (404, "NOT_FOUND")
    assert good(world.client.post(answer.json()["restore_url"]))["id"] == project_id


def branched(world: World, sent: Body, answer: Response) -> None:
    names = {row["branch_name"]: row["head"] for row in _branches(world)}
    assert names[sent["branch_name"]] == names[sent["source_branch"]] == answer.json()["head"]


def committed(world: World, sent: Body, answer: Response) -> None:
    assert answer.json()["message"] == sent["message"]
    assert _branches(world)[0]["head"] == answer.json()["commit_hash"]
    assert _kai(world)["backstory"] == "Raised by the shrine"


def branches(world: World, _: Body, answer: Response) -> None:
    assert [row["branch_name"] for row in answer.json()] == ["main", "experimental_ending"]


def merged(world: World, sent: Body, answer: Response) -> None:
    assert answer.json()["commit"]["message"] in (sent["message"], "x")  # a fast-forward creates no commit
    assert _kai(world)["backstory"] == "He never came home"


def opened(world: World, sent: Body, answer: Response) -> None:
    """The job stores the request and is found by all its ids."""
    body = answer.json()
    names = [body[name] for name in ("job_id", "generation_id", "comfyui_job_id")]
    jobs = [good(world.client.get(f"{A}/generation/{name}/status")) for name in names]
    assert jobs[0] == jobs[1] == jobs[2]
    assert jobs[0]["prompt"] == sent["prompt"]
    parameters = jobs[0]["parameters"]
    assert parameters["duration_s"] == sent["duration"]
    assert parameters.items() >= {name: sent[name] for name in ("character", "style") if name in sent}.items()


def segmented(world: World, sent: Body, answer: Response) -> None:
    opened(world, sent, answer)
    body = answer.json()
    assert body["total_segments"] == len(body["segment_tasks"]) == sent["duration"]


def shot(world: World, sent: Body, answer: Response) -> None:
    opened(world, sent, answer)
    body = answer.json()
    assert body["project_id"] == world.ids["project_id"]
    same = ("duration", "style", "characters", "prompt")
    assert body["metadata"].items() >= {name: sent[name] for name in same}.items()


def directed(world: World, sent: Body, answer: Response) -> None:
    """The job belongs to the scene, follows the parameters, and the command is recorded as a decision."""
    body, asked = answer.json(), sent["parameters"]
    assert (body["command"], body["scene_id"]) == (sent["command"], asked["scene_id"])
    parameters = good(world.client.get(body["status_url"]))["parameters"]
    assert (parameters["style"], parameters["duration_s"]) == (asked["style"], asked["duration"])
    decisions = good(world.client.get(f"{A}/decisions", params={"project_id": sent["project_id"]}))
    assert body["decision_id"] in [one["id"] for one in decisions]


def set_to_music(world: World, sent: Body, answer: Response) -> None:
    audio = answer.json()["audio"]
    assert audio.items() >= sent.items()
    assert good(world.client.get(answer.headers["Location"])) == audio
    assert [cut["event"] for cut in answer.json()["plan"]["cut_list"]] == [one["event"] for one in sent["sync_points"]]


def followed(world: World, _: Body, answer: Response) -> None:
    body = answer.json()
    assert (body["id"], body["job_type"]) == (str(body["job_id"]), "video_generation")
    assert body["job_id"] == world.jobs["standard"]["job_id"]


def followed_segments(world: World, _: Body, answer: Response) -> None:
    assert answer.json()["segments_processing"] == [1, 2]
    assert answer.json()["status"] == "segments_queued"


def presets(world: World, _: Body, answer: Response) -> None:
    assert {one["name"] for one in answer.json()["presets"]} == {
        "ultra_production",
        "current_workflow",
        "fast_preview",
    }


def configured(world: World, sent: Body, answer: Response) -> None:
    assert answer.json().items() >= sent.items()
    assert good(world.client.get(f"{A}/config")) == answer.json()


def models(world: World, _: Body, answer: Response) -> None:
    assert [model["name"] for model in answer.json()["models"]] == ["counterfeit_v3.safetensors"]


def of_this_stack(world: World, _: Body, answer: Response) -> None:
    """The figures are those of this database, and the endpoints include every documented path."""
    body = answer.json()
    assert body["database"]["projects"] == 1
    assert "POST /api/anime/generate" in body["endpoints"]


def _branches(world: World) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = good(world.client.get(f"{A}/branches", params={"project_id": world.ids["project_id"]}))
    return rows


def _kai(world: World) -> dict[str, Any]:
    found: dict[str, Any] = good(world.client.get(f"{A}/characters/{world.ids['character_id']}"))
    return found


PROJECT = "id name description status created_at updated_at metadata"
CHARACTER = "id project_id name description version image_path comfyui_workflow created_at updated_at"
SCENE = "id project_id branch_name scene_number description characters video_path"
BIBLE = "project_id title description content visual_style world_setting"
PERSON = "name role personality backstory visual_description abilities description visual_traits personality_traits"
STATUS = "id job_id status progress created_at quality_score output_path job_type"
SEGMENTS = "id status progress segments_completed segments_failed segments_processing total_segments batch_id"

PROOFS: Mapping[str, Proof] = {
    "GET /api/anime/health": Proof(World.nothing, "status service"),
    "GET /api/anime-enhanced/health": Proof(World.nothing, "status service enhanced"),
    "GET /api/anime/status": Proof(World.nothing, "database comfyui endpoints", of_this_stack),
    "POST /api/anime/projects": Proof(World.nothing, PROJECT, kept, 201),
    "GET /api/anime/projects": Proof(World.nothing, PROJECT, listed),
    "GET /api/anime/projects/{project_id}": Proof(World.nothing, PROJECT, read),
    "PATCH /api/anime/projects/21": Proof(World.nothing, PROJECT, kept),
    "DELETE /api/anime/projects/21": Proof(World.nothing, "id", in_bin),
    "POST /api/anime/characters": Proof(World.nothing, CHARACTER, kept, 201),
    "GET /api/anime/characters?project_id=1": Proof(World.kai, CHARACTER, listed),
    "PUT /api/anime/characters/1": Proof(World.kai, CHARACTER, kept),
    "POST /api/anime/scenes": Proof(World.kai, SCENE, kept, 201),
    "GET /api/anime/scenes?project_id=1": Proof(World.village, SCENE, listed),
    "PUT /api/anime/scenes/1": Proof(World.village, SCENE, kept),
    "POST /api/anime/projects/1/bible": Proof(World.nothing, BIBLE, kept, 201),
    "GET /api/anime/projects/1/bible": Proof(World.bible, BIBLE, read),
    "POST /api/anime/projects/1/bible/characters": Proof(World.bible, PERSON, kept, 201),
    "POST /api/anime/projects/20/bible": Proof(World.nothing, BIBLE, kept, 201),
    "GET /api/anime/projects/20/bible": Proof(World.bible, BIBLE, read),
    "POST /api/anime/projects/20/bible/characters": Proof(World.bible, PERSON, kept, 201),
    "GET /api/anime/projects/20/bible/characters": Proof(World.bible_with_kai, PERSON, listed),
    "POST /api/anime/branch": Proof(World.kai, "project_id branch_name head", branched, 201),
    "POST /api/anime/commit": Proof(World.kai, "commit_hash message", committed, 201),
    "GET /api/anime/branches?project_id=1": Proof(World.ending, "branch_name head", branches),
    "POST /api/anime/merge": Proof(World.ending, "commit conflicts", merged),
    "POST /api/anime/generate": Proof(World.nothing, "job_id comfyui_job_id status", opened, 202),
    "POST /api/anime/generate-fast": Proof(
        World.nothing, "job_id batch_id total_segments segment_tasks", segmented, 202
    ),
    "POST /api/anime/generate/project/20": Proof(World.kai, "request_id job_id status", opened, 202),
    "POST /api/anime/projects/1/generate-from-command": Proof(
        World.kai, "generation_id status estimated_completion project_id metadata", shot, 202
    ),
    "POST /api/anime/director/command": Proof(World.village, "job_id status command scene_id", directed, 202),
    "POST /api/anime/scenes/1/audio": Proof(World.village, "audio plan", set_to_music, 201),
    "GET /api/anime/generation/111/status": Proof(World.generations, STATUS, followed),
    "GET /api/anime/generation/3ba15105-024f-4212-9e42-9d6ba963ec4e/status": Proof(World.generations, STATUS, followed),
    "GET /api/anime/generation/[job_id]/status": Proof(World.generations, STATUS, followed),
    "GET /api/anime/generation/113/status": Proof(
        World.generations, f"{SEGMENTS} estimated_completion", followed_segments
    ),
    "GET /api/anime/models": Proof(World.nothing, "models", models),
    "GET /api/anime/quality-presets": Proof(World.nothing, "presets", presets),
    "POST /api/anime/config": Proof(World.nothing, "model quality_preset", configured),
}
