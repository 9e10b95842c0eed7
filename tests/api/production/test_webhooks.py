"""Webhooks over the API: made with a secret that is shown once, changed, tested and removed."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from db.engine import SessionFactory
from db.models.webhooks import WebhookEvent
from tower.webhooks import outbox

PATH = "/api/anime/webhooks"
URL = "https://hooks.example.com/tower"


def add(client: TestClient, **fields: Any) -> dict[str, Any]:
    answer = client.post(PATH, json={"url": URL, **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_the_secret_is_shown_once(client: TestClient) -> None:
    made = add(client)
    assert made["secret"].startswith("whsec_")
    assert (made["events"], made["project_id"], made["active"]) == (["completed", "failed", "published"], None, True)
    shown = client.get(f"{PATH}/{made['id']}").json()
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert client.get(PATH).json() == [shown]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"url": "http://127.0.0.1:4200/api"}, "url"),
        ({"url": "gopher://hooks.example.com"}, "url"),
        ({"events": []}, "events"),
        ({"events": ["ping"]}, "events"),
        ({"events": ["begun"]}, "events.0"),
        ({"project_id": 7}, "project_id"),
        ({"secret": "mine"}, "secret"),
    ],
)
def test_what_cannot_be_a_webhook_is_refused_by_field(client: TestClient, fields: dict[str, Any], field: str) -> None:
    answer = client.post(PATH, json={"url": URL, **fields})
    assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (422, field)
    assert client.get(PATH).json() == []


def test_one_that_is_switched_off_gives_up_its_calls(client: TestClient, sessions: SessionFactory) -> None:
    made = add(client, events=["failed"])
    deliveries = f"{PATH}/{made['id']}/deliveries"
    with sessions.begin() as session:
        outbox.record_event(session, WebhookEvent.FAILED, {"job_id": 1}, project_id=None)
    changed = client.put(f"{PATH}/{made['id']}", json={"active": False, "events": ["published", "failed"]}).json()
    assert (changed["active"], changed["events"], changed["url"]) == (False, ["failed", "published"], URL)
    (call,) = client.get(deliveries).json()
    assert (call["state"], call["reason"]) == ("gave_up", "The webhook was switched off")
    assert client.get(deliveries, params={"state": "pending"}).json() == []
    assert client.delete(f"{PATH}/{made['id']}").json() == {"id": made["id"], "deleted": True}
    assert client.get(deliveries).status_code == 404


def test_a_test_call_says_why_it_was_not_delivered(client: TestClient) -> None:
    made = add(client, url="https://nowhere.invalid/")
    answer = client.post(f"{PATH}/{made['id']}/test").json()
    assert (answer["delivered"], answer["reason"]) == (False, "The name of the receiver has no address")
    (call,) = client.get(f"{PATH}/{made['id']}/deliveries").json()
    assert (call["id"], call["event"], call["state"], call["tries"]) == (answer["delivery_id"], "ping", "gave_up", 1)
