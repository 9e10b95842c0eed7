"""The query plans of the API benchmark: runs EXPLAIN on the statements that the service sends."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import Engine, event

from api.production.app import create_app
from benchmarks.clients import Request
from db.engine import open_engine
from tower.settings import Settings

LARGE_TABLES = ("scenes", "production_jobs", "render_queue", "version_objects", "commits")
Statement = tuple[str, Any]


@dataclass(frozen=True)
class QueryPlan:
    """The plan of one statement: the indexes that it uses on large tables, and the large tables that it scans."""

    statement: str
    indexes: frozenset[str]
    scans: frozenset[str]


def explain_requests(database_url: str, requests: Mapping[str, Request]) -> dict[str, list[QueryPlan]]:
    """Send each request once to the service, in this process, and explain every SELECT that it makes."""
    settings = Settings(database_url=database_url, prefect_api_url="http://127.0.0.1:9/api")
    engine = open_engine(database_url, application="benchmark")
    try:
        with TestClient(create_app(settings)) as client:
            return {name: _plans(engine, _statements(client, request)) for name, request in requests.items()}
    finally:
        engine.dispose()


def _statements(client: TestClient, request: Request) -> list[Statement]:
    with _listening() as statements:
        answer = client.request(request.method, request.path)
    if not answer.is_success:
        raise RuntimeError(f"{request.path}: {answer.text[:300]}")
    return statements


@contextmanager
def _listening() -> Iterator[list[Statement]]:
    statements: list[Statement] = []

    def record(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked = threading.current_thread().name != "reconciler"  # the service polls the jobs meanwhile
        if asked and statement.lstrip(" (\n").upper().startswith("SELECT"):  # a UNION begins with a parenthesis
            statements.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", record)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", record)


def _plans(engine: Engine, statements: list[Statement]) -> list[QueryPlan]:
    with engine.connect() as connection:
        return [_plan(connection, *statement) for statement in statements if _is_large(statement[0])]


def _plan(connection: Any, statement: str, parameters: Any) -> QueryPlan:
    found = connection.exec_driver_sql(f"explain (format json) {statement}", parameters).scalar()
    nodes = list(_nodes((json.loads(found) if isinstance(found, str) else found)[0]["Plan"]))
    indexes = frozenset(node["Index Name"] for node in nodes if "Index Name" in node)
    whole = (node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan")
    return QueryPlan(" ".join(statement.split())[:300], indexes, frozenset(whole) & frozenset(LARGE_TABLES))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", ()):
        yield from _nodes(inner)


def _is_large(statement: str) -> bool:
    return any(table in statement for table in LARGE_TABLES)
