"""The technical stage: checks that a file has the expected form and contains a moving picture.

docs/quality.md lists the metrics with their units, thresholds and reasons.
"""

from __future__ import annotations

import time
from pathlib import Path

from tower.media.decode import MediaUnreadableError, NoMediaFileError
from tower.media.probe import probe_frames
from tower.quality.container_checks import check_container
from tower.quality.content import check_picture, check_sound
from tower.quality.picture_metrics import PictureMeter
from tower.quality.sound_metrics import SoundMeter
from tower.quality.verdict import Assessment, Expectation, Limits, Metric

__all__ = ["Assessment", "Expectation", "Limits", "judge"]

DEFAULT_LIMITS = Limits()


def judge(path: Path, expected: Expectation, limits: Limits = DEFAULT_LIMITS) -> Assessment:
    """Decode the clip once and compare it with the expectation.

    A file without a single picture that decodes gets score 0, with `decodes` as the only metric. Raises
    NoMediaFileError if there is no regular file.
    """
    started, eye, ear = time.perf_counter(), PictureMeter(), SoundMeter()
    try:
        probe = probe_frames(path, on_picture=eye.add_frame, on_sound=ear.add_frame)
    except NoMediaFileError:
        raise
    except MediaUnreadableError as error:
        metric = Metric("decodes", 0, "frames", expected.frames, "equal", passed=False, reason=error.message)
        return Assessment.from_metrics([metric], seconds=time.perf_counter() - started, probe=None)
    metrics = [
        *check_container(probe, expected),
        *check_picture(eye.stats, probe.fps, limits),
        *check_sound(ear if probe.has_audio else None, limits),
    ]
    return Assessment.from_metrics(metrics, seconds=time.perf_counter() - started, probe=probe)
