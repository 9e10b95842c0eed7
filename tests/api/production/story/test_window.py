"""The production window over HTTP, and what it does to planned entries."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient

from tests.api.api_factories import create_project, require_success
from tests.api.api_requests import API_ROOT, status_and_code

URL = f"{API_ROOT}/production-schedule/window"
NIGHT = {"start": "22:00", "end": "07:00", "zone": "Europe/Berlin"}
NOON = "2027-03-27T12:00:00Z"


def set_window(client: TestClient, **fields: str) -> Any:
    return require_success(client.put(URL, json=NIGHT | fields))


def plan(client: TestClient, **fields: Any) -> Any:
    body = {"project_id": create_project(client), "start_at": NOON, **fields}
    return require_success(client.post(f"{API_ROOT}/schedule", json=body), 201)


def test_the_window_is_set_read_and_removed(client: TestClient) -> None:
    never = require_success(client.get(URL))
    assert (never["start"], never["is_open"], never["closes_at"], never["next_openings"]) == (None, True, None, [])
    made = set_window(client)
    assert made.items() >= NIGHT.items()
    assert made["cron"] == "0 22 * * *"
    assert (made["next_runs"], bool(made["reason"])) == ([], True)  # Prefect is away
    openings = [datetime.fromisoformat(opening["opens_at"]) for opening in made["next_openings"]]
    assert [opening.hour for opening in openings] == [22, 22, 22]
    assert all(opening.utcoffset() == opening.astimezone(ZoneInfo("Europe/Berlin")).utcoffset() for opening in openings)
    other = require_success(client.get(f"{API_ROOT}/schedule/window"))
    assert other.items() >= NIGHT.items()
    assert require_success(client.delete(f"{API_ROOT}/schedule/window"))["zone"] is None


def test_a_window_that_somebody_else_has_changed_is_kept(client: TestClient) -> None:
    read = client.get(URL).headers["ETag"]
    set_window(client)
    late = client.put(URL, json=NIGHT, headers={"If-Match": read})
    assert status_and_code(late) == (412, "PRECONDITION_FAILED")


@pytest.mark.parametrize(
    "fields", [{"start": "24:00"}, {"end": "22:00"}, {"zone": "Mars/Olympus"}, {"end": 7}, {"day": "monday"}]
)
def test_a_wrong_window_is_refused_and_changes_nothing(client: TestClient, fields: dict[str, Any]) -> None:
    assert status_and_code(client.put(URL, json=NIGHT | fields))[0] == 422
    assert require_success(client.get(URL))["start"] is None


def test_an_entry_says_when_it_starts_and_what_it_waits_for(client: TestClient) -> None:
    planned = plan(client)
    assert (planned["starts_at"], planned["waiting_reason"]) == (NOON, None)
    set_window(client)
    url = f"{API_ROOT}/schedule/{planned['id']}"
    waiting = require_success(client.get(url))
    assert waiting["starts_at"] == "2027-03-27T21:00:00Z"
    assert waiting["waiting_reason"] == (
        "waiting for the production window, which opens at 2027-03-27 22:00 Europe/Berlin"
    )
    night = require_success(client.patch(url, json={"start_at": "2027-03-28T01:30:00Z"}))
    assert (night["starts_at"], night["waiting_reason"]) == ("2027-03-28T01:30:00Z", None)
    cancelled = require_success(client.delete(url))
    assert (cancelled["starts_at"], cancelled["waiting_reason"]) == (None, None)


def test_an_entry_that_is_due_before_the_window_opens_is_refused(client: TestClient) -> None:
    set_window(client)
    body = {"project_id": create_project(client), "start_at": NOON, "due_at": "2027-03-27T20:00:00Z"}
    refused = client.post(f"{API_ROOT}/schedule", json=body)
    assert status_and_code(refused) == (422, "VALIDATION_ERROR")
    assert "2027-03-27T22:00:00+01:00" in refused.json()["error"]["message"]


def test_a_new_window_lists_what_no_longer_fits_and_the_entry_says_so_too(client: TestClient) -> None:
    planned = plan(client, due_at="2027-03-27T20:00:00Z")
    assert planned["obstacle"] is None
    made = set_window(client)
    reason = (
        "It is due 2027-03-27 21:00 Europe/Berlin, and the production window opens at 2027-03-27 22:00 Europe/Berlin"
    )
    entry = {"schedule_id": planned["id"], "project_id": planned["project_id"], "reason": reason}
    assert (made["unfit"], made["unfit_count"]) == ([entry], 1)
    assert require_success(client.get(URL))["unfit"] == [entry]
    (listed,) = require_success(client.get(f"{API_ROOT}/schedule", params={"project_id": planned["project_id"]}))
    assert (listed["state"], listed["obstacle"]) == ("planned", reason)
    removed = require_success(client.delete(URL))
    assert (removed["unfit"], removed["unfit_count"]) == ([], 0)
    assert require_success(client.get(f"{API_ROOT}/schedule/{planned['id']}"))["obstacle"] is None


def test_only_the_film_of_an_episode_is_published(client: TestClient) -> None:
    body = {"project_id": create_project(client), "start_at": NOON, "allow_publish": True}
    assert status_and_code(client.post(f"{API_ROOT}/schedule", json=body)) == (422, "VALIDATION_ERROR")
