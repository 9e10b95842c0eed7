"""Generated requests to the episodes service get no 5xx and nothing undocumented."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from schemathesis.specs.openapi.checks import allow_header_conformance, positive_data_acceptance, unsupported_method
from sqlalchemy import Engine

from api.episodes.app import create_app
from db.engine import session_factory as sessions_of
from db.models.keys import Scope
from db.models.projects import Project
from tests.api.live_server import LiveServer, serve_live, without_security
from tests.conftest import empty_tables
from tests.hypothesis_profiles import FUZZ_REQUESTS, is_fuzzing, request_count
from tower import api_keys
from tower.settings import Settings
from tower.versions import editing

Case = schemathesis.Case[Any]
FUZZ = is_fuzzing()
REQUESTS = 100  # the total of a bounded run
NOT_PROMISED = (positive_data_acceptance, unsupported_method, allow_header_conformance)  # see tests/api
REFUSALS = [400, 401, 403, 404, 409, 412, 413, 415, 422]

described = create_app(Settings(database_url="postgresql://unused")).openapi()
schema = schemathesis.openapi.from_dict(without_security(described))
schema.config.phases.coverage.enabled = FUZZ
schema.config.checks.negative_data_rejection.expected_statuses = [str(status) for status in REFUSALS]
each = request_count(REQUESTS, len(list(schema.get_all_operations())))


@pytest.fixture(scope="module")
def service(committing_engine: Engine) -> Iterator[LiveServer]:
    """The service as a server that requires keys, with one project."""
    sessions = sessions_of(committing_engine)
    with sessions.begin() as session:
        token = api_keys.create_key(session, "fuzz", [Scope.ADMIN]).token
        project = Project(id=1, name="Fuzzed")
        session.add(project)
        session.flush()
        editing.create_main(session, project.id)
    url = committing_engine.url.render_as_string(hide_password=False)
    settings = Settings(database_url=url, require_keys=True, rate_limit="off")
    with serve_live(create_app(settings), token) as running:
        yield running
        assert not FUZZ or running.request_count >= FUZZ_REQUESTS
    empty_tables(committing_engine)


@schema.parametrize()
@each
def test_every_operation_answers_as_documented(case: Case, service: LiveServer) -> None:
    case.call_and_validate(base_url=service.url, headers=service.headers, excluded_checks=[*NOT_PROMISED])
