"""The cut of an episode over HTTP: content that is checked, versioned and merged, whatever becomes of its scenes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from db.engine import SessionFactory
from tests.api.api_factories import create_branch, create_project, create_scene, require_success
from tests.api.api_requests import API_ROOT, status_and_code
from tests.api.episodes.test_routes import create_episode
from tests.tower.beats.sounds import even_click_track, write_wav
from tower.library import tracks

DISSOLVE = {"kind": "dissolve", "frames": 12}
FLASH = {"kind": "flash", "seconds": 1}


@dataclass(frozen=True)
class Cut:
    """An episode with three scenes."""

    episodes: TestClient
    project_id: int
    url: str
    scenes: list[dict[str, Any]]

    @property
    def ids(self) -> list[int]:
        return [scene["id"] for scene in self.scenes]

    def put(self, **body: Any) -> Any:
        return require_success(self.episodes.put(self.url, json=body))

    def get(self, **query: Any) -> Any:
        return require_success(self.episodes.get(self.url, params=query))

    def order(self, **query: Any) -> list[int]:
        return [scene["scene_id"] for scene in self.get(**query)["scenes"]]


@pytest.fixture
def cut(client: TestClient, episodes: TestClient) -> Cut:
    project_id = create_project(client)
    episode = create_episode(episodes, project_id)["id"]
    scenes = [
        create_scene(client, project_id, scene_number=number, characters=[], episode_id=episode) for number in (1, 2, 3)
    ]
    return Cut(episodes, project_id, f"{API_ROOT}/episodes/{episode}/cut", scenes)


def test_a_new_episode_shows_its_scenes_whole_in_story_order(cut: Cut) -> None:
    answer = cut.get()
    assert cut.order() == cut.ids
    assert answer["scenes"][0] == {
        "in_seconds": 0,
        "out_seconds": None,
        "speed": 1,
        "sound": "drop",
        "gain_db": 0,
        "effect": None,
        "transition": {"kind": "cut", "frames": 0},
        "scene_id": cut.ids[0],
    }
    assert (answer["title_card"], answer["music"], answer["chapters"]) == (None, [], True)
    assert answer["subtitles"] == {"enabled": True, "burn_in": False, "language": "eng"}


def test_an_answer_can_be_sent_back(cut: Cut) -> None:
    first, _, third = cut.ids
    changed = cut.put(
        scenes=[
            {"scene_id": third, "in_seconds": 0.5, "out_seconds": 2, "speed": 0.25, "transition": DISSOLVE},
            {"scene_id": cut.scenes[0]["key"], "sound": "duck", "gain_db": -3, "effect": FLASH},
        ],
        title_card={"lines": ["The Beginning", "第一話"], "transition": {"kind": "fade", "frames": 8}},
        end_card={"lines": ["Fin"], "seconds": 1.5},
        music=[{"scene_id": first, "fade_out_seconds": 2}],
        subtitles={"burn_in": True, "language": "jpn"},
        chapters=False,
    )
    assert cut.order() == [third, first, cut.ids[1]]
    assert changed["scenes"][1]["effect"] == FLASH | {"scale": None, "at_seconds": None}
    assert changed["scenes"][0].items() >= {"speed": 0.25, "transition": DISSOLVE, "out_seconds": 2}.items()
    assert cut.put(**changed) == changed == cut.get()
    assert cut.put(title_card=None, chapters=True)["scenes"] == changed["scenes"]
    assert cut.get()["title_card"] is None


def test_a_cut_is_versioned_and_guarded(cut: Cut) -> None:
    read = cut.episodes.get(cut.url).headers["ETag"]
    first = cut.episodes.put(cut.url, json={"chapters": False, "message": "No chapters"}, headers={"If-Match": read})
    require_success(first)
    late = cut.episodes.put(cut.url, json={"chapters": True}, headers={"If-Match": read})
    assert status_and_code(late) == (412, "PRECONDITION_FAILED")
    versions = require_success(cut.episodes.get(cut.url.replace("/cut", "/versions")))
    assert (versions[0]["message"], versions[0]["fields"]["cut"]) == ("No chapters", {"chapters": False})
    past = cut.get(at=next(row["commit"] for row in versions if row["message"] == "Added episode 1"))
    assert past["chapters"] is True
    assert past["scenes"] == []


def test_branches_trim_different_scenes_and_merge(client: TestClient, cut: Cut) -> None:
    create_branch(client, cut.project_id, "tight")
    twins = {
        row["key"]: row["id"]
        for row in client.get(f"{API_ROOT}/scenes", params={"project_id": cut.project_id, "branch": "tight"}).json()
    }
    first, second, _ = cut.scenes
    zoom = {"kind": "zoom_in", "scale": 1.5}
    cut.put(scenes=[{"scene_id": first["key"], "out_seconds": 2}, {"scene_id": second["key"], "effect": zoom}])
    cut.put(branch_name="tight", scenes=[{"scene_id": first["key"]}, {"scene_id": twins[second["key"]], "speed": 2}])
    cut.put(branch_name="tight", end_card={"lines": ["Fin"]})
    merge = {"project_id": cut.project_id, "source_branch": "tight", "target_branch": "main"}
    require_success(client.post(f"{API_ROOT}/merge", json=merge))
    merged = cut.get()
    assert [(row["out_seconds"], row["speed"]) for row in merged["scenes"]] == [(2, 1), (None, 2), (None, 1)]
    assert merged["end_card"]["lines"] == ["Fin"]
    assert merged["scenes"][1]["effect"]["scale"] == 1.5
    cut.put(scenes=[{"scene_id": first["key"], "out_seconds": 1.5}])
    cut.put(branch_name="tight", scenes=[{"scene_id": first["key"], "out_seconds": 1}])
    conflict = client.post(f"{API_ROOT}/merge", json=merge)
    assert status_and_code(conflict) == (409, "MERGE_CONFLICT")


def test_a_deleted_or_moved_scene_leaves_the_cut_valid(client: TestClient, cut: Cut) -> None:
    first, second, third = cut.ids
    cut.put(
        scenes=[{"scene_id": third}, {"scene_id": second, "speed": 2}, {"scene_id": first}],
        music=[{"scene_id": second}],
    )
    require_success(client.delete(f"{API_ROOT}/scenes/{second}"))
    require_success(client.put(f"{API_ROOT}/scenes/{third}", json={"episode_id": None}))
    assert cut.order() == [first]
    added = create_scene(client, cut.project_id, scene_number=2, characters=[], episode_id=cut.url.split("/")[-2])
    require_success(client.put(f"{API_ROOT}/scenes/{third}", json={"episode_id": added["episode_id"]}))
    assert cut.order() == [third, first, added["id"]]


def test_music_is_kept_by_its_content(cut: Cut, sessions: SessionFactory, tmp_path: Path) -> None:
    theme = write_wav(tmp_path / "theme.wav", even_click_track(120, 2))
    with sessions.begin() as session:
        track = tracks.get_or_add_track(session, theme, roots=[tmp_path])
        track_id, sha256 = track.id, track.sha256
    body = {"track_id": track_id, "start_seconds": 1, "duck_db": -12}
    (cue,) = cut.put(music=[body])["music"]
    assert cue.items() >= (body | {"track_sha256": sha256, "scene_id": None}).items()
    assert cut.put(music=[{"track_sha256": "0" * 64}])["music"][0]["track_id"] is None
    unknown = cut.episodes.put(cut.url, json={"music": [{"track_id": track_id + 1}]})
    assert unknown.json()["error"]["details"]["field"] == "music.0.track_id"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scenes": [{"scene_id": 999_999}]}, "scenes.0.scene_id"),
        ({"scenes": [{"scene_id": str(uuid.uuid4())}]}, "scenes.0.scene_id"),
        ({"scenes": [{"scene_id": "mine", "in_seconds": 2, "out_seconds": 2}]}, "scenes.0.out_seconds"),
        ({"scenes": [{"scene_id": "mine", "speed": 0.2}]}, "scenes.0.speed"),
        ({"scenes": [{"scene_id": "mine", "speed": "1"}]}, "scenes.0.speed"),
        ({"scenes": [{"scene_id": "mine", "sound": "loud"}]}, "scenes.0.sound"),
        ({"scenes": [{"scene_id": "mine"}, {"scene_id": "mine"}]}, "scenes.1.scene_id"),
        ({"scenes": [{"scene_id": "mine", "transition": {"kind": "fade"}}]}, "scenes.0.transition.frames"),
        ({"scenes": [{"scene_id": "mine", "transition": {"frames": 2}}]}, "scenes.0.transition.frames"),
        ({"scenes": [{"scene_id": "mine", "effect": {"kind": "explode"}}]}, "scenes.0.effect.kind"),
        ({"scenes": [{"scene_id": "mine", "effect": {"kind": "zoom_in", "scale": 3}}]}, "scenes.0.effect.scale"),
        ({"scenes": [{"scene_id": "mine", "effect": {"kind": "zoom_in", "seconds": 1}}]}, "scenes.0.effect.seconds"),
        ({"title_card": {"lines": []}}, "title_card.lines"),
        ({"end_card": {"lines": ["a"] * 13}}, "end_card.lines"),
        ({"title_card": {"lines": ["a"], "transition": {"kind": "wipe"}}}, "title_card.transition.kind"),
        ({"end_card": {"lines": ["a"], "seconds": 0}}, "end_card.seconds"),
        ({"music": [{}]}, "music.0.track_id"),
        ({"music": [{"scene_id": "mine", "gain_db": 20}]}, "music.0.gain_db"),
        ({"subtitles": {"language": "en"}}, "subtitles.language"),
        ({"order": []}, "order"),
    ],
)
def test_a_bad_cut_is_refused_by_field(cut: Cut, body: dict[str, Any], field: str) -> None:
    rows = [row for rows in body.values() if isinstance(rows, list) for row in rows if row.get("scene_id") == "mine"]
    for row in rows:
        row["scene_id"] = cut.ids[0]
    before = cut.get()
    answer = cut.episodes.put(cut.url, json=body)
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")
    assert answer.json()["error"]["details"]["field"] == field
    assert cut.get() == before


def test_a_commit_checks_a_cut_too(client: TestClient, cut: Cut) -> None:
    def commit(content: Any) -> Any:
        body = {"project_id": cut.project_id, "message": "Cut", "changes": {"episodes": {"1": {"cut": content}}}}
        return client.post(f"{API_ROOT}/commit", json=body)

    require_success(commit({"chapters": False, "order": [cut.scenes[1]["key"]]}), 201)
    assert (cut.order()[0], cut.get()["chapters"]) == (cut.ids[1], False)
    long = commit({"end_card": {"lines": ["a"] * 13}})
    assert long.json()["error"]["details"]["field"].endswith("cut/end_card/lines")
    refused = commit({"scenes": {cut.scenes[1]["key"]: {"speed": 9}}})
    assert status_and_code(refused) == (422, "VALIDATION_ERROR")
    assert refused.json()["error"]["details"]["field"].endswith(f"cut/scenes/{cut.scenes[1]['key']}/speed")
