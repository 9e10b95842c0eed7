"""The lengths, sizes and rates that a graph can render, in words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tower.workflows.test_limits import paths_to
from tower.workflows.served_forms import describe_served_forms


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("frames", {"min": 1, "max": 81, "step": 4}, "1 to 81 frames in steps of 4"),
        ("frames", {"min": 7, "step": 6}, "7 frames or more in steps of 6"),
        ("frames", {"min": 1, "max": 4096}, "1 to 4096 frames; 1 unless"),
        ("width", {"min": 16, "max": 2048, "step": 32}, "16 to 2048 pixels in steps of 32"),
        ("height", {"min": 16, "max": 2048, "step": 1}, "16 to 2048 pixels in steps of 8"),
        ("fps", {"min": 1, "max": 60}, "1 to 60 frames per second, whole numbers only"),
    ],
)
def test_published_limits_are_described(name: str, options: dict[str, Any], words: str) -> None:
    paths, binding = paths_to(options)
    served = describe_served_forms(paths.graph, {name: [binding]}, paths.info)
    assert served[name].startswith(words)
    others = {served[other] for other in served if other != name}
    assert others == {"the graph decides: a shot of another form fails"}
