"""Tries the libraries of the analysis processes in a process of its own, so that the service does not import them."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import Future, TimeoutError
from dataclasses import dataclass, field
from importlib.metadata import version

from tower.errors.foreign import reason_of

WAIT_S = 8.0  # less than the 10 s that many HTTP clients wait
LIBRARIES = {name: name for name in ("av", "librosa", "numba", "numpy", "scipy")} | {"sklearn": "scikit-learn"}


@dataclass(frozen=True)
class TrialResult:
    """`versions`: the libraries that were imported and used. `reason`: why librosa is missing among them."""

    versions: dict[str, str] = field(default_factory=dict)
    reason: str | None = None


class LibraryTrial:
    """Runs once, at the first call of `result`. Several threads may call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._result: Future[TrialResult] = Future()

    def result(self, *, wait_s: float = WAIT_S) -> TrialResult:
        """The result, or a reason if the trial takes longer than `wait_s`."""
        with self._lock:
            if self._process is None:
                self._process = _start_trial()
                threading.Thread(target=self._read_result, args=(self._process,), daemon=True).start()
        try:
            return self._result.result(timeout=wait_s)
        except TimeoutError:
            return TrialResult(reason="The trial of librosa has not ended yet; ask again")

    def stop(self) -> None:
        """End the process if it still runs."""
        with self._lock:
            if self._process is not None:
                self._process.kill()

    def _read_result(self, process: subprocess.Popen[str]) -> None:
        output, _ = process.communicate()
        try:
            result = TrialResult(**json.loads(output))
        except ValueError:
            result = TrialResult(reason=f"The trial of librosa ended with exit code {process.returncode}")
        self._result.set_result(result)


def main() -> None:
    """Analyse a tone, and print the versions of the libraries that this imported."""
    import numpy as np

    from tower.beats.onsets import compute_onsets
    from tower.beats.sound import RATE_HZ, Samples

    tone: Samples = np.sin(np.arange(2 * RATE_HZ) * 0.125).astype(np.float32)
    compute_onsets([tone])
    reason = None
    try:
        from tower.beats.structure.features import compute_features

        compute_features([tone])
    except Exception as error:  # A broken installation fails in many ways, and each of them is the answer.
        reason = f"librosa does not work: {reason_of(error)}"
    used = {name: package for name, package in LIBRARIES.items() if name in sys.modules}
    if reason:
        used.pop("librosa", None)
    versions = {name: version(package) for name, package in used.items()}
    sys.stdout.write(json.dumps({"versions": versions, "reason": reason}))


def _start_trial() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tower.beats.trial"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


if __name__ == "__main__":
    main()
