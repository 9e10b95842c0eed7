"""Coefficients that `python -m benchmarks.beats --fit` fitted on tuning tracks; coefficients.json names the run."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

COEFFICIENTS: dict[str, Any] = json.loads((files(__package__) / "coefficients.json").read_text())
