"""Different inputs have a reason, however small the difference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tower.shots.fingerprint_inputs import FingerprintInputs, read_stored_inputs
from tower.staleness.reasons import compare_inputs

GOLDEN = json.loads((Path(__file__).parents[1] / "shots" / "golden_fingerprints.json").read_text())
KAI = {"key": "a", "name": "Kai"}


def inputs(**parts: Any) -> FingerprintInputs:
    """The inputs of the scene with all fields, with these parts replaced."""
    read = read_stored_inputs(GOLDEN["all fields"]["parts"] | parts)
    assert read is not None
    return read


@pytest.mark.parametrize(
    ("was", "now", "field"),
    [
        (
            {"style": {"name": "Noir", "prompt": "rain", "sampler_settings": {}}},
            {"style": {"name": "Noir", "prompt": "rain", "sampler_settings": {"cfg": None}}},
            "sampler_settings/cfg",
        ),
        ({"characters": [KAI, KAI]}, {"characters": [KAI]}, "characters"),
        ({"characters": [KAI]}, {"characters": [KAI | {"description": None}]}, "description"),
        (
            {"style": {"name": "Noir", "prompt": "rain", "sampler_settings": {"steps": 1}}},
            {"style": {"name": "Noir", "prompt": "rain", "sampler_settings": {"steps": True}}},
            "sampler_settings/steps",
        ),
        ({"rules": 1}, {"rules": 2}, "rules"),
    ],
)
def test_different_inputs_have_a_reason(was: dict[str, Any], now: dict[str, Any], field: str) -> None:
    assert inputs(**was).fingerprint != inputs(**now).fingerprint
    assert [reason.field for reason in compare_inputs(inputs(**was), inputs(**now))] == [field]


@pytest.mark.parametrize("name", GOLDEN)
def test_inputs_of_version_0_1_0_are_equal_to_themselves(name: str) -> None:
    read = read_stored_inputs(GOLDEN[name]["parts"])
    assert read is not None
    assert compare_inputs(read, read.model_copy()) == []
