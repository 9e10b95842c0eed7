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


def test_a_call_is_sent_again_and_lists_its_tries(client: TestClient, sessions: SessionFactory) -> None:
    made = add(client, events=["failed"])
    with sessions.begin() as session:
        outbox.record_event(session, WebhookEvent.FAILED, {"job_id": 1}, project_id=None)
        (due,) = outbox.claim_due(session)
        outbox.record_result(session, due, outbox.CallResult(410, "It answered 410", is_final=True))
    path = f"{PATH}/{made['id']}/deliveries/{due.delivery_id}"
    given_up = client.get(path).json()
    assert (given_up["state"], given_up["answer"], given_up["attempts"][0]["answer"]) == ("gave_up", 410, 410)
    client.put(f"{PATH}/{made['id']}", json={"active": False})
    refused = client.post(f"{path}/resend")
    assert (refused.status_code, "switched off" in refused.json()["error"]["message"]) == (409, True)
    client.put(f"{PATH}/{made['id']}", json={"active": True})
    sent = client.post(f"{path}/resend")
    assert (sent.status_code, sent.json()["state"], sent.json()["ended_at"]) == (202, "pending", None)
    assert (sent.json()["message_id"], sent.json()["attempts"]) == (given_up["message_id"], given_up["attempts"])
    assert client.post(f"{PATH}/{made['id']}/deliveries/{due.delivery_id + 1}/resend").status_code == 404


def test_a_test_call_is_not_sent_again(client: TestClient) -> None:
    made = add(client, url="https://nowhere.invalid/")
    ping = client.post(f"{PATH}/{made['id']}/test").json()
    refused = client.post(f"{PATH}/{made['id']}/deliveries/{ping['delivery_id']}/resend")
    assert (refused.status_code, "test the webhook" in refused.json()["error"]["message"]) == (409, True)


def test_a_new_secret_is_shown_once_and_says_how_long_the_old_one_signs(client: TestClient) -> None:
    made = add(client)
    path = f"{PATH}/{made['id']}/secret"
    changed = client.post(path, json={"old_valid_hours": 2}).json()
    assert changed["secret"] != made["secret"]
    assert changed["old_secret_until"] is not None
    assert "secret" not in client.get(f"{PATH}/{made['id']}").json()
    assert client.post(path, json={"old_valid_hours": 0}).json()["old_secret_until"] is None
    assert client.post(path, json={"old_valid_hours": -1}).status_code == 422


def test_a_test_call_says_why_it_was_not_delivered(client: TestClient) -> None:
    made = add(client, url="https://nowhere.invalid/")
    answer = client.post(f"{PATH}/{made['id']}/test").json()
    assert (answer["delivered"], answer["reason"]) == (False, "The name of the receiver has no address")
    (call,) = client.get(f"{PATH}/{made['id']}/deliveries").json()
    assert (call["id"], call["event"], call["state"], call["tries"]) == (answer["delivery_id"], "ping", "gave_up", 1)
