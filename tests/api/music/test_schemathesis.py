"""Generated requests to the music service get no 5xx and nothing undocumented."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis.specs.openapi.checks import allow_header_conformance, positive_data_acceptance, unsupported_method
from sqlalchemy import Engine

from api.music.app import create_app
from db.engine import session_factory as sessions_of
from db.models.keys import Scope
from tests.api.live_server import LiveServer, serve_live, without_security
from tests.conftest import empty_tables
from tests.hypothesis_profiles import FUZZ_REQUESTS, is_fuzzing, request_count
from tower import api_keys
from tower.settings import Settings

Case = schemathesis.Case[Any]
FUZZ = is_fuzzing()
REQUESTS = 200  # the total of a bounded run
NOT_PROMISED = (positive_data_acceptance, unsupported_method, allow_header_conformance)  # see tests/api
REFUSALS = [400, 401, 403, 404, 409, 413, 415, 422, 503]  # 503: the catalogue, without a key

described = create_app(Settings(database_url="postgresql://unused")).openapi()
schema = schemathesis.openapi.from_dict(without_security(described))
schema.config.phases.coverage.enabled = FUZZ
schema.config.checks.negative_data_rejection.expected_statuses = [str(status) for status in REFUSALS]
each = request_count(REQUESTS, len(list(schema.get_all_operations())))


@pytest.fixture(scope="module")
def service(committing_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """The service as a server that requires keys, on an empty library."""
    folder: Path = tmp_path_factory.mktemp("music")
    sessions = sessions_of(committing_engine)
    with sessions.begin() as session:
        token = api_keys.create_key(session, "fuzz", [Scope.ADMIN]).token
    settings = Settings(
        data_dir=folder,
        database_url=committing_engine.url.render_as_string(hide_password=False),
        require_keys=True,
        rate_limit="off",
    )
    with serve_live(create_app(settings), token) as running:
        yield running
        assert not FUZZ or running.request_count >= FUZZ_REQUESTS
    empty_tables(committing_engine)


@schema.parametrize()
@each
def test_every_operation_answers_as_documented(case: Case, service: LiveServer) -> None:
    response = case.call(base_url=service.url, headers=service.headers)
    if response.status_code == 503 and "APPLE_MUSIC_NOT_CONFIGURED" in response.text:
        return
    case.validate_response(response, excluded_checks=[*NOT_PROMISED])


def test_sequences_of_operations_answer_as_documented(service: LiveServer, committing_engine: Engine) -> None:
    """Values from one answer are used in other requests: created, changed, deleted, read again.

    Scans are excluded: they run beside the requests, which makes results depend on timing.
    """
    settled = schema.exclude(path_regex="/library/scan")

    class Machine(settled.as_state_machine()):  # type: ignore[misc] # the class is created at run time
        def setup(self) -> None:
            empty_tables(
                committing_engine, except_table="api_keys"
            )  # earlier entities would change the results of the same requests

        def get_call_kwargs(self, _: Case) -> dict[str, Any]:
            return {"base_url": service.url, "headers": service.headers}

        def validate_response(self, response: Any, case: Case, _: Any = None, **transport: Any) -> None:
            if response.status_code == 503 and "APPLE_MUSIC_NOT_CONFIGURED" in response.text:
                return
            case.validate_response(response, excluded_checks=[*NOT_PROMISED], transport_kwargs=transport)

    bounds = hypothesis.settings(each, max_examples=500 if FUZZ else 5, stateful_step_count=20 if FUZZ else 12)
    Machine.run(settings=bounds)
