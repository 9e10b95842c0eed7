"""The fingerprint of a scene is the same in every version: else every accepted take would be stale after an update."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from tests.tower.shots.golden_scenes import golden_scenes
from tower.shots.fingerprint import collect_fingerprint_inputs

GOLDEN: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("golden_fingerprints.json").read_text())


def test_fingerprints_are_those_of_version_0_1_0(session: Session, tmp_path: Path) -> None:
    """The file was written by the code of 0.1.0. A new PROMPT_RULES_VERSION or built-in graph is a reason to write it
    again; a change of code is none."""
    found = {}
    for name, scene in golden_scenes(session, tmp_path):
        inputs = collect_fingerprint_inputs(*scene)
        found[name] = {"fingerprint": inputs.fingerprint, "parts": inputs.as_json()}
    assert found == GOLDEN
