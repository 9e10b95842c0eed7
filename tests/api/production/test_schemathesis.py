"""Requests generated from the service's OpenAPI get no 5xx and nothing undocumented.

With `--hypothesis-profile=fuzz` there are more requests, at random and at every boundary.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis.specs.openapi.checks import allow_header_conformance, positive_data_acceptance, unsupported_method
from sqlalchemy import Engine

from api.production.app import create_app
from db.engine import session_factory as sessions_of
from db.models.keys import Scope
from tests.api.live_server import LiveServer, serve_live, without_security
from tests.api.prefect_queue import create_deployments, delete_live_runs
from tests.conftest import empty_tables
from tests.fakes.comfyui.server import FakeComfyUI
from tests.hypothesis_profiles import FUZZ_REQUESTS, is_fuzzing, request_count
from tower import api_keys
from tower.clients.prefect import PrefectClient
from tower.settings import Settings

Case = schemathesis.Case[Any]
FUZZ = is_fuzzing()
REQUESTS = 500  # the total of a bounded run
NOT_PROMISED = (
    positive_data_acceptance,  # a rule beyond the schema, such as "one of these two", gives 422
    unsupported_method,  # test_openapi.py checks both; /scenes/reorder also matches /scenes/{scene_id}
    allow_header_conformance,
)
REFUSALS = [400, 401, 403, 404, 412, 413, 415, 422]  # of values that a schema forbids


described = create_app(Settings(database_url="postgresql://unused")).openapi()
schema = schemathesis.openapi.from_dict(without_security(described))
schema.config.phases.coverage.enabled = FUZZ
schema.config.checks.negative_data_rejection.expected_statuses = [str(status) for status in REFUSALS]
each = request_count(REQUESTS, len(list(schema.get_all_operations())))


@pytest.fixture(scope="module")
def service(committing_engine: Engine, prefect: PrefectClient) -> Iterator[LiveServer]:
    """The service as a server that requires keys, with a real Prefect and a ComfyUI."""
    create_deployments(prefect)
    sessions = sessions_of(committing_engine)
    with sessions.begin() as session:
        token = api_keys.create_key(session, "fuzz", [Scope.ADMIN]).token
    with FakeComfyUI() as comfyui:
        settings = Settings(
            database_url=committing_engine.url.render_as_string(hide_password=False),
            prefect_api_url=prefect.url,
            comfyui_url=comfyui.url,
            require_keys=True,
            rate_limit="off",
        )
        with serve_live(create_app(settings), token) as running:
            yield running
            assert not FUZZ or running.request_count >= FUZZ_REQUESTS
    prefect.set_paused("gpu", False)
    delete_live_runs(prefect)
    empty_tables(committing_engine)


@schema.parametrize()
@each
def test_every_operation_answers_as_documented(case: Case, service: LiveServer) -> None:
    case.call_and_validate(base_url=service.url, headers=service.headers, excluded_checks=[*NOT_PROMISED])


def test_sequences_of_operations_answer_as_documented(
    service: LiveServer, committing_engine: Engine, prefect: PrefectClient
) -> None:
    """Values from one answer are used in other requests: created, changed, deleted, read again."""

    class Machine(schema.as_state_machine()):  # type: ignore[misc] # the class is created at run time
        def setup(self) -> None:
            empty_tables(
                committing_engine, except_table="api_keys"
            )  # earlier entities would change the results of the same requests
            prefect.set_paused("gpu", False)

        def get_call_kwargs(self, _: Case) -> dict[str, Any]:
            return {"base_url": service.url, "headers": service.headers}

        def validate_response(self, response: Any, case: Case, _: Any = None, **transport: Any) -> None:
            case.validate_response(response, excluded_checks=[*NOT_PROMISED], transport_kwargs=transport)

    bounds = hypothesis.settings(each, max_examples=200 if FUZZ else 5, stateful_step_count=20 if FUZZ else 12)
    Machine.run(settings=bounds)
