"""Different names of the same field are accepted, as long as they agree."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import AliasChoices, Field, ValidationError

from api.http.strict_routes import Body
from api.http.synonyms import rename_query_synonyms
from api.production.generation.bodies import GenerationRequest


class Plan(Body):
    branch: str = Field("main", validation_alias=AliasChoices("branch", "line"))
    duration_s: float | None = None
    episode_id: str | None = None


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        ({"branch_name": "dark"}, "branch", "dark"),
        ({"line": "dark"}, "branch", "dark"),
        ({"duration": 2.5}, "duration_s", 2.5),
        ({"duration_seconds": 2.5}, "duration_s", 2.5),
        ({"episode_key": "a"}, "episode_id", "a"),
        ({"branch": "dark", "branch_name": "dark"}, "branch", "dark"),
    ],
)
def test_another_name_of_a_field_is_accepted(body: dict[str, Any], field: str, value: object) -> None:
    assert getattr(Plan.model_validate(body), field) == value


@pytest.mark.parametrize(
    "body", [{"branch": "dark", "branch_name": "main"}, {"duration": 1, "duration_s": 2}, {"commit": "a"}]
)
def test_two_values_and_unknown_fields_are_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Plan.model_validate(body)


@pytest.mark.parametrize("name", ["duration", "duration_s", "duration_seconds"])
def test_a_generation_takes_each_name_of_its_duration(name: str) -> None:
    request = GenerationRequest.model_validate({"prompt": "rain", name: 5, "quality_preset": "fast_preview"})
    assert (request.duration_s, request.quality) == (5, "fast_preview")


def query(text: str) -> Request:
    return Request({"type": "http", "query_string": text.encode(), "headers": []})


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("branch_name=d%26k&limit=5", "branch=d%26k&limit=5"),
        ("branch=dark&branch_name=dark", "branch=dark"),
        ("branch=dark&x=1&x=2", "branch=dark&x=1&x=2"),
    ],
)
def test_a_query_parameter_has_other_names_too(sent: str, read: str) -> None:
    request = query(sent)
    rename_query_synonyms(request, {"branch", "limit"})
    assert request.scope["query_string"].decode() == read


def test_two_values_of_a_query_parameter_are_refused() -> None:
    with pytest.raises(RequestValidationError) as refused:
        rename_query_synonyms(query("branch=dark&branch_name=main"), {"branch"})
    assert refused.value.errors()[0]["loc"] == ("query", "branch_name")
