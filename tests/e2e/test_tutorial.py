"""docs/tutorial.md, line by line, on the session's stack."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import JOB_TIMEOUT_S, RunningStack

pytestmark = pytest.mark.e2e
DOCUMENT = Path(__file__).parents[2] / "docs" / "tutorial.md"
STARTS_THE_STACK = "make up\n"  # the stack of the session stands in for it
AT_AN_ERROR = "trap 'echo \"failed: $BASH_COMMAND\" >&2' ERR"


def test_every_line_works_and_leaves_what_the_text_says(stack: RunningStack, tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    assert blocks[0] == STARTS_THE_STACK
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    shows = "for scene in $BRIDGE $TRAIN; do tower scene show $scene --json; done; "
    shows += 'curl -sf "$TOWER_PRODUCTION_URL/scenes/$TRAIN/audio"'
    script = "\n".join(("set -Eeuo pipefail", AT_AN_ERROR, *blocks[1:], "echo ===", shows))
    ran = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, **stack.env},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=2 * JOB_TIMEOUT_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    done, _, state = ran.stdout.partition("===\n")
    assert "characters Kai Nakamura visual_traits/coat: black → red" in done
    assert done.count("No scene is stale") == 2, done
    # The answer of curl before the last render has no newline at its end.
    assert len(re.findall(r"(?:^|\})/\S*\.mp4$", done, re.MULTILINE)) == 3
    assert state.count('"status": "rendered"') == 2, state
    assert re.search(r'"measured_error_ms":\s*\d', state), state
    assert (tmp_path / "neon-rain.tower").stat().st_size > 10_000
