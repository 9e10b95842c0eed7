"""What the processes that listen stand on, found by one that listens: a name here was imported and used.

Only a process of its own imports librosa; whoever asks waits for what it says.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version

WAIT_S = 8.0  # below the 10 s that many HTTP clients wait
LIBRARIES = {name: name for name in ("av", "librosa", "numba", "numpy", "scipy")} | {"sklearn": "scikit-learn"}


@dataclass(frozen=True)
class Tried:
    """`versions`: of the libraries that were loaded. `reason`: why librosa is not among them."""

    versions: dict[str, str] = field(default_factory=dict)
    reason: str | None = None


class Trial:
    """Tries once, when it is first asked. Safe to ask from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._found: Tried | None = None

    def result(self, *, wait_s: float = WAIT_S) -> Tried:
        """What was found; a reason instead, while the trial takes longer than `wait_s`."""
        with self._lock:
            if self._found is None:
                if self._process is None:
                    command = [sys.executable, "-m", "tower.beats.trial"]
                    self._process = subprocess.Popen(
                        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True
                    )
                self._found = _said(self._process, wait_s)
            return self._found or Tried(reason="It is still being tried; ask again")

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def _said(process: subprocess.Popen[str], wait_s: float) -> Tried | None:
    try:
        said, _ = process.communicate(timeout=wait_s)
    except subprocess.TimeoutExpired:
        return None
    with suppress(ValueError):
        return Tried(**json.loads(said))
    return Tried(reason=f"The process that tried it ended with {process.returncode}")


def main() -> None:
    import numpy as np

    from tower.beats.onsets import compute_onsets
    from tower.beats.sound import RATE_HZ, Samples

    tone: Samples = np.sin(np.arange(2 * RATE_HZ) * 0.125).astype(np.float32)
    compute_onsets([tone])
    reason = None
    try:
        from tower.beats.structure.features import features

        features([tone])
    except Exception as broken:  # a broken installation fails in many ways, and each is what was asked for
        reason = f"librosa does not work: {broken}"
    used = {name: package for name, package in LIBRARIES.items() if name in sys.modules}
    if reason:
        used.pop("librosa", None)
    sys.stdout.write(
        json.dumps({"versions": {name: version(package) for name, package in used.items()}, "reason": reason})
    )


if __name__ == "__main__":
    main()
