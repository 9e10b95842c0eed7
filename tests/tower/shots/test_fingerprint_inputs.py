"""The inputs stored with a take are read exactly as written, or not at all."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from tower.shots.fingerprint_inputs import ModelInputs, ProductionInputs, read_stored_inputs

GOLDEN = json.loads(Path(__file__).with_name("golden_fingerprints.json").read_text())
PARTS: dict[str, Any] = GOLDEN["alone"]["parts"]


@pytest.mark.parametrize("name", GOLDEN)
def test_inputs_stored_by_version_0_1_0_have_the_same_fingerprint(name: str) -> None:
    read = read_stored_inputs(GOLDEN[name]["parts"])
    assert read is not None
    assert read.fingerprint == GOLDEN[name]["fingerprint"]
    assert read.as_json() == GOLDEN[name]["parts"]


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"seed": 7},
        [],
        PARTS | {"lens": "50 mm"},
        PARTS | {"production": PARTS["production"] | {"steps": True}},
        PARTS | {"production": PARTS["production"] | {"steps": "30"}},
        PARTS | {"seed": None},
    ],
)
def test_inputs_in_an_unknown_form_are_not_read(stored: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A partial reading would change the fingerprint or hide a reason."""
    with caplog.at_level(logging.WARNING, "tower.staleness"):
        assert read_stored_inputs(stored) is None
    assert len(caplog.messages) == 1


def test_missing_inputs_are_read_as_none(caplog: pytest.LogCaptureFixture) -> None:
    assert read_stored_inputs(None) is None
    assert caplog.messages == []


def test_a_changed_copy_has_its_own_fingerprint() -> None:
    read = read_stored_inputs(PARTS)
    assert read is not None
    before = read.fingerprint
    production: ProductionInputs = read.production.model_copy(update={"steps": 99})
    assert read.model_copy(update={"production": production}).fingerprint != before
    other = read.model_copy(update={"model": ModelInputs(name=read.model.name, files={})})
    assert other.fingerprint != before
    assert read.fingerprint == before
