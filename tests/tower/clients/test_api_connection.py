"""The connection to one of Tower's APIs, when a proxy answers in its place."""

from __future__ import annotations

import pytest

from tests.fakes.proxy import FakeProxy
from tower.clients.production import ProductionClient
from tower.errors import UnavailableError


@pytest.mark.parametrize("status", [404, 429, 502])
@pytest.mark.parametrize("body", ["<html>Not now</html>", '{"error": "not now"}', "[]", '{"error": {}}'])
def test_the_answer_of_a_proxy_is_not_towers(status: int, body: str) -> None:
    with (
        FakeProxy(status, body) as proxy,
        ProductionClient(proxy.url) as client,
        pytest.raises(UnavailableError, match="not from Tower"),
    ):
        client.get_status(1)
