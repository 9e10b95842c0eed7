"""Versions over HTTP: the documented calls, both ways to name entities, conflicts that change nothing."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from db.engine import SessionFactory
from db.models.review import CreativeDecision, DecisionKind
from tests.api.api_factories import (
    KAI,
    create_branch,
    create_character,
    create_project,
    create_scene,
    read_all_pages,
    require_success,
)
from tests.api.api_requests import API_ROOT, status_and_code

SOMEWHERE = "/etc/passwd"


@pytest.fixture
def story(client: TestClient) -> int:
    """A project with Kai and one scene."""
    project_id = create_project(client)
    create_character(client, project_id)
    create_scene(client, project_id)
    return project_id


def commit(client: TestClient, project_id: int, changes: dict[str, Any], on: str = "main") -> str:
    body = {"project_id": project_id, "branch": on, "message": "Changed", "changes": changes}
    commit_hash: str = require_success(client.post(f"{API_ROOT}/commit", json=body), 201)["commit_hash"]
    return commit_hash


def kai(client: TestClient, project_id: int, on: str = "main") -> dict[str, Any]:
    rows = require_success(client.get(f"{API_ROOT}/characters", params={"project_id": project_id, "branch": on}))
    return next(row for row in rows if row["name"] == "Kai Nakamura")


def change_description(text: str) -> dict[str, Any]:
    return {"characters": {"Kai Nakamura": {"description": text}}}


def test_documented_branch_commit_and_merge_keep_both_sides(client: TestClient, story: int) -> None:
    branch = client.post(
        f"{API_ROOT}/branch",
        json={"project_id": story, "branch_name": "experimental_ending", "source_branch": "main"},
    )
    assert require_success(branch, 201)["branch_name"] == "experimental_ending"
    committed = client.post(
        f"{API_ROOT}/commit",
        json={
            "project_id": story,
            "branch": "experimental_ending",
            "message": "Added character backstory",
            "changes": change_description("Raised by the shrine"),
        },
    )
    assert require_success(committed, 201)["message"] == "Added character backstory"
    commit(client, story, {"scenes": {"1": {"description": "Dawn in the village"}}})
    branches = require_success(client.get(f"{API_ROOT}/branches?project_id={story}"))
    assert [row["branch_name"] for row in branches] == ["main", "experimental_ending"]
    assert branches[1]["head"] == committed.json()["commit_hash"]
    assert kai(client, story)["description"] == "Main protagonist, skilled fighter"
    merged = require_success(
        client.post(
            f"{API_ROOT}/merge",
            json={
                "project_id": story,
                "source_branch": "experimental_ending",
                "target_branch": "main",
                "message": "Merge experimental ending",
            },
        )
    )
    assert (merged["fast_forward"], merged["up_to_date"], merged["conflicts"]) == (False, False, [])
    assert [(change["label"], change["fields"][0]["path"]) for change in merged["changes"]] == [
        ("Kai Nakamura", "description")
    ]
    assert merged["commit"]["parents"][1] == branches[1]["head"]
    assert kai(client, story)["description"] == "Raised by the shrine"
    assert (
        require_success(client.get(f"{API_ROOT}/scenes?project_id={story}"))[0]["description"] == "Dawn in the village"
    )


def test_other_names_are_accepted(client: TestClient, story: int) -> None:
    body: dict[str, Any] = {"project_id": story, "new_branch": "second_ending", "from_branch": "main"}
    assert require_success(client.post(f"{API_ROOT}/branch", json=body), 201)["branch_name"] == "second_ending"
    body = {
        "project_id": story,
        "branch_name": "second_ending",
        "message": "Dusk",
        "changes": change_description("Dusk"),
    }
    assert require_success(client.post(f"{API_ROOT}/commit", json=body), 201)["branch_name"] == "second_ending"
    body = {"project_id": story, "from_branch": "second_ending", "to_branch": "main", "message": "Merge"}
    assert require_success(client.post(f"{API_ROOT}/merge", json=body))["fast_forward"] is True
    assert kai(client, story)["description"] == "Dusk"


def test_a_commit_takes_the_fields_of_a_scene_as_they_are_answered(client: TestClient, story: int) -> None:
    scene = create_scene(client, story, scene_number=7, duration_seconds=4)
    names = ("title", "description", "episode_id", "duration_seconds", "characters", "dialogue", "style", "location")
    answered = {name: scene[name] for name in names}
    commit(client, story, {"scenes": {"7": answered | {"duration_seconds": 5}}})
    changed = require_success(client.get(f"{API_ROOT}/scenes/{scene['id']}"))
    assert {name: changed[name] for name in names} == answered | {"duration_seconds": 5}
    arc = require_success(client.post(f"{API_ROOT}/story-arcs", json={"project_id": story, "name": "Seal"}), 201)
    milestones = [{"title": "Found", "episode_id": None}]
    commit(client, story, {"story_arcs": {"Seal": {"episode_ids": [], "milestones": milestones}}})
    changed = require_success(client.get(f"{API_ROOT}/story-arcs/{arc['id']}"))
    assert [milestone["title"] for milestone in changed["milestones"]] == ["Found"]


def test_a_commit_with_two_values_of_one_field_is_refused(client: TestClient, story: int) -> None:
    changes = {"scenes": {"7": {"description": "x", "duration": 2, "duration_seconds": 3}}}
    answer = client.post(f"{API_ROOT}/commit", json={"project_id": story, "message": "m", "changes": changes})
    assert status_and_code(answer) == (422, "VALIDATION_ERROR")


def test_a_history_is_found_by_name(client: TestClient, story: int) -> None:
    row = kai(client, story)
    by_key, by_name = (
        require_success(client.get(f"{API_ROOT}/history/characters/{name}", params={"project_id": story}))
        for name in (row["key"], "kai nakamura")
    )
    assert by_name == by_key
    restore = {"project_id": story, "commit_hash": by_key[0]["commit"]}
    require_success(client.post(f"{API_ROOT}/history/characters/Kai Nakamura/restore", json=restore), 201)
    answer = client.get(f"{API_ROOT}/history/characters/nobody", params={"project_id": story})
    assert status_and_code(answer) == (404, "NOT_FOUND")


def test_a_conflict_changes_nothing_and_resolutions_end_it(client: TestClient, story: int) -> None:
    create_branch(client, story, "other")
    commit(client, story, change_description("theirs"), on="other")
    head = commit(client, story, change_description("ours"))
    merge = {"project_id": story, "source_branch": "other", "target_branch": "main"}
    refused = client.post(f"{API_ROOT}/merge", json=merge)
    assert status_and_code(refused) == (409, "MERGE_CONFLICT")
    path = "characters/Kai Nakamura/description"
    conflict = {"path": path, "key": kai(client, story)["key"], "base": KAI["description"]}
    conflict |= {"ours": "ours", "theirs": "theirs"}
    assert refused.json()["error"]["details"]["conflicts"] == [conflict]
    dry_run = require_success(client.post(f"{API_ROOT}/merge", json=merge | {"dry_run": True}))
    assert (dry_run["conflicts"], dry_run["commit"]["commit_hash"], dry_run["decision_id"]) == ([conflict], head, None)
    assert kai(client, story)["description"] == "ours"
    assert require_success(client.get(f"{API_ROOT}/commits?project_id={story}"))[0]["commit_hash"] == head
    resolved = require_success(client.post(f"{API_ROOT}/merge", json=merge | {"resolutions": {path: "both of them"}}))
    assert resolved["conflicts"] == []
    assert kai(client, story)["description"] == "both of them"
    repeated = require_success(client.post(f"{API_ROOT}/merge", json=merge))
    assert (repeated["up_to_date"], repeated["changes"], repeated["decision_id"]) == (True, [], None)


@pytest.mark.parametrize("strategy", ["ours", "theirs"])
def test_strategy_ends_a_conflict_and_the_merge_is_a_decision(
    client: TestClient, sessions: SessionFactory, story: int, strategy: str
) -> None:
    create_branch(client, story, "other")
    commit(client, story, change_description("theirs"), on="other")
    commit(client, story, change_description("ours"))
    body = {"project_id": story, "source_branch": "other", "strategy": strategy, "message": "It reads better"}
    merged = require_success(client.post(f"{API_ROOT}/merge", json=body))
    assert kai(client, story)["description"] == strategy
    with sessions() as session:
        decision = session.get_one(CreativeDecision, merged["decision_id"])
    assert (decision.kind, decision.decision, decision.reason) == (
        DecisionKind.MERGE,
        "Merged other into main",
        "It reads better",
    )
    assert (decision.details["strategy"], decision.decided_by) == (strategy, "local")


def test_commit_is_all_or_nothing(client: TestClient, story: int) -> None:
    before = require_success(client.get(f"{API_ROOT}/commits?project_id={story}"))
    for invalid_changes in (
        {**change_description("x"), "weapons": {}},
        {"characters": {"Kai Nakamura": {"description": "x", "colour": "red"}}},
        {**change_description("x"), "scenes": {"1": {"description": 3}}},
        {"characters": {"Kai Nakamura": {"image_path": SOMEWHERE}}},
        {"scenes": {"1": {"video_path": SOMEWHERE}}},
    ):
        body = {"project_id": story, "message": "odd", "changes": invalid_changes}
        assert status_and_code(client.post(f"{API_ROOT}/commit", json=body)) == (422, "VALIDATION_ERROR"), (
            invalid_changes
        )
    assert require_success(client.get(f"{API_ROOT}/commits?project_id={story}")) == before
    both = {"characters": {"Kai Nakamura": None, "Ren": {"description": "new"}}, "scenes": {"2": {"description": "b"}}}
    commit(client, story, both)
    assert [row["name"] for row in require_success(client.get(f"{API_ROOT}/characters?project_id={story}"))] == ["Ren"]
    assert [row["scene_number"] for row in require_success(client.get(f"{API_ROOT}/scenes?project_id={story}"))] == [
        1,
        2,
    ]


def test_resolution_may_name_no_file_outside_the_media_folders(client: TestClient, story: int) -> None:
    body = {"project_id": story, "source_branch": "main", "target_branch": "main"}
    for path, value in (
        ("characters/Kai Nakamura/image_path", SOMEWHERE),
        ("characters/Kai Nakamura", {"name": "Kai Nakamura", "image_path": SOMEWHERE}),
    ):
        refused = client.post(f"{API_ROOT}/merge", json=body | {"resolutions": {path: value}})
        assert status_and_code(refused) == (422, "VALIDATION_ERROR")
        assert refused.json()["error"]["details"]["field"].endswith("image_path")


def test_a_commit_on_a_stale_head_is_refused(client: TestClient, story: int) -> None:
    head = commit(client, story, change_description("one"))
    commit(client, story, change_description("two"))
    body = {"project_id": story, "message": "late", "changes": change_description("late"), "expected_head": head}
    assert status_and_code(client.post(f"{API_ROOT}/commit", json=body)) == (412, "PRECONDITION_FAILED")
    assert kai(client, story)["description"] == "two"


def test_commits_are_listed_newest_first_in_pages_and_shown_with_their_changes(client: TestClient, story: int) -> None:
    hashes = [commit(client, story, change_description(text)) for text in "abc"]
    commits = read_all_pages(client, "commits", project_id=story, limit=2)
    assert [row["commit_hash"] for row in commits][:3] == hashes[::-1]
    assert commits[0]["parents"] == [hashes[1]]
    assert (commits[-1]["parents"], commits[-1]["author"]) == ([], "tower")
    detail = require_success(client.get(f"{API_ROOT}/commits/{hashes[1][:12]}", params={"project_id": story}))
    assert detail["changes"] == [
        {
            "kind": "characters",
            "key": kai(client, story)["key"],
            "label": "Kai Nakamura",
            "change": "changed",
            "fields": [{"path": "description", "before": "a", "after": "b"}],
        }
    ]
    compared = require_success(
        client.get(f"{API_ROOT}/compare", params={"project_id": story, "from": hashes[0], "to": "main"})
    )
    assert compared["changes"][0]["fields"] == [{"path": "description", "before": "a", "after": "c"}]


def test_revert_undoes_one_commit_and_is_a_decision(client: TestClient, story: int) -> None:
    wrong = commit(client, story, change_description("wrong"))
    commit(client, story, {"characters": {"Kai Nakamura": {"role": "hero"}}})
    undone = require_success(client.post(f"{API_ROOT}/revert", json={"project_id": story, "commit": wrong}))
    after = kai(client, story)
    assert (after["description"], after["role"]) == ("Main protagonist, skilled fighter", "hero")
    assert isinstance(undone["decision_id"], int)
    commit(client, story, change_description("again"))
    clash = client.post(
        f"{API_ROOT}/revert", json={"project_id": story, "commit_hash": undone["commit"]["commit_hash"]}
    )
    assert status_and_code(clash) == (409, "MERGE_CONFLICT")
    assert kai(client, story)["description"] == "again"


def test_one_entity_has_a_history_and_can_be_restored(client: TestClient, story: int) -> None:
    row = kai(client, story)
    first = commit(client, story, change_description("first"))
    commit(client, story, {"characters": {"Kai Nakamura": None}})
    past = require_success(client.get(f"{API_ROOT}/history/characters/{row['key']}", params={"project_id": story}))
    assert [entry["change"] for entry in past] == ["removed", "changed", "added"]
    restore = {"project_id": story, "commit": first}
    require_success(client.post(f"{API_ROOT}/history/characters/{row['key']}/restore", json=restore), 201)
    back = kai(client, story)
    assert (back["description"], back["key"]) == ("first", row["key"])
    by_row = require_success(client.get(f"{API_ROOT}/history/characters/{back['id']}", params={"project_id": story}))
    assert [entry["change"] for entry in by_row] == ["added", "removed", "changed", "added"]
    newest = client.get(f"{API_ROOT}/history/characters/{back['id']}", params={"project_id": story, "limit": 3})
    assert [*require_success(newest), *require_success(client.get(newest.links["next"]["url"]))] == by_row


def test_tags_name_states(client: TestClient, story: int) -> None:
    body = {"project_id": story, "tag_name": "pilot", "message": "as aired"}
    tag = require_success(client.post(f"{API_ROOT}/tag", json=body), 201)
    commit(client, story, change_description("later"))
    aired = require_success(client.get(f"{API_ROOT}/characters", params={"project_id": story, "at": "pilot"}))
    assert [row["description"] for row in aired] == ["Main protagonist, skilled fighter"]
    assert require_success(client.get(f"{API_ROOT}/tags?project_id={story}")) == [tag]
    assert status_and_code(client.post(f"{API_ROOT}/tag", json=body)) == (409, "CONFLICT")
    require_success(client.delete(f"{API_ROOT}/tag", params={"project_id": story, "tag_name": "pilot"}))
    assert require_success(client.get(f"{API_ROOT}/tags?project_id={story}")) == []
    deleted = client.delete(f"{API_ROOT}/tag", params={"project_id": story, "tag_name": "pilot"})
    assert status_and_code(deleted) == (404, "NOT_FOUND")


def test_branch_is_deleted_but_not_main(client: TestClient, story: int) -> None:
    create_branch(client, story, "other")
    last = commit(client, story, change_description("lost?"), on="other")
    request = {"project_id": story, "branch_name": "other"}
    assert status_and_code(client.post(f"{API_ROOT}/branch", json=request)) == (409, "CONFLICT")
    require_success(client.delete(f"{API_ROOT}/branch", params=request))
    assert status_and_code(client.delete(f"{API_ROOT}/branch", params=request)) == (404, "NOT_FOUND")
    assert status_and_code(client.delete(f"{API_ROOT}/branch", params=request | {"branch_name": "main"})) == (
        409,
        "CONFLICT",
    )
    require_success(client.post(f"{API_ROOT}/branch", json=request | {"source_branch": last}), 201)
    assert kai(client, story, on="other")["description"] == "lost?"


def test_versions_of_another_project_are_not_found(client: TestClient, story: int) -> None:
    mine = create_project(client)
    row = kai(client, story)
    head = commit(client, story, change_description("secret"))
    create_branch(client, story, "other")
    require_success(client.post(f"{API_ROOT}/tag", json={"project_id": story, "tag_name": "pilot"}), 201)
    of_mine = {"project_id": mine}
    calls: list[tuple[str, str, dict[str, Any] | None]] = [
        ("GET", f"commits/{head}?project_id={mine}", None),
        ("GET", f"commits?project_id={mine}&branch=pilot", None),
        ("GET", f"compare?project_id={mine}&from={head}", None),
        ("GET", f"history/characters/{row['key']}?project_id={mine}", None),
        ("GET", f"history/characters/{row['id']}?project_id={mine}", None),
        ("GET", f"characters?project_id={mine}&at={head}", None),
        ("POST", "branch", of_mine | {"branch_name": "b", "source_branch": head}),
        ("POST", "merge", of_mine | {"source_branch": "other"}),
        ("POST", "revert", of_mine | {"commit": head}),
        ("POST", "tag", of_mine | {"tag_name": "t", "commit": head}),
        ("POST", f"history/characters/{row['key']}/restore", of_mine | {"commit": head}),
        ("DELETE", f"branch?project_id={mine}&branch_name=other", None),
        ("DELETE", f"tag?project_id={mine}&tag_name=pilot", None),
    ]
    for method, path, body in calls:
        assert status_and_code(client.request(method, f"{API_ROOT}/{path}", json=body)) == (404, "NOT_FOUND"), path


@pytest.mark.parametrize("path", ["branch", "commit", "merge", "revert", "tag"])
def test_an_unknown_project_is_not_found(client: TestClient, path: str) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "branch": {"branch_name": "b"},
        "commit": {"message": "m", "changes": {}},
        "merge": {"source_branch": "main"},
        "revert": {"commit": "main"},
        "tag": {"tag_name": "t"},
    }
    answer = client.post(f"{API_ROOT}/{path}", json={"project_id": 999999999, **bodies[path]})
    assert status_and_code(answer) == (404, "NOT_FOUND")
