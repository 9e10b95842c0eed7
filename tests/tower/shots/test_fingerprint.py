"""The fingerprint of a scene is the same in every version. Otherwise an update would make every accepted take stale."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from tests.tower.shots.golden_scenes import golden_scenes
from tower.shots.fingerprint import collect_fingerprint_inputs

GOLDEN: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("golden_fingerprints.json").read_text())


def test_fingerprints_are_those_of_version_0_1_0(session: Session, tmp_path: Path) -> None:
    """The code of 0.1.0 wrote the file.

    A new PROMPT_RULES_VERSION or a new built-in graph is a reason to write it again; other changes of the code are not.
    """
    fingerprints = {}
    for name, scene in golden_scenes(session, tmp_path):
        inputs = collect_fingerprint_inputs(*scene)
        fingerprints[name] = {"fingerprint": inputs.fingerprint, "parts": inputs.as_json()}
    assert fingerprints == GOLDEN
