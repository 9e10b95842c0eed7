"""The technical stage: checks that a file has the expected form and contains a moving picture.

docs/quality.md lists the metrics with their units, thresholds and reasons.
"""

from __future__ import annotations

import time
from pathlib import Path

from tower.media.decode import MediaUnreadableError, NoMediaFileError
from tower.media.probe import look_through
from tower.quality.container_checks import form
from tower.quality.content import picture, sound
from tower.quality.picture_metrics import Eye
from tower.quality.sound_metrics import Ear
from tower.quality.verdict import Assessment, Expectation, Limits, Metric

__all__ = ["Assessment", "Expectation", "Limits", "judge"]

LIMITS = Limits()


def judge(path: Path, expected: Expectation, limits: Limits = LIMITS) -> Assessment:
    """Decode the clip once and compare it with the expectation.

    A file without a single picture that decodes gets score 0, with `decodes` as the only metric. Raises
    NoMediaFileError if there is no regular file.
    """
    started, eye, ear = time.perf_counter(), Eye(), Ear()
    try:
        probe = look_through(path, on_picture=eye.see, on_sound=ear.hear)
    except NoMediaFileError:
        raise
    except MediaUnreadableError as error:
        metric = Metric("decodes", 0, "frames", expected.frames, "equal", passed=False, reason=error.message)
        return Assessment.of([metric], seconds=time.perf_counter() - started, probe=None)
    metrics = [
        *form(probe, expected),
        *picture(eye.looks, probe.fps, limits),
        *sound(ear if probe.has_audio else None, limits),
    ]
    return Assessment.of(metrics, seconds=time.perf_counter() - started, probe=probe)
