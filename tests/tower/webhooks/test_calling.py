"""Calls to a real server, which answers well, badly, slowly or not at all."""

from __future__ import annotations

import socket
import time
from dataclasses import replace

import pytest

from tests.conftest import find_free_port
from tests.webhook_receiver import Receiver
from tower.webhooks.calling import make_calls
from tower.webhooks.outbox import CallResult, DueCall
from tower.webhooks.signing import make_secret, sign

CALL = DueCall(1, "msg_1", "", (make_secret(),), '{"type":"ping","data":{"title":"雨"}}', tries=1)


def call_once(url: str, **options: float) -> CallResult:
    return make_calls([replace(CALL, url=url)], allow_private=True, **options)[0]


def test_a_call_is_a_signed_post_of_the_body(receiver: Receiver) -> None:
    assert call_once(f"{receiver.url}?a=b") == CallResult(204)
    (received,) = receiver.calls
    assert (received.path, received.body) == ("/hook?a=b", CALL.body)
    sent_at = int(received.headers["webhook-timestamp"])
    assert abs(sent_at - time.time()) < 60
    expected = sign(CALL.secrets, CALL.message_id, sent_at, received.body)
    assert {name: received.headers[name] for name in expected} == expected
    assert received.is_signed_by(CALL.secrets[0])
    assert not received.is_signed_by(make_secret())
    assert received.headers["content-type"] == "application/json"


def test_while_a_secret_is_replaced_a_receiver_with_either_accepts_the_call(receiver: Receiver) -> None:
    new, old = make_secret(), make_secret()
    make_calls([replace(CALL, url=receiver.url, secrets=(new, old))], allow_private=True)
    (received,) = receiver.calls
    assert [received.is_signed_by(secret) for secret in (new, old, make_secret())] == [True, True, False]


@pytest.mark.parametrize(("status", "is_final"), [(302, False), (404, False), (500, False), (410, True)])
def test_every_other_answer_is_a_failure_and_redirects_are_not_followed(
    receiver: Receiver, status: int, is_final: bool
) -> None:
    receiver.statuses = [status]
    result = call_once(receiver.url)
    assert (result.answer, result.is_final, f"answered {status}" in (result.reason or "")) == (status, is_final, True)
    assert len(receiver.calls) == 1


def test_a_private_address_is_not_called_unless_that_is_allowed(receiver: Receiver) -> None:
    (result,) = make_calls([replace(CALL, url=receiver.url)], allow_private=False)
    assert (result.answer, result.is_final, receiver.calls) == (None, True, [])


def test_calls_are_made_at_once_and_end_after_a_deadline(receiver: Receiver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        urls = [f"http://127.0.0.1:{silent.getsockname()[1]}/"] * 3 + [receiver.url]
        began = time.monotonic()
        results = make_calls([replace(CALL, url=url) for url in urls], allow_private=True, deadline_s=1.5)
    assert [result.reason for result in results] == ["It did not answer within 1.5 s"] * 3 + [None]
    assert time.monotonic() - began < 5


def test_what_cannot_be_reached_has_a_reason_in_our_words() -> None:
    assert call_once(f"http://127.0.0.1:{find_free_port()}/").reason == "It cannot be connected to"
    assert call_once("http://nowhere.invalid/").reason == "The name of the receiver has no address"
