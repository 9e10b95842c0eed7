"""Runs all benchmarks one after another: `make bench`."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = (
    *("main_job", "growth", "engine", "fast", "joining", "versions", "staleness", "api"),
    *("beats", "structure", "sync", "library", "quality", "consistency"),
)


def main() -> int:
    codes = [
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode for name in BENCHMARKS
    ]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
