"""Prevents lost updates: a change based on an outdated ETag is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from tests.api.api_factories import create_project, require_success
from tests.api.api_requests import API_ROOT, status_and_code

Change = Callable[[dict[str, str], str], Response]


def timeline(client: TestClient) -> tuple[str, Change, str]:
    created = require_success(
        client.post(f"{API_ROOT}/timeline", json={"project_id": create_project(client), "title": "a"}), 201
    )
    url = f"{API_ROOT}/timeline/{created['id']}"
    return url, lambda headers, text: client.put(url, json={"title": text}, headers=headers), "title"


def context(client: TestClient) -> tuple[str, Change, str]:
    event = require_success(
        client.post(f"{API_ROOT}/timeline", json={"project_id": create_project(client), "title": "a"}), 201
    )
    body = {"event_id": event["id"], "kind": "object", "subject": "the seal", "statement": "It is whole."}
    url = f"{API_ROOT}/context/{require_success(client.post(f'{API_ROOT}/context', json=body), 201)['id']}"
    return url, lambda headers, text: client.put(url, json={"statement": text}, headers=headers), "statement"


def preference(client: TestClient) -> tuple[str, Change, str]:
    body: dict[str, Any] = {"kind": "mood", "name": "calm", "preference": {}}
    created = require_success(client.put(f"{API_ROOT}/preferences", json=body))

    def change(headers: dict[str, str], text: str) -> Response:
        answer: Response = client.put(
            f"{API_ROOT}/preferences", json=body | {"preference": {"camera": text}}, headers=headers
        )
        return answer

    return f"{API_ROOT}/preferences/{created['id']}", change, "preference"


def element(client: TestClient) -> tuple[str, Change, str]:
    fields = {"name": "bell", "category": "object", "triggers": ["bell"], "rule": "It is rung once."}
    created = require_success(
        client.post(f"{API_ROOT}/cultural-elements", json={"project_id": create_project(client), **fields}), 201
    )
    url = f"{API_ROOT}/cultural-elements/{created['id']}"
    return url, lambda headers, text: client.put(url, json={"rule": text}, headers=headers), "rule"


@pytest.mark.parametrize("make", [timeline, context, preference, element])
def test_a_second_write_with_a_stale_etag_is_refused(
    client: TestClient, make: Callable[[TestClient], tuple[str, Change, str]]
) -> None:
    url, change, field = make(client)
    read = client.get(url)
    etag = {"If-Match": read.headers["ETag"]}
    first = change(etag, "mine")
    assert require_success(first) == require_success(client.get(url))
    assert first.headers["ETag"] == client.get(url).headers["ETag"] != read.headers["ETag"]
    assert status_and_code(change(etag, "also mine")) == (412, "PRECONDITION_FAILED")
    assert require_success(client.get(url)) == first.json()
    require_success(change({"If-Match": f'"old", {first.headers["ETag"]}'}, "yours"))
    require_success(change({"If-Match": "*"}, "anybody's"))
    assert "anybody's" in str(require_success(change({}, "anybody's"))[field])


def test_a_preference_that_is_not_set_matches_nothing(client: TestClient) -> None:
    body: dict[str, Any] = {"kind": "mood", "name": "calm", "preference": {}}
    for present in ("*", '"some state"'):
        refused = client.put(f"{API_ROOT}/preferences", json=body, headers={"If-Match": present})
        assert status_and_code(refused) == (412, "PRECONDITION_FAILED")
    assert require_success(client.get(f"{API_ROOT}/preferences")) == []


def test_an_absent_entity_is_not_found(client: TestClient) -> None:
    for path in ("timeline", "context", "preferences", "cultural-elements"):
        assert status_and_code(client.get(f"{API_ROOT}/{path}/999999999")) == (404, "NOT_FOUND")


def test_a_read_with_the_current_etag_is_answered_304_without_a_body(client: TestClient) -> None:
    url, change, _ = timeline(client)
    etag = client.get(url).headers["ETag"]
    for given in (etag, f'W/{etag}, "other"', "*"):
        unchanged = client.get(url, headers={"If-None-Match": given})
        assert (unchanged.status_code, unchanged.content, unchanged.headers["ETag"]) == (304, b"", etag)
    require_success(change({}, "b"))
    assert client.get(url, headers={"If-None-Match": etag}).status_code == 200


def test_head_is_answered_where_get_is(client: TestClient) -> None:
    url, _, _ = timeline(client)
    head, got = client.head(url), client.get(url)
    assert (head.status_code, head.headers["ETag"]) == (200, got.headers["ETag"])
    assert client.head(f"{url}0000").status_code == 404
